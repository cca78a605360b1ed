"""What a learner has done, as lines of a text file that may be merged in any order; runs on our side."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from grader.files import numbered, replace

State = Literal["done", "tried", "untouched", "broken again"]

_HEAD = "# What you have done, for `python -m grader list`. Lines may come in any order: to merge, keep them all.\n"
_LINE = re.compile(r"([a-z][a-z0-9_]*) (?:(passed|failed) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ)|hints (\d+))")
_CONFLICT = re.compile(r"(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)")
_WAIT = 10.0


class Unreadable(OSError):
    """There is a progress file, and the system does not let us read it."""


@dataclass(frozen=True)
class Entry:
    """One exercise: when it last passed and last failed (UTC, ISO 8601; empty for never), and the hints seen."""

    passed: str = ""
    failed: str = ""
    hints: int = 0

    @property
    def state(self) -> State:
        """What the learner is told of it."""
        if self.passed:
            return "broken again" if self.failed > self.passed else "done"
        return "tried" if self.failed else "untouched"

    def merged(self, other: "Entry") -> "Entry":
        """What is known from both."""
        return Entry(max(self.passed, other.passed), max(self.failed, other.failed), max(self.hints, other.hints))


@dataclass(frozen=True)
class Progress:
    """All that a progress file says; `unreadable` are its lines that say nothing."""

    entries: dict[str, Entry]
    unreadable: tuple[str, ...] = ()

    def of(self, name: str) -> Entry:
        """The exercise's entry."""
        return self.entries.get(name, Entry())

    def text(self) -> str:
        """The file's text."""
        lines = []
        for name, entry in sorted(self.entries.items()):
            lines += [f"{name} passed {entry.passed}"] if entry.passed else []
            lines += [f"{name} failed {entry.failed}"] if entry.failed else []
            lines += [f"{name} hints {entry.hints}"] if entry.hints else []
        return _HEAD + "".join(f"{line}\n" for line in lines)


def parse(text: str) -> Progress:
    """The progress that lines tell, in any order and doubled if need be, with a merge's conflict marks passed over."""
    entries: dict[str, Entry] = {}
    unreadable = []
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#") or _CONFLICT.match(line):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            unreadable.append(line)
            continue
        name, verdict, when, hints = found.groups()
        passed, failed = (when if verdict == kind else "" for kind in ("passed", "failed"))
        told = Entry(passed, failed, int(hints or 0))
        entries[name] = entries.get(name, Entry()).merged(told)
    return Progress(entries, tuple(unreadable))


def read(path: Path) -> Progress:
    """The progress in the file, none if there is no file; a damaged one gives what can still be read.

    Raises Unreadable.
    """
    try:
        return parse(path.read_bytes().decode("utf-8", errors="replace"))
    except FileNotFoundError:
        return Progress({})
    except OSError as error:
        raise Unreadable(f"the progress in {path} cannot be read ({error.strerror})") from None


def note(path: Path, name: str, passed: bool | None = None, hints: int = 0) -> str:
    """Add to the file what happened now; returns a sentence for the user where something is amiss, else nothing.

    The file is replaced as a whole, under a lock, so that neither a crash nor another command loses a line. A file
    with lines that cannot be read is first copied aside.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = Entry(passed=now if passed else "", failed=now if passed is False else "", hints=hints)
    try:
        with _locked(path):
            before = read(path)
            amiss = _kept_aside(path) if before.unreadable else ""
            replace(path, Progress(before.entries | {name: before.of(name).merged(told)}).text().encode())
    except OSError as error:
        return f"the progress could not be saved in {path} ({error.strerror or error})"
    return amiss


def start(path: Path) -> None:
    """Make an empty progress file, unless there is one; raises OSError."""
    if not path.exists():
        replace(path, Progress({}).text().encode())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One command at a time; the lock lies outside the learner's folder, which may be read-only or shared."""
    from filelock import FileLock, Timeout

    mark = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else 0
    try:
        with FileLock(Path(tempfile.gettempdir()) / f"grader-progress-{user}-{mark}.lock", timeout=_WAIT):
            yield
    except Timeout:
        raise OSError(f"another command has held it for {_WAIT:g} seconds") from None


def _kept_aside(path: Path) -> str:
    aside = numbered(path, "damaged")
    replace(aside, path.read_bytes())
    return f"{path.name} held lines that are no progress; it is kept as {aside.name}, and what could be read stays"
