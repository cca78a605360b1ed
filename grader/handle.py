"""Our ends of one worker, and how its interpreter is called; runs on our side, without torch."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from grader import policy

_BOOTSTRAP = """\
import sys, types
package = types.ModuleType("grader")
package.__path__ = [{package!r}]
sys.modules["grader"] = package
sys.path += {paths!r}
"""


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


def interpreter(code: str) -> list[str]:
    """A command that runs `code` with nothing but Python's library, torch, numpy and this package to import."""
    bootstrap = _BOOTSTRAP.format(package=str(policy.PACKAGE), paths=policy.package_paths())
    return [sys.executable, "-P", "-s", "-S", "-B", "-c", bootstrap + code]


def threads_of(pid: int) -> int:
    """How many threads a process has; 0 where that cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[17])
    except (OSError, ValueError, IndexError):
        return 0
