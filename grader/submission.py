"""Read a submission's file as Python would read it; runs on our side, and never runs what it reads."""

import codecs
import hashlib
import io
import os
import stat
import tokenize
from dataclasses import dataclass
from pathlib import Path

LARGEST = 1 << 20
_CHUNK = 1 << 20
_MOST_READ = 64 << 20
# Codecs that need a lifetime for a file of that size, or decode nothing.
_REFUSED_CODECS = {"idna", "punycode", "undefined"}


class Unreadable(OSError):
    """There is no file to grade at that path; the message says what is there instead."""


@dataclass(frozen=True)
class Submission:
    """A file's text, or in `fault` why Python could not read it; the hash is that of what was read."""

    path: str
    filename: str
    sha256: str
    text: str
    fault: str = ""


def read(path: str) -> Submission:
    """The submission at `path`; raises Unreadable where no regular file can be opened."""
    digest = hashlib.sha256()
    data = b""
    size = 0
    with _opened(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            data += chunk if size <= LARGEST else b""
            if size >= _MOST_READ:  # a sparse file has room for terabytes
                break
    text, fault = _decoded(data, size)
    return Submission(path, Path(path).name, digest.hexdigest(), text, fault)


def _opened(path: str) -> io.BufferedReader:
    """The file, opened without waiting for a writer should it be a pipe."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        what = "is a link to nothing" if os.path.islink(path) else "does not exist"
        raise Unreadable(f"{path} {what}") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path} cannot be read ({getattr(error, 'strerror', None) or error})") from None
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise Unreadable(f"{path} is {kind}; the path of one .py file was expected")
    return os.fdopen(fd, "rb")


def _decoded(data: bytes, size: int) -> tuple[str, str]:
    if size > LARGEST:
        count = f"{size} bytes{' or more' * (size >= _MOST_READ)}"
        return "", f"the file has {count}, and at most {LARGEST} are read: keep data out of the source"
    if b"\0" in data:
        return "", f"the file holds a null byte at position {data.index(0)}: it is not Python source text"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except (SyntaxError, LookupError) as error:
        if "unknown encoding" in str(error):
            return "", f"line 1 names a coding that Python does not know ({error}): save the file as UTF-8"
        encoding = "utf-8"
    try:
        if codecs.lookup(encoding).name in _REFUSED_CODECS:
            raise LookupError(encoding)
        return io.TextIOWrapper(io.BytesIO(data), encoding).read(), ""
    except LookupError:
        return "", f"line 1 names the coding {encoding}, which source text cannot have: save the file as UTF-8"
    except UnicodeDecodeError as error:
        return (
            "",
            f"byte {error.start} is not valid {error.encoding}: save the file as UTF-8, or name its coding in line 1",
        )
    except ValueError as error:
        return "", f"the file cannot be decoded as {encoding} ({error}): save it as UTF-8"
