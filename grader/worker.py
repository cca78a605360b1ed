"""Answer calls beside one submission, with data alone; the untrusted process's own part."""

import builtins
import os
import sys
import traceback
import types
from typing import Any, BinaryIO

from grader import wire
from grader.calls import Call, perform
from grader.modules import module

TEXT_LIMIT = 2000
NAME_LIMIT = 200
FRAME_LIMIT = 6
READY = -1


def serve(receiving: BinaryIO, sending: BinaryIO) -> None:
    """Load the submission that the first message brings, then answer every further one until the stream ends."""
    hello = wire.receive(receiving)
    reply, learner, probes = load(hello)
    wire.send(sending, {"id": 0, **reply})
    while True:
        message = wire.receive(receiving)
        reply = answer(learner, probes, message["call"], hello["filename"])
        _flush()
        _reply(sending, message["id"], reply)


def say_ready(sending: BinaryIO) -> None:
    """Tell our side that the confinement holds, before anything of the submission has arrived."""
    wire.send(sending, {"id": READY, "value": None})


def load(hello: dict[str, Any]) -> tuple[dict[str, Any], types.ModuleType, types.ModuleType]:
    """Run the submission's text as a module; the reply lists what it defines."""
    probes = module("probes", "probes.py", hello["probes"])
    learner = types.ModuleType(hello["name"])
    reply: dict[str, Any]
    try:
        learner = module(hello["name"], hello["filename"], hello["submission"])
        reply = {"value": sorted(str(name) for name in vars(learner) if not str(name).startswith("__"))}
    except BaseException as error:
        reply = {"raised": describe(error, hello["filename"])}
    _flush()
    return reply, learner, probes


def answer(learner: types.ModuleType, probes: types.ModuleType, call: dict[str, Any], filename: str) -> dict[str, Any]:
    """The call's value, or what it raised, as data."""
    try:
        return {"value": perform(learner, probes, Call(**call))}
    except BaseException as error:
        return {"raised": describe(error, filename)}


def describe(error: BaseException, filename: str) -> dict[str, Any]:
    """An exception as data: the names of its classes, its text, and the submission's own frames."""
    try:
        message = str.__getitem__(str(error), slice(TEXT_LIMIT))
    except BaseException:
        message = "(its message cannot be shown)"
    names = {_of_type("__name__", kind): kind for kind in _of_type("__mro__", type(error))}
    kinds = [name for name, kind in names.items() if getattr(builtins, name, None) is kind]
    name = _of_type("__name__", type(error))[:NAME_LIMIT]
    return {"type": name, "kinds": kinds, "message": message, "frames": _frames(error, filename)}


def _of_type(attribute: str, kind: type) -> Any:
    """An attribute that every class has, past what a metaclass may make of it."""
    return vars(type)[attribute].__get__(kind)


def _frames(error: BaseException, filename: str) -> list[list[Any]]:
    """[line number, function, source line] of each frame in the submission, the innermost last."""
    own = [
        [frame.lineno or 0, frame.name[:NAME_LIMIT], (frame.line or "").strip()[:NAME_LIMIT]]
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == filename
    ]
    if isinstance(error, SyntaxError) and error.filename == filename and isinstance(error.lineno, int):
        own.append([int(error.lineno), "<module>", str(error.text or "").strip()[:NAME_LIMIT]])
    return own[-FRAME_LIMIT:]


def _reply(sending: BinaryIO, number: int, reply: dict[str, Any]) -> None:
    try:
        wire.send(sending, {"id": number, **reply})
    except BaseException as error:  # packing runs code of the submission's: its own kinds of list, float, tensor
        wire.send(sending, {"id": number, "raised": describe(error, "")})


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def main() -> None:
    """Serve one submission over the standard streams: the way of systems that cannot fork."""
    channel = os.dup(1)
    os.dup2(2, 1)
    sending = os.fdopen(channel, "wb")
    say_ready(sending)
    try:
        serve(sys.stdin.buffer, sending)
    except (EOFError, BrokenPipeError):
        pass
