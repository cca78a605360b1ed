"""Read a submission's file as Python or Jupyter would read it; runs on our side, and never runs what it reads."""

import codecs
import hashlib
import io
import os
import re
import stat
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader import notebook

LARGEST = 1 << 20
LARGEST_NOTEBOOK = 64 << 20
_CHUNK = 1 << 20
_MOST_READ = LARGEST_NOTEBOOK
# Codecs that need a lifetime for a file of that size, or decode nothing.
_REFUSED_CODECS = {"idna", "punycode", "undefined"}


class Unreadable(OSError):
    """There is no file to grade at that path; the message says what is there instead."""


@dataclass(frozen=True)
class Submission:
    """A file's text, or in `fault` why Python could not read it; the hash is that of what was read.

    Of a notebook, the text is that of its answer; `origins` has the cell and the line there of each of its lines, and
    `notes` what is to be told of the choice.
    """

    path: str
    filename: str
    sha256: str
    text: str
    fault: str = ""
    origins: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()

    def place(self, line: int) -> str:
        """Where the text's line is, as its author counts: `huber.py, line 3`, `my.ipynb, cell 2, line 3`."""
        if 1 <= line <= len(self.origins):
            cell, line = self.origins[line - 1]
            return f"{self.filename}, cell {cell}, line {line}"
        return f"{self.filename}, line {line}"

    def placed(self, text: str) -> str:
        """What a notebook's answer printed, with the places in tracebacks and warnings as its author counts."""
        if not self.origins:
            return text
        name = re.escape(self.filename)
        return re.sub(
            rf'File "{name}", line (\d{{1,9}})|\b{name}:(\d{{1,9}})(?=:)',
            lambda found: ("File " if found[1] else "") + self.place(int(found[1] or found[2])),
            text,
        )


def read(path: str, entry_points: Sequence[str]) -> Submission:
    """The submission at `path`, a file of Python or a notebook that holds definitions of the entry points.

    Raises Unreadable where no regular file can be opened.
    """
    is_notebook = Path(path).suffix.lower() == ".ipynb"
    most = LARGEST_NOTEBOOK if is_notebook else LARGEST
    digest = hashlib.sha256()
    data = bytearray()
    size = 0
    with _opened(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            data += chunk if size <= most else b""
            if size > _MOST_READ:  # a sparse file has room for terabytes
                break
    name, sha256 = Path(path).name, digest.hexdigest()
    if size > most:
        what = "clear the notebook's outputs" if is_notebook else "keep data out of the source"
        count = f"{size} bytes{' or more' * (size > _MOST_READ)}"
        return Submission(path, name, sha256, "", f"the file has {count}, and at most {most} are read: {what}")
    if is_notebook:
        found = notebook.extract(bytes(data), entry_points)
        return Submission(path, name, sha256, found.text, found.fault, found.origins, found.notes)
    return Submission(path, name, sha256, *_decoded(bytes(data)))


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
        raise Unreadable(f"{path} is {kind}; the path of one .py or .ipynb file was expected")
    return os.fdopen(fd, "rb")


def _decoded(data: bytes) -> tuple[str, str]:
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
