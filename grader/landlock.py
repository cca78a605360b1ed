"""Restrict which files a process may read and write with Landlock, for good; runs in the worker, on Linux.

Source: landlock(7); each version of the kernel's interface ("ABI") handles more rights than the one before.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_READ_FILE, _READ_DIR, _EXECUTE, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 0, 1 << 1
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _TRUNCATE = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 14
_FILE_RIGHTS = _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE
_HANDLED_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_READING = _READ_FILE | _READ_DIR | _EXECUTE
_SCRATCH = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_RULESET_FD = 200


def abi(libc: ctypes.CDLL) -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    return max(0, int(libc.syscall(_CREATE, None, 0, 1)))


def ruleset(libc: ctypes.CDLL, readable: Iterable[Path], scratch: Path) -> int:
    """A descriptor of rules that allow reading `readable` and doing as one likes in `scratch`."""
    version = abi(libc)
    handled = _HANDLED_BY_ABI.get(version, _HANDLED_BY_ABI[5])
    rules = _new_ruleset(libc, version, handled)
    for path in readable:
        _allow(libc, rules, path, _READING)
    for device in _DEVICES:
        _allow(libc, rules, Path(device), _READ_FILE | _WRITE_FILE)
    _allow(libc, rules, scratch, _SCRATCH & handled)
    return rules


def restrict(libc: ctypes.CDLL, rules: int) -> None:
    """Put the rules in force for this process and close them; raises OSError."""
    _checked(libc.syscall(_RESTRICT, rules, 0))
    os.close(rules)


def _new_ruleset(libc: ctypes.CDLL, abi: int, handled: int) -> int:
    """A ruleset that handles every file right, TCP and (where the kernel knows them) signals and abstract sockets."""
    attributes = struct.pack("=QQQ", handled, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    low = _checked(libc.syscall(_CREATE, ctypes.create_string_buffer(attributes, 24), size, 0))
    ruleset = os.dup2(low, _RULESET_FD, inheritable=False)
    os.close(low)
    return ruleset


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = rights if path.is_dir() else rights & _FILE_RIGHTS
        rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, fd), 12)
        _checked(libc.syscall(_ADD_RULE, ruleset, 1, rule, 0))
    finally:
        os.close(fd)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
