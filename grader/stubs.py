"""Write stubs into a learner's folder, and never over a learner's work; runs on our side."""

from pathlib import Path

from grader.exercise import Exercise, exercises
from grader.files import numbered, replace
from grader.workspace import Workspace


def is_untouched(path: Path, exercise: Exercise) -> bool:
    """Whether the file is the stub as it is given out."""
    try:
        return path.read_bytes() == exercise.derived_stub().encode()
    except OSError:
        return False


def reset(path: Path, exercise: Exercise) -> Path | None:
    """Put the stub at `path`; returns where the file that was there is kept. Raises OSError, with nothing lost."""
    kept = None
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        kept = numbered(path, "backup")
        replace(kept, path.read_bytes())
    replace(path, exercise.derived_stub().encode())
    return kept


def fill(workspace: Workspace) -> tuple[list[Path], list[Path]]:
    """Write every stub for which the workspace has no file; returns those written and those that were there."""
    written, there = [], []
    for exercise in exercises().values():
        path = workspace.file(exercise)
        if path.exists():
            there.append(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, exercise.derived_stub().encode())
        written.append(path)
    return written, there
