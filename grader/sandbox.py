"""One submission in one worker, under limits: ask it, lose it; runs on our side."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from grader import launch, scratch, wire
from grader.handle import CannotStart
from grader.limits import Clock, Limits, Lost, Watchdog

_STARTING = 60.0
# What an honest worker keeps to.
_LONGEST_NAME, _LONGEST_MESSAGE, _MOST_FRAMES = 200, 2000, 6


@dataclass(frozen=True)
class Load:
    """What a worker needs to know to begin: the submission, and the probes."""

    name: str
    filename: str
    submission: str
    probes: str

    def as_data(self) -> dict[str, Any]:
        """The load as what crosses to a worker."""
        return asdict(self)


class Worker:
    """A worker that loads a submission; a context that ends it with all it started.

    The load is sent at once and its reply read at the first need, so that the worker starts while we prepare.
    """

    def __init__(self, source: launch.Source, limits: Limits, load: Load, clock: "Clock | None" = None) -> None:
        self.limits = limits
        self._clock = clock
        self._handle = source.open({k: v for k, v in asdict(limits).items() if isinstance(v, int)})
        self._output = _Drain(self._handle.output, limits.output_bytes)
        self._answers = _Rationed(self._handle.receiving, limits.answer_bytes)
        self._watchdog = Watchdog(self._overrun, self._handle.kill)
        self._number = 0
        self._ended = False
        self._load_reply: dict[str, Any] | None = None
        with contextlib.suppress(OSError):  # a worker that could not start is noticed when it is not ready
            wire.send(self._handle.sending, load.as_data())

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def loaded(self) -> dict[str, Any]:
        """What became of the submission's file: the names that it defines, or what it raised. Raises Lost."""
        if self._load_reply is None:
            self._wait_until_ready()
            self._load_reply = self._exchange(None, 0, "importing the file")
        return self._load_reply

    def ask(self, call: dict[str, Any]) -> dict[str, Any]:
        """Put one call; the reply holds a value, or what was raised. Raises Lost."""
        self.loaded()
        self._number += 1
        return self._exchange({"id": self._number, "call": call}, self._number, "one call")

    def end(self) -> None:
        """Kill the worker; what it started is gone when its source has settled."""
        if not self._ended:
            self._close()
            self._handle.abandon()

    @property
    def output(self) -> str:
        """What the submission printed, bounded; waits for the end of the stream, if the worker has ended."""
        self._output.finish(2.0 if self._ended else 0.1)
        return self._output.text()

    def _wait_until_ready(self) -> None:
        self._watchdog.set(_STARTING)
        try:
            wire.receive(self._answers)
        except (EOFError, OSError) as error:
            self.end()
            raise CannotStart(f"a worker did not start ({error!r}): {self.output}") from None
        finally:
            self._watchdog.clear()

    def _exchange(self, message: dict[str, Any] | None, number: int, doing: str) -> dict[str, Any]:
        """Send the message, if there is one, and read the reply of that number."""
        left = self._clock.left if self._clock else self.limits.total_seconds
        self._watchdog.set(min(self.limits.call_seconds, left))
        try:
            if message is not None:
                wire.send(self._handle.sending, message)
            reply = wire.receive(self._answers)
        except (EOFError, OSError, ValueError) as error:
            if isinstance(error, wire.Malformed):
                raise Lost("crash", f"the answer was not one that the worker gives ({error})") from None
            raise self._lost(doing) from None
        finally:
            self._watchdog.clear()
        if not _is_reply(reply, number):
            raise Lost("crash", "the answer was not one that the worker gives: something else wrote to its channel")
        answered: dict[str, Any] = reply
        return answered

    def _close(self) -> None:
        self._ended = True
        self._watchdog.stop()
        for stream in (self._handle.sending, self._handle.receiving):
            try:
                stream.close()
            except OSError:
                continue

    def _overrun(self) -> Lost | None:
        """What the submission has used too much of, besides time, in everyday units."""
        if self._handle.threads() > self.limits.threads:
            return Lost("crash", f"more than {self.limits.threads} threads were started")
        if scratch.is_too_full(self._handle.scratch):
            most = f"{scratch.MOST_BYTES >> 20} MiB or {scratch.MOST_ENTRIES} files"
            return Lost("crash", f"more than {most} were written")
        return None

    def _lost(self, doing: str) -> Lost:
        """Why the stream ended, as far as the system tells."""
        self._close()
        ending = self._handle.reap()
        if self._watchdog.overrun:
            return self._watchdog.overrun
        if self._watchdog.expired and self._clock and self._clock.is_over:
            seconds = self.limits.total_seconds
            return Lost("timeout", f"{doing} was stopped: the {seconds:g} seconds of a grading are used up")
        if self._watchdog.expired:
            return Lost("timeout", f"{doing} took longer than {self.limits.call_seconds:g} seconds and was stopped")
        if ending.status == -24 or (ending.status == -9 and ending.cpu >= self.limits.cpu_seconds):
            return Lost(
                "timeout", f"{doing} used up the {self.limits.cpu_seconds} processor seconds of a check and was stopped"
            )
        if ending.status == -9:
            return Lost("crash", f"the process ended during {doing}")
        if ending.status < 0:
            return Lost("crash", f"the process died during {doing} (signal {-ending.status})")
        return Lost("crash", f"the process ended during {doing} (exit status {ending.status})")


def _is_reply(reply: Any, number: int) -> bool:
    """Whether this is what an honest worker sends; a submission can write to the channel as well."""
    if not isinstance(reply, dict) or reply.get("id") != number or len(reply) != 2:
        return False
    raised = reply.get("raised")
    return "value" in reply or (isinstance(raised, dict) and _is_description(raised))


def _is_description(raised: dict[str, Any]) -> bool:
    kinds, frames = raised.get("kinds"), raised.get("frames")
    return (
        _is_text(raised.get("type"), _LONGEST_NAME)
        and _is_text(raised.get("message"), _LONGEST_MESSAGE)
        and isinstance(kinds, list)
        and all(_is_text(kind, _LONGEST_NAME) for kind in kinds)
        and isinstance(frames, list)
        and len(frames) <= _MOST_FRAMES
        and all(isinstance(frame, list) and [type(part) for part in frame] == [int, str, str] for frame in frames)
        and all(_is_text(text, _LONGEST_NAME) for frame in frames for text in frame[1:])
    )


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


class _Drain:
    """Read a stream to its end in a thread, keep the first bytes, and drop the rest."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._kept, self._dropped = bytearray(), 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait for the end of the stream, which what a worker started may hold open for a moment."""
        self._thread.join(timeout=seconds)

    def text(self) -> str:
        """The bytes kept, as text, with a note of how many were dropped."""
        kept = bytes(self._kept).decode("utf-8", errors="replace")
        return f"{kept}\n… ({self._dropped} more bytes)" if self._dropped else kept

    def _run(self) -> None:
        read: Callable[[int], bytes] = self._stream.read1  # type: ignore[attr-defined]  # a BufferedReader
        while data := read(1 << 16):
            room = self._limit - len(self._kept)
            self._kept += data[:room]
            self._dropped += max(0, len(data) - room)
        self._stream.close()


class _Rationed:
    """A stream of which so many bytes may be read: what a submission answers is kept on our side, to explain it."""

    def __init__(self, stream: BinaryIO, room: int) -> None:
        self._stream, self._most, self._room = stream, room, room

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; raises Lost where they are too many before one of them is read."""
        if count > self._room:
            raise Lost("memory", f"the answers are longer than the {self._most >> 20} MiB that those of a check may be")
        data = self._stream.read(count)
        self._room -= len(data)
        return data
