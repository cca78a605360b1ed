"""Confine the worker with what the system has: Landlock, seccomp, capabilities, resource limits; runs in the worker.

On Linux a worker may read Python, torch and the system's libraries, and write its scratch folder. It may not open a
socket, start a process or a program, signal or inspect another process, or change any file's metadata.
Elsewhere only the resource limits hold. Sources: landlock(7), seccomp(2), linux/filter.h.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ_FILE, _READ_DIR, _EXECUTE, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 0, 1 << 1
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _TRUNCATE = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 14
_FILE_RIGHTS = _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE
_HANDLED_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_READING = _READ_FILE | _READ_DIR | _EXECUTE
_SCRATCH = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
_CLONE_THREAD = 0x00010000

# System calls that are refused, as (x86_64, aarch64); 0 where an architecture has none of that name.
_REFUSED = {
    # sockets
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # processes and programs
    "fork": (57, 0),
    "vfork": (58, 0),
    "execve": (59, 221),
    "execveat": (322, 281),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "rt_sigqueueinfo": (129, 138),
    "tkill": (200, 130),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    # queues and memory that outlive a process
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    # files' metadata, which Landlock leaves alone
    "truncate": (76, 45),
    "chmod": (90, 0),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, 0),
    "fchown": (93, 55),
    "lchown": (94, 0),
    "fchownat": (260, 54),
    "utime": (132, 0),
    "utimes": (235, 0),
    "futimesat": (261, 0),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    # roots, namespaces, the kernel
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "setns": (308, 268),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    # wide interfaces
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
# Allowed upon oneself alone: the first argument is 0 or the own pid.
_ONESELF = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32_BIT = 0x40000000
_EPERM, _ENOSYS = 1, 38
_RULESET_FD = 200


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
        _checked(libc.syscall(_LANDLOCK_RESTRICT, self.ruleset, 0))
        os.close(self.ruleset)
        _install(libc, seccomp_program(platform.machine(), os.getpid()))


def prepare(readable: Iterable[str], hidden: Iterable[str], scratch: str) -> Sandbox | None:
    """The sandbox of this system, or None where it has none."""
    if not sys.platform.startswith("linux") or platform.machine() not in _ARCHITECTURES:
        return None
    libc = _libc()
    abi = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if abi < 1 or libc.prctl(_PR_SET_SECCOMP, 2, None, 0, 0) == 0 or ctypes.get_errno() != 14:
        return None
    ruleset = _ruleset(libc, abi, _HANDLED_BY_ABI.get(abi, _HANDLED_BY_ABI[5]))
    for path in visible(readable, hidden):
        _allow(libc, ruleset, path, _READING)
    for device in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"):
        _allow(libc, ruleset, Path(device), _READ_FILE | _WRITE_FILE)
    _allow(libc, ruleset, Path(scratch), _SCRATCH & (_HANDLED_BY_ABI.get(abi, _HANDLED_BY_ABI[5])))
    return Sandbox("landlock+seccomp", ruleset)


def visible(readable: Iterable[str], hidden: Iterable[str]) -> Iterator[Path]:
    """`readable` without `hidden`: a folder that holds something hidden is replaced by its other entries."""
    covered = {Path(path).resolve() for path in hidden}
    for path in readable:
        yield from _without(Path(path).resolve(), covered)


def _without(path: Path, covered: set[Path]) -> Iterator[Path]:
    if path in covered or not path.exists():
        return
    if not any(path in other.parents for other in covered):
        yield path
        return
    for entry in sorted(path.iterdir()):
        yield from _without(entry.resolve(), covered)


def limit(limits: dict[str, int]) -> None:
    """Set the resource limits that the system has: processor seconds, memory, file size, open files."""
    try:
        import resource
    except ImportError:
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


def _ruleset(libc: ctypes.CDLL, abi: int, handled: int) -> int:
    """A ruleset that handles every file right, TCP and (where the kernel knows them) signals and abstract sockets."""
    attributes = struct.pack("=QQQ", handled, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    low = _checked(libc.syscall(_LANDLOCK_CREATE, ctypes.create_string_buffer(attributes, 24), size, 0))
    ruleset = os.dup2(low, _RULESET_FD, inheritable=False)
    os.close(low)
    return ruleset


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & _FILE_RIGHTS
        rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, fd), 12)
        _checked(libc.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0))
    finally:
        os.close(fd)


def seccomp_program(machine: str, pid: int) -> bytes:
    """The filter as BPF: all is allowed but what `_REFUSED` names, new processes, and acts upon others."""
    column, architecture = _ARCHITECTURES[machine]
    load, equal, above, bits, done = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, unknown = (
        (done, 0, 0, 0x7FFF0000),
        (done, 0, 0, 0x00050000 | _EPERM),
        (done, 0, 0, 0x00050000 | _ENOSYS),
    )
    number, first_argument = (load, 0, 0, 0), (load, 0, 0, 16)
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (done, 0, 0, 0x80000000), number]
    steps += [(above, 0, 1, _X32_BIT), refuse]
    for numbers in _REFUSED.values():
        if numbers[column]:
            steps += [(equal, 0, 1, numbers[column]), refuse]
    steps += [(equal, 0, 1, _CLONE3[column]), unknown]
    steps += [(equal, 0, 4, _CLONE[column]), first_argument, (bits, 0, 1, _CLONE_THREAD), allow, refuse]
    for numbers in _ONESELF.values():
        steps += [(equal, 0, 5, numbers[column]), first_argument, (equal, 1, 0, 0), (equal, 0, 1, pid), allow, refuse]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, allow])


def _install(libc: ctypes.CDLL, program: bytes) -> None:
    filters = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(filters))
    _checked(libc.prctl(_PR_SET_SECCOMP, 2, ctypes.create_string_buffer(header, len(header)), 0, 0))
