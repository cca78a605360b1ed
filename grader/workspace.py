"""Where the learner's files are: the folder that holds `exercises/` and the progress file; runs on our side."""

from dataclasses import dataclass
from pathlib import Path

from grader.exercise import CLONE, Exercise

PROGRESS = "grader-progress.txt"


class NoWorkspace(LookupError):
    """There is no learner's folder here; the message says how to make one."""


@dataclass(frozen=True)
class Workspace:
    """A learner's folder."""

    root: Path

    @property
    def progress(self) -> Path:
        """The progress file, which also marks the folder."""
        return self.root / PROGRESS

    def file(self, exercise: Exercise) -> Path:
        """Where the learner's answer to the exercise is."""
        return self.root / "exercises" / exercise.topic / f"{exercise.name}.py"


def here() -> Workspace:
    """The workspace that the current folder is in, or else the clone's own; raises NoWorkspace where there is none."""
    found = around(Path.cwd())
    if found:
        return found
    if CLONE is None:
        raise NoWorkspace("there are no exercises here; `python -m grader init` copies them into this folder")
    return Workspace(CLONE)


def around(folder: Path) -> Workspace | None:
    """The workspace that holds `folder`, if one does."""
    marked = (above for above in (folder, *folder.parents) if (above / PROGRESS).is_file())
    return next(map(Workspace, marked), None)
