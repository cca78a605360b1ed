"""The watch loop, driven by events and seen through its views; no terminal, and no grading but a pretended one."""

from __future__ import annotations

from collections import deque

import pytest

from grader import progress
from grader.events import Changed, Key, Resized
from grader.exercise import find
from grader.reports.watching import screen
from grader.result import CheckResult, Misconception, Result
from grader.submission import Unreadable, read
from grader.watch import Watch
from grader.workspace import Workspace


class Script:
    """Events one after the other; a function among them is called, as a learner acts in the meantime."""

    def __init__(self, *steps):
        self.steps = deque([*steps, Key("q")])
        self.dropped = 0

    def get(self):
        while callable(self.steps[0]):
            self.steps.popleft()()
        return self.steps.popleft()

    def drop_keys(self):
        self.dropped += 1


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    from grader import stubs

    monkeypatch.chdir(tmp_path)
    made = Workspace(tmp_path)
    stubs.fill(made)
    progress.start(made.progress)
    return made


@pytest.fixture
def watched(workspace):
    """Run a script; what was graded, and the views drawn."""

    def run(*steps, name="huber"):
        graded, views = [], []

        def grade(exercise, path, on_check):
            text = read(path, exercise.entry_points).text
            graded.append((exercise.name, text))
            check = CheckResult("imports", "It imports.", 1.0, "pass" if "RIGHT" in text else "fail", "not right")
            on_check(check)
            return Result(exercise.name, path, "", check.status, 0.0, 0, 0.1, {}, "none", (check,), "")

        watch = Watch(workspace, find(name), grade, views.append, lambda exercise: str(workspace.file(exercise)))
        watch.run(Script(*steps))
        return graded, views

    return run


def write(path, text):
    return lambda: path.write_text(text)


def test_the_file_is_graded_at_the_start_and_at_each_change_of_its_text(workspace, watched):
    path = workspace.file(find("huber"))
    graded, views = watched(write(path, "one"), Changed(), Changed(), write(path, "RIGHT"), Changed(), Changed())
    assert [text for _, text in graded] == [find("huber").derived_stub(), "one", "RIGHT"]
    assert (views[-1].mode, views[-1].is_done) == ("verdict", True)


def test_an_unchanged_file_is_graded_again_on_request(workspace, watched):
    graded, _ = watched(Key("r"), Key("r"))
    assert len(graded) == 3


def test_passing_does_not_move_on_by_itself_and_n_does(workspace, watched):
    path = workspace.file(find("huber"))
    graded, views = watched(write(path, "RIGHT"), Changed(), Key("n"))
    assert [name for name, _ in graded] == ["huber", "huber", "grad_norm"]
    assert views[-1].exercise == "grad_norm"


def test_n_before_a_pass_stays_and_says_why(watched):
    graded, views = watched(Key("n"))
    assert len(graded) == 1
    assert "not done yet" in views[-1].note


def test_n_after_the_last_exercise_says_that_all_is_done(workspace, watched):
    for name in ("gelu", "glu", "grad_norm", "lr_finder"):
        progress.note(workspace.progress, name, passed=True)
    workspace.file(find("huber")).write_text("RIGHT")
    _, views = watched(Key("n"))
    assert "every exercise is done" in views[-1].note


def test_hints_go_one_rung_further_at_each_key(watched):
    _, views = watched(*[Key("h")] * 4)
    hints = [view.hint[1] for view in views if view.mode == "hint"]
    assert hints == [1, 2, 3, 3]
    assert "no more hints" in views[-1].note


def test_a_file_that_vanishes_is_waited_for(workspace, watched):
    path = workspace.file(find("huber"))
    graded, views = watched(path.unlink, Changed(), write(path, "RIGHT"), Changed())
    assert [view.mode for view in views].count("gone") == 1
    assert (len(graded), views[-1].mode) == (2, "verdict")


def test_a_file_that_is_not_there_at_the_start_can_be_written_anew(workspace, watched):
    path = workspace.file(find("huber"))
    path.unlink()
    graded, views = watched(Key("x"), Key("y"))
    assert views[0].mode == "gone"
    assert path.read_text() == find("huber").derived_stub()
    assert len(graded) == 1


