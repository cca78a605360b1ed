"""The course beside what the learner has done of it, as plain values; runs on our side."""

from dataclasses import asdict, dataclass
from typing import Any

from grader import progress
from grader.exercise import Exercise, course
from grader.progress import Progress, State
from grader.workspace import Workspace


@dataclass(frozen=True)
class Item:
    """One exercise as `list` shows it; `path` is the learner's file, `difficulty` 1 to 3."""

    name: str
    topic: str
    difficulty: int
    summary: str
    needs: tuple[str, ...]
    state: State
    path: str

    def as_data(self) -> dict[str, Any]:
        """The item as what `list --json` writes."""
        return asdict(self)


def items(workspace: Workspace) -> list[Item]:
    """Every exercise in learning order."""
    done = progress.read(workspace.progress)
    return [_item(exercise, workspace, done) for exercise in course()]


def next_todo(workspace: Workspace, after: str = "") -> Exercise | None:
    """The first exercise that is not done, in learning order, looking behind `after` first; None if all are done."""
    done = progress.read(workspace.progress)
    order = course()
    names = [exercise.name for exercise in order]
    start = names.index(after) + 1 if after in names else 0
    return next((one for one in order[start:] + order[:start] if done.of(one.name).state != "done"), None)


def _item(exercise: Exercise, workspace: Workspace, done: Progress) -> Item:
    place = exercise.place
    return Item(
        name=exercise.name,
        topic=exercise.topic,
        difficulty=place.difficulty,
        summary=place.summary,
        needs=place.needs,
        state=done.of(exercise.name).state,
        path=str(workspace.file(exercise)),
    )
