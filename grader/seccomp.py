"""Refuse system calls with a seccomp filter, for good; runs in the worker, on Linux.

Sources: seccomp(2), linux/filter.h, and the system call tables of the two architectures.
"""

import ctypes
import struct

_PR_SET_SECCOMP, _FILTER_MODE = 22, 2
_CLONE_THREAD = 0x00010000
_EPERM, _ENOSYS, _EFAULT = 1, 38, 14

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
# Refused with these values of an argument (its place, the values): all have the system send a signal later on, to
# whatever process the caller names, or keep it from sending the one that ends a worker with its server.
_REFUSED_WITH = {
    "fcntl": ((72, 25), 1, (8, 10, 15)),  # F_SETOWN, F_SETSIG, F_SETOWN_EX
    "ioctl": ((16, 29), 1, (0x8901, 0x8902)),  # FIOSETOWN, SIOCSPGRP
    "prctl": ((157, 167), 0, (1,)),  # PR_SET_PDEATHSIG
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32_BIT = 0x40000000


def is_available(libc: ctypes.CDLL) -> bool:
    """Whether the kernel knows filters: it then complains about the address, not about the request."""
    return libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, None, 0, 0) != 0 and ctypes.get_errno() == _EFAULT


def knows(machine: str) -> bool:
    """Whether the table has a column for this architecture."""
    return machine in _ARCHITECTURES


def install(libc: ctypes.CDLL, program: bytes) -> None:
    """Put the filter in force for this thread and all that it starts; raises OSError."""
    filters = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(filters))
    if libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.create_string_buffer(header, len(header)), 0, 0):
        raise OSError(ctypes.get_errno(), "the seccomp filter was refused")


def program(machine: str, pid: int) -> bytes:
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
    for numbers, place, values in _REFUSED_WITH.values():
        steps += [(equal, 0, 2 * len(values) + 2, numbers[column]), (load, 0, 0, 16 + 8 * place)]
        for value in values:
            steps += [(equal, 0, 1, value), refuse]
        steps.append(allow)
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, allow])
