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
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from grader import policy, scratch

CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
_BOOTSTRAP = """\
import sys, types
package = types.ModuleType("grader")
package.__path__ = [{package!r}]
sys.modules["grader"] = package
sys.path += {paths!r}
"""
_SERVE = """\
import socket
from grader.forkserver import main
main(socket.socket(fileno={fd}), {confined!r}, {banned!r}, {readable!r}, {hidden!r}, {scratch!r})
"""
_SPAWN = """\
import torch
from grader import ban, confine, eager
eager.hold_off_compiler()
torch.set_num_threads(1)
ban.forbid({banned!r})
confine.limit({limits!r})
from grader.worker import main
main()
"""
_STARTING = 120.0


class CannotStart(RuntimeError):
    """The worker's process did not come up: a fault of the installation, never of a submission."""


@dataclass(frozen=True)
class Ending:
    """How a worker ended: exit status (negative: a signal) and processor seconds."""

    status: int
    cpu: float


@dataclass(frozen=True)
class Handle:
    """Our ends of one worker."""

    sending: BinaryIO
    receiving: BinaryIO
    output: BinaryIO
    scratch: str
    threads: Callable[[], int]
    kill: Callable[[], None]
    reap: Callable[[], Ending]
    abandon: Callable[[], None]


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
        code = _BOOTSTRAP.format(package=str(policy.PACKAGE), paths=policy.package_paths()) + _SERVE.format(
            fd=theirs.fileno(),
            confined=confined,
            banned=banned,
            readable=policy.readable(),
            hidden=policy.hidden(),
            scratch=self.scratch,
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-S", "-B", "-c", code],
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
            threads=lambda: _threads(self._answer(forked)["pid"]),
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


class Spawner:
    """The way of systems that cannot fork: each `open` starts a process and imports torch anew."""

    sandbox = "none"
    usable = True

    def __init__(self, banned: tuple[str, ...] = ()) -> None:
        self.scratch = tempfile.mkdtemp(prefix="grader-")
        self._banned = banned

    def open(self, limits: dict[str, int]) -> Handle:
        """Start a worker; it is not loaded yet."""
        code = _BOOTSTRAP.format(package=str(policy.PACKAGE), paths=policy.package_paths()) + _SPAWN.format(
            limits=limits, banned=self._banned
        )
        process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-S", "-B", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=policy.environment(self.scratch),
            cwd=self.scratch,
            start_new_session=True,
        )
        sending, receiving, output = (cast(BinaryIO, end) for end in (process.stdin, process.stdout, process.stderr))
        return Handle(
            sending=sending,
            receiving=receiving,
            output=output,
            scratch=self.scratch,
            threads=lambda: _threads(process.pid),
            kill=lambda: _kill_group(process),
            reap=lambda: self._reap(process),
            abandon=lambda: self._abandon(process),
        )

    def close(self) -> None:
        """Remove the scratch folder."""
        scratch.remove(self.scratch)

    def settle(self) -> None:
        """Nothing is left to wait for: an abandoned worker is gone at once."""

    def _abandon(self, process: "subprocess.Popen[bytes]") -> None:
        self._reap(process)

    def _reap(self, process: "subprocess.Popen[bytes]") -> Ending:
        _kill_group(process)
        status = process.wait()
        scratch.empty(self.scratch)
        return Ending(status, 0.0)


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


def _threads(pid: int) -> int:
    """How many threads a process has; 0 where that cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[17])
    except (OSError, ValueError, IndexError):
        return 0


def _kill(pid: int) -> None:
    """Kill a worker that the server has not reaped yet, so that its number cannot be another's."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None and hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    process.kill()
