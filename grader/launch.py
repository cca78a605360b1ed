"""Start the fork server and workers, and hold their ends of the pipes; runs on our side, without torch.

Kept apart from `sandbox` so that the command line can start the server before it imports torch itself: the two
imports then share the machine's cores.
"""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from grader import policy

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
main(socket.socket(fileno={fd}), {confined!r}, {readable!r}, {hidden!r}, {scratch!r})
"""
_SPAWN = """\
import torch
from grader import confine, eager
eager.hold_off_compiler()
torch.set_num_threads(1)
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
    kill: Callable[[], None]
    reap: Callable[[], Ending]
    abandon: Callable[[], None]


class ForkServer:
    """A warm process that forks a confined worker at each `open`; safe to use from several threads."""

    def __init__(self, confined: bool) -> None:
        self.scratch = tempfile.mkdtemp(prefix="grader-")
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._sandbox: str | None = None
        self._abandoned: list[int] = []
        self._dying: list[int] = []
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server is
        ours, theirs = socket.socketpair()
        code = _BOOTSTRAP.format(package=str(policy.PACKAGE), paths=policy.package_paths()) + _SERVE.format(
            fd=theirs.fileno(),
            confined=confined,
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
        if self._abandoned and os.listdir(self.scratch):
            self.settle()
        ours, theirs = socket.socketpair()
        out, output = os.pipe()
        with self._lock:
            socket.send_fds(self._control, [json.dumps({"fork": limits}).encode()], [theirs.fileno(), output])
            pid = self._hear()["pid"]
        theirs.close()
        os.close(output)
        self._reap_older()
        handle = Handle(
            sending=ours.makefile("wb"),
            receiving=ours.makefile("rb"),
            output=os.fdopen(out, "rb"),
            kill=lambda: _kill(pid),
            reap=lambda: self._reap(pid),
            abandon=lambda: self._abandon(pid),
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
        shutil.rmtree(self.scratch, ignore_errors=True)

    def settle(self) -> None:
        """Wait until every worker that was abandoned is gone, with all that it started and wrote."""
        for _ in range(2):
            self._reap_older()

    def _reap_older(self) -> None:
        """Reap those abandoned before the last start: by now they are gone, so that nobody waits."""
        dying, self._dying, self._abandoned = self._dying, self._abandoned, []
        for pid in dying:
            self._reap(pid)

    def _abandon(self, pid: int) -> None:
        """Kill a worker, and let its memory be given back while the next one starts."""
        _kill(pid)
        self._abandoned.append(pid)

    def _reap(self, pid: int) -> Ending:
        with self._lock:
            self._control.sendall(json.dumps({"end": pid}).encode())
            ended = self._hear()
        empty(self.scratch)
        return Ending(ended["status"], ended["cpu"])

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            self._errors.seek(0)
            raise CannotStart(f"the worker's process ended:\n{self._errors.read().decode(errors='replace')[-2000:]}")
        heard: dict[str, Any] = json.loads(line)
        return heard


class Spawner:
    """The way of systems that cannot fork: each `open` starts a process and imports torch anew."""

    sandbox = "none"
    usable = True

    def __init__(self) -> None:
        self.scratch = tempfile.mkdtemp(prefix="grader-")

    def open(self, limits: dict[str, int]) -> Handle:
        """Start a worker; it is not loaded yet."""
        code = _BOOTSTRAP.format(package=str(policy.PACKAGE), paths=policy.package_paths()) + _SPAWN.format(
            limits=limits
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
            kill=lambda: _kill_group(process),
            reap=lambda: self._reap(process),
            abandon=lambda: self._abandon(process),
        )

    def close(self) -> None:
        """Remove the scratch folder."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def settle(self) -> None:
        """Nothing is left to wait for: an abandoned worker is gone at once."""

    def _abandon(self, process: "subprocess.Popen[bytes]") -> None:
        self._reap(process)

    def _reap(self, process: "subprocess.Popen[bytes]") -> Ending:
        _kill_group(process)
        status = process.wait()
        empty(self.scratch)
        return Ending(status, 0.0)


Source = ForkServer | Spawner
_warm: dict[bool, Source] = {}


def source(confined: bool) -> Source:
    """The process-wide source of workers, started at its first use and closed at exit."""
    warm = _warm.get(confined)
    if warm is None or not warm.usable:
        warm = ForkServer(confined) if CAN_FORK else Spawner()
        _warm[confined] = warm
        atexit.register(warm.close)
    return warm


def empty(folder: str) -> None:
    """Remove what a worker left in its scratch folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


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
