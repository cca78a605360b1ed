"""Write calls and answers as text: for reading, and as Python source that runs without the grader; runs on our side."""

import ast
import base64
import inspect
import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from grader import calls
from grader.compare import alike
from grader.side import Raised

LONGEST = 600
_LITERAL = 64


def literal(value: Any) -> str:
    """Python source that makes the value, given `import torch`."""
    if isinstance(value, Tensor):
        return _tensor_literal(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def brief(value: Any) -> str:
    """The value for reading: as `literal`, but long tensors are summed up, and exceptions named."""
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}" if str(value) else type(value).__name__
    if isinstance(value, Tensor) and _is_long(value):
        head = ", ".join(f"{float(x):.4g}" for x in value.detach().reshape(-1)[:4])
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype}: {head}, …"
    if isinstance(value, (list, tuple)):
        shown = [brief(item) for item in value[:8]] + (["…"] if len(value) > 8 else [])
        inner = ", ".join(shown)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {brief(item)}" for key, item in value.items()) + "}"
    return literal(value)


def difference(expected: Any, got: Any) -> tuple[str, str]:
    """Both answers, for reading; of two dicts or two long sequences only the entries that differ."""
    if isinstance(expected, dict) and isinstance(got, dict) and expected.keys() == got.keys():
        keys = [key for key in expected if not alike(expected[key], got[key])]
        if keys:
            pairs = {key: difference(expected[key], got[key]) for key in keys}
            return tuple("\n".join(f"{key}: {pair[side]}" for key, pair in pairs.items()) for side in (0, 1))  # type: ignore[return-value]  # two sides make a pair
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)) and len(expected) == len(got) > 1:
        places = [i for i in range(len(expected)) if not alike(expected[i], got[i])]
        if places:
            first = difference(expected[places[0]], got[places[0]])
            return f"[{places[0]}] {first[0]}", f"[{places[0]}] {first[1]}"
    if isinstance(expected, Tensor) and isinstance(got, Tensor) and _is_long(expected) and _is_long(got):
        place = _first_difference(expected, got)
        if place:
            where = f"[{', '.join(map(str, place))}] of "
            return tuple(f"{where}{brief(one)}: {_number(one.detach()[place], one.dtype)}" for one in (expected, got))  # type: ignore[return-value]  # two sides make a pair
    return brief(expected)[:LONGEST], brief(got)[:LONGEST]


def _is_long(value: Tensor) -> bool:
    return value.numel() > _LITERAL // 4


def _first_difference(expected: Tensor, got: Tensor) -> tuple[int, ...]:
    """The index of the first element that differs by more than rounding, () where forms differ or all agree."""
    if expected.shape != got.shape or expected.dtype != got.dtype:
        return ()
    one, other = expected.detach().double(), got.detach().double()
    share = torch.finfo(expected.dtype).eps ** 0.5 if expected.is_floating_point() else 0.0
    places = (~torch.isclose(other, one, rtol=share, atol=0.0, equal_nan=True)).nonzero()
    return tuple(int(i) for i in places[0]) if len(places) else ()


def call_text(call: calls.Call, probe: Any) -> str:
    """The call for reading, with the probe's own names for its arguments."""
    count = call.orders[0] if call.orders else len(call.args)
    names = list(inspect.signature(probe).parameters)[1:]
    named = [f"{name}={brief(arg)}" for name, arg in zip(names, call.args[:count], strict=False)]
    named += [f"{name}={brief(value)}" for name, value in call.kwargs.items()]
    text = f"{call.probe}({', '.join(named)})"
    if not call.orders:
        return text
    kind = "gradient" if len(call.orders) == 1 else f"derivative of order {len(call.orders)}"
    return f"{kind} of {text}, incoming gradient {', '.join(brief(arg) for arg in call.args[count:])}"


def reproduction(call: calls.Call, filename: str, probes_source: str, expected: str, got: str) -> str:
    """Source that makes the call beside the submission's file, with torch alone, and prints the answer.

    For a notebook it is a cell of that notebook, and a function: a probe may be called like the learner's own.
    """
    if Path(filename).suffix.lower() != ".ipynb":
        learner = f"learner = importlib.import_module({Path(filename).stem!r})  # your file, in this folder"
        return "\n".join(["import importlib", *_replay(call, learner, probes_source, expected, got)]) + "\n"
    learner = "import __main__ as learner  # your notebook: run this in a cell of it"
    body = textwrap.indent("\n".join(_replay(call, learner, probes_source, expected, got)), "    ")
    return f"def _counterexample():\n{body}\n\n\n_counterexample()\n"


