"""Confine the worker with what the system has: Landlock, seccomp, capabilities, resource limits; runs in the worker.

On Linux a worker may read Python, torch and the system's libraries, and write its scratch folder. It may not open a
socket, start a process or a program, signal or inspect another process, or change any file's metadata.
Elsewhere only the resource limits hold.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader import landlock, seccomp

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]  # a module or nothing

_PR_SET_PDEATHSIG, _PR_SET_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38


@dataclass(frozen=True)
class Sandbox:
    """What a worker enters: a Landlock ruleset made beforehand, and a seccomp filter made for its own pid."""

    name: str
    ruleset: int

    def enter(self) -> None:
        """Give up everything at once, for good; raises OSError where the kernel refuses."""
        libc = _libc()
        _drop_capabilities(libc)
        _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        landlock.restrict(libc, self.ruleset)
        seccomp.install(libc, seccomp.program(platform.machine(), os.getpid()))


def prepare(readable: Iterable[str], hidden: Iterable[str], scratch: str) -> Sandbox | None:
    """The sandbox of this system, or None where it has none."""
    if not sys.platform.startswith("linux") or not seccomp.knows(platform.machine()):
        return None
    libc = _libc()
    if not landlock.abi(libc) or not seccomp.is_available(libc):
        return None
    return Sandbox("landlock+seccomp", landlock.ruleset(libc, visible(readable, hidden), Path(scratch)))


def visible(readable: Iterable[str], hidden: Iterable[str]) -> Iterator[Path]:
    """`readable` without `hidden`: a folder that holds something hidden is replaced by its other entries.

    Links in such a folder are left out, since they may lead anywhere; what they lead to in it is there by itself.
    """
    covered = {Path(path).resolve() for path in hidden}
    for path in readable:
        yield from _without(Path(path).resolve(), covered)


def opened_up(readable: Iterable[str], hidden: Iterable[str]) -> set[Path]:
    """The folders that `visible` replaces by what is in them."""
    roots = {Path(path).resolve() for path in readable}
    above = {folder for path in hidden for folder in Path(path).resolve().parents}
    return {folder for folder in above if roots & {folder, *folder.parents}}


def _without(path: Path, covered: set[Path]) -> Iterator[Path]:
    if path in covered or not path.exists():
        return
    if not any(path in other.parents for other in covered):
        yield path
        return
    for entry in sorted(path.iterdir()):
        if not entry.is_symlink():
            yield from _without(entry, covered)


def limit(limits: dict[str, int]) -> None:
    """Set the resource limits that the system has: processor seconds, memory, file size, open files."""
    if resource is None:
        return
    wanted = {
        "RLIMIT_CPU": (limits["cpu_seconds"], limits["cpu_seconds"] + 1),
        "RLIMIT_AS": (_address_space() + limits["memory_bytes"],) * 2,
        "RLIMIT_FSIZE": (limits["file_bytes"],) * 2,
        "RLIMIT_NOFILE": (limits["open_files"],) * 2,
        "RLIMIT_CORE": (0, 0),
    }
    for name, (soft, hard) in wanted.items():
        which = getattr(resource, name, None)
        if which is None:
            continue
        ceiling = resource.getrlimit(which)[1]
        lower = (soft, hard) if ceiling == resource.RLIM_INFINITY else (min(soft, ceiling), min(hard, ceiling))
        try:
            resource.setrlimit(which, lower)
        except (ValueError, OSError):
            continue
    if sys.platform.startswith("linux"):
        _libc().prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def adopt_orphans() -> None:
    """Let what a worker leaves behind become our child, so that it can be found and ended."""
    if sys.platform.startswith("linux"):
        _libc().prctl(_PR_SET_SUBREAPER, 1, 0, 0, 0)


def kill_orphans(keep: set[int]) -> None:
    """End every child that is not in `keep`, and the children that these leave, until none is left."""
    while orphans := [pid for pid in _children() if pid not in keep]:
        for pid in orphans:
            try:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except (OSError, ValueError):
        return []


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError):
        return 4 << 30


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _checked(libc.capset(header, ctypes.create_string_buffer(24)))
