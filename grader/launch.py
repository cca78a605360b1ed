"""Start the fork server and workers, and hold their ends of the pipes; runs on our side, without torch.

Kept apart from `sandbox` so that the command line can start the server before it imports torch itself: the two
imports then share the machine's cores.
"""

import atexit
import collections
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from typing import Any

from grader import policy, scratch
from grader.handle import CannotStart, Ending, Handle, interpreter, threads_of
from grader.spawn import Spawner

CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
_SERVE = """\
import socket
from grader.forkserver import main
main(socket.socket(fileno={fd}), {confined!r}, {banned!r}, {readable!r}, {hidden!r}, {scratch!r})
"""
_STARTING = 120.0


@dataclass
class _Answer:
    """What the server says to a request, once it has been heard."""

    value: dict[str, Any] | None = None


class ForkServer:
    """A warm process that forks a confined worker at each `open`; safe to use from several threads.

    Requests are answered in their order, and an answer is waited for only where it is needed.
    """

    def __init__(self, confined: bool, banned: tuple[str, ...]) -> None:
        self.scratch = tempfile.mkdtemp(prefix="grader-")
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._sandbox: str | None = None
        self._awaited: collections.deque[_Answer] = collections.deque()
        self._abandoned: list[int] = []
        self._ending: list[_Answer] = []
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server is
        ours, theirs = socket.socketpair()
        code = _SERVE.format(
            fd=theirs.fileno(),
            confined=confined,
            banned=banned,
            readable=policy.readable(),
            hidden=policy.hidden(),
            scratch=self.scratch,
        )
        self._process = subprocess.Popen(
            interpreter(code),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            env=policy.environment(self.scratch),
            cwd=self.scratch,
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        self._lines = ours.makefile("rb")

    @property
    def sandbox(self) -> str:
        """The name of the confinement that workers get, "none" where there is none; waits for the start."""
        with self._lock:
            if self._sandbox is None:
                self._control.settimeout(_STARTING)
                self._sandbox = str(self._hear()["sandbox"])
            return self._sandbox

    @property
    def usable(self) -> bool:
        """Whether this process started the server, and it is still there."""
        return self._owner == os.getpid() and self._process.poll() is None

    def open(self, limits: dict[str, int]) -> Handle:
        """Fork a worker; it is not loaded yet."""
        assert self.sandbox
        if os.listdir(self.scratch):
            self.settle()
        ours, theirs = socket.socketpair()
        out, output = os.pipe()
        forked = self._request({"fork": limits}, [theirs.fileno(), output])
        self._end_abandoned()
        theirs.close()
        os.close(output)
        handle = Handle(
            sending=ours.makefile("wb"),
            receiving=ours.makefile("rb"),
            output=os.fdopen(out, "rb"),
            scratch=self.scratch,
            threads=lambda: threads_of(self._answer(forked)["pid"]),
            kill=lambda: _kill(self._answer(forked)["pid"]),
            reap=lambda: self._reap(forked),
            abandon=lambda: self._abandon(forked),
        )
        ours.close()
        return handle

    def close(self) -> None:
        """End the server with all its workers, and remove the scratch folder."""
        if self._owner != os.getpid():
            return
        self._lines.close()
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        scratch.remove(self.scratch)

    def settle(self) -> None:
        """Wait until every worker that was abandoned is gone, with all that it started and wrote."""
        self._end_abandoned()
        while self._ending:
            self._answer(self._ending.pop())
        scratch.empty(self.scratch)

    def _abandon(self, forked: "_Answer") -> None:
        """Kill a worker, and leave the waiting for its end until the next one has been asked for."""
        pid = self._answer(forked)["pid"]
        _kill(pid)
        self._abandoned.append(pid)

    def _end_abandoned(self) -> None:
        while self._abandoned:
            self._ending.append(self._request({"end": self._abandoned.pop()}, []))

    def _reap(self, forked: "_Answer") -> Ending:
        ended = self._answer(self._request({"end": self._answer(forked)["pid"]}, []))
        scratch.empty(self.scratch)
        return Ending(ended["status"], ended["cpu"])

    def _request(self, request: dict[str, Any], fds: list[int]) -> "_Answer":
        """Send a request, with descriptors; its answer can be had later."""
        answer = _Answer()
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode() + b"\n"], fds)
            except OSError:
                raise CannotStart(f"the worker's process ended:\n{self._complaint()}") from None
            self._awaited.append(answer)
        return answer

    def _answer(self, wanted: "_Answer") -> dict[str, Any]:
        with self._lock:
            while wanted.value is None:
                self._awaited.popleft().value = self._hear()
        return wanted.value

    def _complaint(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-2000:]

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise CannotStart(f"the worker's process ended:\n{self._complaint()}")
        heard: dict[str, Any] = json.loads(line)
        return heard


Source = ForkServer | Spawner
_MOST_KEPT = 2
_warm: dict[tuple[bool, tuple[str, ...]], Source] = {}


def source(confined: bool, banned: tuple[str, ...] = ()) -> Source:
    """The process-wide source of workers that have what is `banned` taken away.

    It is started at its first use and closed at exit, or when two others have been used since.
    """
    warm = _warm.pop((confined, banned), None)
    if warm is None or not warm.usable:
        warm = ForkServer(confined, banned) if CAN_FORK else Spawner(banned)
        atexit.register(warm.close)
    _warm[confined, banned] = warm
    while len(_warm) > _MOST_KEPT:
        oldest = _warm.pop(next(iter(_warm)))
        atexit.unregister(oldest.close)
        oldest.close()
    return warm


def _kill(pid: int) -> None:
    """Kill a worker that the server has not reaped yet, so that its number cannot be another's."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
