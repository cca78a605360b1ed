"""The learner's loop: grade on every save, answer single keys; runs on our side, and draws through `draw` alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from grader import listing, progress, stubs
from grader.events import Changed, Event, Key, Resized
from grader.exercise import Exercise, course
from grader.listing import Item
from grader.result import CheckResult, Result
from grader.submission import Unreadable, read
from grader.workspace import Workspace

_SETTLING, _MOST_LOOKS = 0.03, 10
Mode = Literal["grading", "verdict", "gone", "hint", "list", "confirm reset"]


@dataclass(frozen=True)
class View:
    """All that is on the screen; what a mode does not show may be stale."""

    exercise: str
    path: str
    mode: Mode
    result: Result | None = None
    checks: tuple[CheckResult, ...] = ()
    hint: tuple[str, int, int] = ("", 0, 0)
    items: tuple[Item, ...] = ()
    note: str = ""
    is_done: bool = False
    next_name: str = ""


class Source(Protocol):
    """Where events come from."""

    def get(self) -> Event:
        """The next event, once there is one."""

    def drop_keys(self) -> None:
        """Forget keys typed so far."""


Grade = Callable[[Exercise, str, Callable[[CheckResult], None]], Result]
Draw = Callable[[View], None]


@dataclass
class Watch:
    """One session: the exercise in hand, what was graded last, and what is shown."""

    workspace: Workspace
    exercise: Exercise
    grade: Grade
    draw: Draw
    shown_path: Callable[[Exercise], str]
    _graded: str = field(default="", init=False)
    _view: View = field(init=False)

    def __post_init__(self) -> None:
        self._view = self._blank("verdict")

    def run(self, events: Source) -> None:
        """Go on until the learner quits."""
        self._look(events)
        while True:
            event = events.get()
            if event == Key("q"):
                return
            self._handle(event, events)

    def _handle(self, event: Event, events: Source) -> None:
        match event:
            case Changed():
                self._look(events)
            case Resized():
                self.draw(self._view)
            case Key("y") if self._view.mode == "confirm reset":
                self._reset(events)
            case Key() if self._view.mode == "confirm reset":
                self._show(replace(self._view, mode="verdict", note="nothing was changed"))
            case Key("r"):
                self._run(events)
            case Key("n"):
                self._next(events)
            case Key("h"):
                self._hint()
            case Key("l"):
                self._show(replace(self._view, mode="list", items=tuple(listing.items(self.workspace)), note=""))
            case Key("x"):
                self._show(replace(self._view, mode="confirm reset", note=""))
            case Key("c"):
                self._check_all(events)
            case Key("\n" | "\r" | " "):
                self._show(replace(self._view, mode="verdict", note=""))
            case _:
                return

    def _look(self, events: Source) -> None:
        """Grade the file if it is not what was graded last; say so if it is gone."""
        digest = self._digest()
        if digest is None:
            self._graded = ""
            self._show(self._blank("gone"))
        elif digest != self._graded:
            self._run(events)

    def _run(self, events: Source) -> None:
        digest = self._digest()
        if digest is None:
            self._show(self._blank("gone"))
            return
        self._graded = digest
        self._view = self._blank("grading")
        self.draw(self._view)
        try:
            result = self.grade(self.exercise, self._view.path, self._checked)
        except Unreadable:
            self._graded = ""
            self._show(self._blank("gone"))
            return
        note = ""
        if result.verdict != "error":
            note = progress.note(self.workspace.progress, self.exercise.name, passed=result.verdict == "pass")
        events.drop_keys()
        self._show(replace(self._blank("verdict"), result=result, note=note))

    def _checked(self, check: CheckResult) -> None:
        self._view = replace(self._view, checks=(*self._view.checks, check))
        self.draw(self._view)

    def _next(self, events: Source) -> None:
        if not self._view.is_done:
            self._show(replace(self._view, note=f"{self.exercise.name} is not done yet: h gives a hint"))
            return
        following = listing.next_todo(self.workspace, self.exercise.name)
        if following is None:
            self._show(replace(self._view, note="that was the last one: every exercise is done"))
            return
        self.exercise, self._graded = following, ""
        self._look(events)

    def _hint(self) -> None:
        rungs = self.exercise.hints
        seen = progress.read(self.workspace.progress).of(self.exercise.name).hints
        number = min(seen + 1, len(rungs))
        note = progress.note(self.workspace.progress, self.exercise.name, hints=number) if number > seen else ""
        if seen >= len(rungs):
            note = f"there are no more hints; the solution: grader show {self.exercise.name} --solution"
        self._show(replace(self._view, mode="hint", hint=(rungs[number - 1], number, len(rungs)), note=note))

    def _reset(self, events: Source) -> None:
        path = self.workspace.file(self.exercise)
        try:
            kept = stubs.reset(path, self.exercise)
        except OSError as error:
            self._show(replace(self._view, mode="verdict", note=f"not reset: {error.strerror or error}"))
            return
        self._run(events)
        if kept:
            self._show(replace(self._view, note=f"your file is kept as {kept.name}"))

    def _check_all(self, events: Source) -> None:
        """Grade every exercise that was begun, and show the list; the verdict stays, to come back to."""
        last = self._view.result
        for exercise in course():
            path = self.workspace.file(exercise)
            if not path.is_file() or stubs.is_untouched(path, exercise):
                continue
            shown = self.shown_path(exercise)
            self._show(replace(self._blank("grading"), exercise=exercise.name, path=shown))
            try:
                result = self.grade(exercise, shown, self._checked)
            except Unreadable:
                continue
            if exercise.name == self.exercise.name:
                last = result
            if result.verdict != "error":
                progress.note(self.workspace.progress, exercise.name, passed=result.verdict == "pass")
        events.drop_keys()
        self._show(replace(self._blank("list"), result=last, items=tuple(listing.items(self.workspace))))

    def _digest(self) -> str | None:
        """What tells the file's text from another, None where there is no file.

        Editors write in pieces or by renaming: what counts is what stays for a moment.
        """
        before: str | None = ""
        for _ in range(_MOST_LOOKS):
            now = self._read()
            if now == before and now is not None:
                break
            before = now
            time.sleep(_SETTLING)
        return before

    def _read(self) -> str | None:
        try:
            return read(str(self.workspace.file(self.exercise)), self.exercise.entry_points).sha256
        except Unreadable:
            return None

    def _show(self, view: View) -> None:
        state = progress.read(self.workspace.progress).of(self.exercise.name).state
        following = listing.next_todo(self.workspace, self.exercise.name)
        is_done = state == "done"
        self._view = replace(view, is_done=is_done, next_name=following.name if following else "")
        self.draw(self._view)

    def _blank(self, mode: Mode) -> View:
        return View(self.exercise.name, self.shown_path(self.exercise), mode)
