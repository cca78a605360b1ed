"""Plain data on a byte stream: JSON for structure, raw bytes for tensors; runs on both sides."""

import json
import math
import struct
from typing import Any, BinaryIO, Protocol

import torch
from torch import Tensor

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}
LIMIT = 64 << 20
DEEPEST = 60
_HEADER = struct.Struct(">II")


class Readable(Protocol):
    """What a message can be read from."""

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes, and none at the end alone."""


class NotData(TypeError):
    """A value that may not cross: not a tensor, number, string, dtype, None, or a list, tuple or dict of these."""


class Malformed(ValueError):
    """Bytes from the other side that are not a message."""


def send(stream: BinaryIO, value: Any) -> None:
    """Write one message; raises NotData before anything is written."""
    blobs: list[bytes] = []
    head = json.dumps(_pack(value, blobs, 0)).encode()
    body = b"".join(blobs)
    if len(head) + len(body) > LIMIT:
        raise NotData(f"a message of {len(head) + len(body)} bytes; {LIMIT} are allowed")
    stream.write(_HEADER.pack(len(head), len(body)) + head + body)
    stream.flush()


def receive(stream: Readable) -> Any:
    """Read one message; raises EOFError at the stream's end and Malformed for anything but plain data."""
    head, body = _HEADER.unpack(_exactly(stream, _HEADER.size))
    if head + body > LIMIT:
        raise Malformed(f"a message of {head + body} bytes; {LIMIT} are allowed")
    text, blob = _exactly(stream, head), bytearray(_exactly(stream, body))
    try:
        return _Unpacking(blob).value(json.loads(text), 0)
    except Malformed:
        raise
    except (ValueError, TypeError, KeyError, RuntimeError, RecursionError, OverflowError, MemoryError) as error:
        raise Malformed(f"{type(error).__name__} while reading a message") from None


def _exactly(stream: Readable, count: int) -> bytes:
    parts, missing = [], count
    while missing:
        part = stream.read(missing)
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _pack(value: Any, blobs: list[bytes], depth: int) -> Any:
    if depth > DEEPEST:
        raise NotData(f"a value nested more than {DEEPEST} deep was returned")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return float(value) if isinstance(value, float) else int(value)
    if isinstance(value, Tensor):
        return _pack_tensor(value, blobs)
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, list):
        return {"list": [_pack(item, blobs, depth + 1) for item in value]}
    if isinstance(value, tuple):
        return {"tuple": [_pack(item, blobs, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[str(key), _pack(item, blobs, depth + 1)] for key, item in value.items()]}
    raise NotData(f"a value of type {type(value).__name__} was returned where a tensor or a number belongs")


def _pack_tensor(value: Tensor, blobs: list[bytes]) -> dict[str, Any]:
    """The tensor's elements in memory order with its strides, so that a view arrives as the same kind of view."""
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in DTYPES or value.layout is not torch.strided or value.device.type != "cpu":
        raise NotData(f"a tensor of {value.dtype}, {value.layout}, on {value.device}")
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        plain = value.detach().resolve_conj().resolve_neg()
        if plain.numel() * plain.element_size() > LIMIT:
            raise NotData(f"a tensor of {plain.numel()} elements was returned")
        shape, strides = list(plain.shape), list(plain.stride())
        span = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if not plain.numel():
            span = 0
        elif span > 4 * plain.numel() + 64:
            plain = plain.contiguous()
            span, strides = plain.numel(), list(plain.stride())
        flat = plain.as_strided((span,), (1,)).contiguous()
        blob = flat.view(torch.uint8).numpy().tobytes() if span else b""
    blobs.append(blob)
    return {"tensor": dtype, "shape": shape, "strides": strides, "span": span}


class _Unpacking:
    """One message's values; none is more than its bytes paid for.

    Each tensor takes the next bytes of the body, and all of them together, unfolded, are no larger than a message:
    else a short one could name the same bytes a million times over, or a single number as a tensor of gigabytes.
    """

    def __init__(self, body: bytearray) -> None:
        self._body = body
        self._read = 0
        self._room = LIMIT

    def value(self, node: Any, depth: int) -> Any:
        """The value that a node of the JSON text stands for."""
        if depth > DEEPEST:
            raise Malformed("a value nested too deeply")
        if not isinstance(node, (dict, list)):
            return node
        match node:
            case {"tensor": str(dtype), "shape": [*shape], "strides": [*strides], "span": int(span)}:
                return self._tensor(DTYPES[dtype], shape, strides, span)
            case {"dtype": str(dtype)}:
                return DTYPES[dtype]
            case {"list": [*items]}:
                return [self.value(item, depth + 1) for item in items]
            case {"tuple": [*items]}:
                return tuple(self.value(item, depth + 1) for item in items)
            case {"dict": [*items]}:
                return {str(key): self.value(item, depth + 1) for key, item in items}
        raise Malformed("a message of unknown form")

    def _tensor(self, dtype: torch.dtype, shape: list[int], strides: list[int], span: int) -> Tensor:
        if len(shape) > 32 or len(shape) != len(strides) or min((*shape, *strides, span), default=0) < 0:
            raise Malformed("a tensor of impossible shape")
        if not math.prod(shape):
            return torch.empty(shape, dtype=dtype)
        self._room -= math.prod(shape) * dtype.itemsize
        if self._room < 0:
            raise Malformed("tensors larger than a message may be")
        count, start = span * dtype.itemsize, self._read
        self._read += count
        flat = torch.frombuffer(self._body, dtype=torch.uint8, count=count, offset=start).clone().view(dtype)
        return flat.as_strided(shape, strides)
