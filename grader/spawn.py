"""Workers on systems that cannot fork; runs on our side, without torch."""

import os
import signal
import subprocess
import tempfile
from typing import BinaryIO, cast

from grader import policy, scratch
from grader.handle import Ending, Handle, interpreter, threads_of

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


class Spawner:
    """The way of systems that cannot fork: each `open` starts a process and imports torch anew."""

    sandbox = "none"
    usable = True

    def __init__(self, banned: tuple[str, ...] = ()) -> None:
        self.scratch = tempfile.mkdtemp(prefix="grader-")
        self._banned = banned

    def open(self, limits: dict[str, int]) -> Handle:
        """Start a worker; it is not loaded yet."""
        process = subprocess.Popen(
            interpreter(_SPAWN.format(limits=limits, banned=self._banned)),
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
            threads=lambda: threads_of(process.pid),
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


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None and hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    process.kill()