def _replay(call: calls.Call, learner: str, probes_source: str, expected: str, got: str) -> list[str]:
    arguments = [f"    {_argument(call, i)}," for i in range(len(call.args))]
    keywords = "".join(f", {name}={literal(value)}" for name, value in call.kwargs.items())
    return [
        "import random",
        "",
        "import torch",
        "",
        learner,
        "",
        "",
        _needed(probes_source, call.probe),
        "",
        "",
        f"torch.manual_seed({call.seed})",
        f"random.seed({call.seed})",
        "args = [",
        *arguments,
        "]",
        *_invocation(call, keywords),
        *[f"# expected: {line}" for line in expected.splitlines()],
        *[f"# got:      {line}" for line in got.splitlines()],
    ]


def _argument(call: calls.Call, index: int) -> str:
    needs = index < len(call.needs_grad) and call.needs_grad[index] and call.orders
    return literal(call.args[index]) + (".requires_grad_()" if needs else "")


def _invocation(call: calls.Call, keywords: str) -> list[str]:
    if not call.orders:
        return [f"print({call.probe}(learner, *args{keywords}))"]
    lines = [f"inputs = args[:{call.orders[0]}]", f"values = {call.probe}(learner, *inputs{keywords})"]
    for depth, count in enumerate(call.orders, start=1):
        end = call.orders[depth] if depth < len(call.orders) else len(call.args)
        more = "" if depth == len(call.orders) else ", create_graph=True"
        lines += [
            "values = torch.autograd.grad(",
            "    [v for v in (values if isinstance(values, tuple) else (values,)) if isinstance(v, torch.Tensor)],",
            f"    [x for x in args[:{count}] if isinstance(x, torch.Tensor) and x.requires_grad],",
            f"    [g for g in args[{count}:{end}] if g is not None],",
            f"    allow_unused=True{more},",
            ")",
        ]
    return [*lines, "print(values)"]


def _needed(source: str, name: str) -> str:
    """The definition of `name` in `source`, after those of its top-level helpers, imports and constants."""
    tree = ast.parse(source)
    definitions: dict[str, ast.stmt] = {}
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign):
            definitions.update({t.id: node for t in node.targets if isinstance(t, ast.Name)})
    wanted: set[str] = set()
    pending = [name]
    while pending:
        current = pending.pop()
        if current in definitions and current not in wanted:
            wanted.add(current)
            pending += [node.id for node in ast.walk(definitions[current]) if isinstance(node, ast.Name)]
    used = {n.id for w in wanted for n in ast.walk(definitions[w]) if isinstance(n, ast.Name)}
    kept = [node for node in imports if any((a.asname or a.name).partition(".")[0] in used for a in node.names)]
    bodies = [definitions[n] for n in definitions if n in wanted]
    parts = ["\n".join(ast.unparse(node) for node in kept)] if kept else []
    return "\n\n\n".join([*parts, *(_segment(source, node) for node in bodies)])


def _segment(source: str, node: ast.stmt) -> str:
    """The node's own lines, its decorators included."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _tensor_literal(value: Tensor) -> str:
    value = value.detach()
    if not value.numel():
        return f"torch.empty({tuple(value.shape)}, dtype={value.dtype})"
    if value.is_contiguous() and value.numel() <= _LITERAL:
        return f"torch.tensor({_nested(value)}, dtype={value.dtype})"
    span = 1 + sum((size - 1) * stride for size, stride in zip(value.shape, value.stride(), strict=True))
    flat = value.as_strided((span,), (1,))
    if span <= _LITERAL:
        base = f"torch.tensor({_nested(flat)}, dtype={value.dtype})"
    else:
        data = base64.b64encode(flat.contiguous().view(torch.uint8).numpy().tobytes()).decode()
        base = f'torch.frombuffer(bytearray(__import__("base64").b64decode("{data}")), dtype={value.dtype})'
    return f"{base}.as_strided({tuple(value.shape)}, {value.stride()})"


def _nested(value: Tensor) -> str:
    if value.dim():
        return f"[{', '.join(_nested(item) for item in value)}]"
    return _number(value, value.dtype)


def _number(value: Tensor, dtype: torch.dtype) -> str:
    """The shortest text that gives the same number in `dtype`."""
    if not dtype.is_floating_point:
        return repr(value.item())
    if not math.isfinite(float(value)):
        return f'float("{float(value)}")'
    if dtype is torch.float64:
        return repr(float(value))
    short = numpy.float16 if dtype is torch.float16 else numpy.float32
    return repr(float(str(short(float(value)))))


def raised_text(error: Raised, place: Callable[[int], str]) -> str:
    """What a submission raised, with its own frames alone; `place` says where a line of its text is."""
    kind, message, frames = error.info["type"], error.info["message"], error.info["frames"]
    # Its further lines are set in: they cannot be taken for the report's own.
    kind, message = " ".join(kind.split()), message.replace("\n", "\n    ")
    lines = [f"{kind}: {message}" if message else f"{kind} was raised"]
    for number, function, line in frames:
        lines.append(f"  {place(number)}, in {' '.join(function.split())}")
        if line:
            lines.append(f"    {line}")
    return "\n".join(lines)