def test_a_save_by_rename_is_no_vanishing(workspace, watched):
    path = workspace.file(find("huber"))
    new = path.with_suffix(".new")

    def renamed():
        new.write_text("RIGHT")
        new.replace(path)

    graded, views = watched(renamed, Changed())
    assert "gone" not in [view.mode for view in views]
    assert graded[-1][1] == "RIGHT"


def test_reset_asks_first_and_keeps_a_backup(workspace, watched):
    path = workspace.file(find("huber"))
    path.write_text("mine")
    _, views = watched(Key("x"), Key("n"))
    assert "confirm reset" in [view.mode for view in views]
    assert path.read_text() == "mine"
    _, views = watched(Key("x"), Key("y"))
    assert path.read_text() == find("huber").derived_stub()
    assert "kept as huber.py.backup-1" in views[-1].note


def test_check_all_grades_what_was_begun_and_shows_the_list(workspace, watched):
    workspace.file(find("glu")).write_text("RIGHT")
    graded, views = watched(Key("c"))
    assert [name for name, _ in graded] == ["huber", "glu"]
    assert views[-1].mode == "list"
    assert {item.name: item.state for item in views[-1].items}["glu"] == "done"


@pytest.mark.parametrize("keys", [[Key("h")], [Key("l")], [Key("c")], [Key("x"), Key("n")]])
def test_one_comes_back_to_the_verdict(workspace, watched, keys):
    workspace.file(find("huber")).write_text("mine")
    _, views = watched(*keys, Key("\n"))
    assert views[-1].mode == "verdict"
    assert views[-1].result is not None
    assert views[-1].result.exercise == "huber"


def test_keys_typed_during_a_run_are_dropped(workspace):
    events = Script()
    watch = Watch(workspace, find("huber"), lambda *_: (_ for _ in ()).throw(Unreadable()), lambda _: None, str)
    watch.run(events)
    assert events.dropped == 0
    done = Result("huber", "", "", "fail", 0.0, 0, 0.1, {}, "none", ())
    Watch(workspace, find("huber"), lambda *_: done, lambda _: None, lambda _: "path").run(events := Script())
    assert events.dropped == 1


def test_a_resized_window_is_drawn_again(watched):
    _, views = watched(Resized())
    assert views[-1] == views[-2]


def test_the_verdict_is_noted(workspace, watched):
    watched()
    assert progress.read(workspace.progress).of("huber").state == "tried"


FAILED = CheckResult(
    "value", "Its value is right.", 1.0, "fail", "off by one", None, Misconception("sum", "Not a sum.")
)
CHECKS = (
    CheckResult("imports", "It imports.", 0.0, "pass"),
    CheckResult("shape", "Its shape is right.", 1.0, "fail", "\n".join(f"line {n}" for n in range(40))),
    FAILED,
)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (40, 10), (20, 6)])
@pytest.mark.parametrize("mode", ["verdict", "hint", "list", "gone", "confirm reset", "grading"])
def test_a_screen_fits_the_window(workspace, watched, width, height, mode):
    _, views = watched(Key("l"), Key("h"))
    from dataclasses import replace

    result = Result("huber", "huber.py", "", "fail", 0.0, 0, 0.1, {}, "none", CHECKS, "printed\n" * 30)
    view = replace(views[-1], mode=mode, result=result, items=views[-2].items, checks=CHECKS)
    shown = screen(view, width, height, color=False).split("\n")
    assert len(shown) <= max(height - 1, 9)
    assert max(map(len, shown)) <= width


def test_the_failure_whose_mistake_is_known_comes_first(watched):
    _, views = watched()
    from dataclasses import replace

    result = Result("huber", "huber.py", "", "fail", 0.0, 0, 0.1, {}, "none", CHECKS)
    shown = screen(replace(views[-1], result=result), 80, 40, color=False)
    assert "value failed" in shown
    assert "Not a sum." in shown
    assert "shape failed" not in shown
