"""The learner's commands in a folder of the learner's own: list, hint, show, reset, init."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from grader import cli, console, progress
from grader.exercise import ROOT, course, find

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An initialised workspace, as the current folder."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init"]) == console.PASS
    return tmp_path


@pytest.fixture
def said(capsys):
    """Run a command; its status, output and errors."""

    def run(*arguments):
        capsys.readouterr()
        status = cli.main(arguments)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_init_writes_every_stub_and_a_second_one_changes_nothing(folder, said):
    paths = [folder / "exercises" / exercise.topic / f"{exercise.name}.py" for exercise in course()]
    assert [path.read_text() for path in paths] == [exercise.derived_stub() for exercise in course()]
    paths[0].write_text("my own work\n")
    paths[1].unlink()
    status, out, _ = said("init")
    assert status == console.PASS
    assert f"exercises: 1; left as they were: {len(paths) - 1}\n" in out
    assert paths[0].read_text() == "my own work\n"
    assert paths[1].exists()


def test_init_takes_a_folder_and_says_where_to_go(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    status, out, _ = said("init", "deep/course")
    assert status == console.PASS
    assert "cd deep/course" in out
    assert (tmp_path / "deep/course/grader-progress.txt").exists()


def test_init_in_a_subfolder_fills_the_workspace_around_it(folder, monkeypatch, said):
    monkeypatch.chdir(folder / "exercises")
    assert said("init")[0] == console.PASS
    assert not (folder / "exercises" / "exercises").exists()


def test_init_where_nothing_can_be_written_says_so_in_a_line(tmp_path, said):
    (tmp_path / "taken").write_text("a file")
    status, out, err = said("init", str(tmp_path / "taken"))
    assert (status, out, err.count("\n")) == (console.WRONG_CALL, "", 1)


def test_list_shows_topics_in_learning_order_and_what_is_next(folder, said):
    _, out, _ = said("list")
    names = [line.split()[1] for line in out.splitlines() if line.startswith("  ")]
    assert names == [exercise.name for exercise in course()]
    assert f"0 of {len(names)} done; next: {names[0]}" in out


def test_list_filters_and_knows_states(folder, said):
    path = folder / "grader-progress.txt"
    for name, verdicts in {"huber": [True], "glu": [False], "gelu": [True, False]}.items():
        for passed in verdicts:
            progress.note(path, name, passed=passed)
    states = {item["name"]: item["state"] for item in json.loads(said("list", "--json")[1])}
    assert states["huber"] == "done"
    assert states["glu"] == "tried"
    assert states["gelu"] == "broken again"
    assert states["lr_finder"] == "untouched"
    todo = [item["name"] for item in json.loads(said("list", "--json", "--todo")[1])]
    assert "huber" not in todo
    topic = json.loads(said("list", "--json", "--topic", "losses")[1])
    assert {item["topic"] for item in topic} == {"losses"}
    assert {"name", "topic", "difficulty", "summary", "needs", "state", "path"} == set(topic[0])


def test_hints_come_one_by_one_and_then_say_where_to_go(folder, said):
    rungs = [said("hint", "huber")[1] for _ in range(4)]
    assert [f"Hint {number} of 3" in text for number, text in enumerate(rungs[:3], 1)] == [True] * 3
    assert "no more hints" in rungs[3]
    everything = said("hint", "huber", "--all")[1]
    assert all(f"Hint {number} of 3" in everything for number in (1, 2, 3))


def test_the_solution_is_shown_after_a_pass_or_when_insisted_on(folder, said):
    secret = "near * (size - near / 2)"
    status, out, _ = said("show", "huber")
    assert (status, secret in out) == (console.PASS, False)
    assert "clamp(e, -delta, delta) / numel" in " ".join(out.split())
    status, out, err = said("show", "huber", "--solution")
    assert (status, out) == (console.WRONG_CALL, "")
    assert "--yes" in err
    assert secret in said("show", "huber", "--solution", "--yes")[1]
    progress.note(folder / "grader-progress.txt", "huber", passed=True)
    out = said("show", "huber")[1]
    assert secret in out
    assert all(f"Another way, {name}" in out for name in find("huber").right)


def test_reset_keeps_the_file_as_numbered_backups(folder, said):
    path = folder / "exercises/losses/huber.py"
    for number in (1, 2):
        path.write_text(f"try {number}\n")
        status, out, _ = said("reset", "huber", "--yes")
        assert status == console.PASS
        assert f"huber.py.backup-{number}" in out
        assert path.read_text() == find("huber").derived_stub()
        assert path.with_name(f"huber.py.backup-{number}").read_text() == f"try {number}\n"
    assert "is the stub already" in said("reset", "huber")[1]


def test_reset_asks_and_without_a_terminal_names_the_flag(folder, said):
    path = folder / "exercises/losses/huber.py"
    path.write_text("mine\n")
    status, _, err = said("reset", "huber")
    assert status == console.WRONG_CALL
    assert "--yes" in err
    assert path.read_text() == "mine\n"


def test_reset_writes_a_stub_that_was_deleted(folder, said):
    path = folder / "exercises/losses/huber.py"
    path.unlink()
    status, _, err = said("huber")
    assert (status, "reset huber" in err) == (console.WRONG_CALL, True)
    assert said("reset", "huber")[0] == console.PASS
    assert path.exists()


def test_grading_ones_own_file_is_noted_from_any_subfolder(folder, monkeypatch, said):
    (folder / "exercises/losses/huber.py").write_text(find("huber").source("solution"))
    monkeypatch.chdir(folder / "exercises" / "losses")
    assert said("huber")[0] == console.PASS
    assert progress.read(folder / "grader-progress.txt").of("huber").state == "done"
    (folder / "exercises/losses/huber.py").write_text("x = 1\n")
    assert said("huber")[0] == console.FAIL
    assert progress.read(folder / "grader-progress.txt").of("huber").state == "broken again"


def test_grading_another_file_is_not_noted(folder, said):
    (folder / "other.py").write_text("x = 1\n")
    assert said("huber", "other.py")[0] == console.FAIL
    assert progress.read(folder / "grader-progress.txt").entries == {}


def test_progress_that_cannot_be_saved_costs_a_line_and_not_the_verdict(folder, monkeypatch, said):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    status, out, err = said("huber")
    assert status == console.FAIL
    assert "checks passed" in out
    assert err.count("\n") == 1
    assert "No space left" in err


def test_without_a_workspace_an_installed_kit_names_init(tmp_path, monkeypatch, said):
    from grader import workspace

    monkeypatch.setattr(workspace, "CLONE", None)
    monkeypatch.chdir(tmp_path)
    for arguments in (["huber"], ["list"], ["hint", "huber"], ["watch"]):
        status, out, err = said(*arguments)
        assert (status, out, err.count("\n")) == (console.WRONG_CALL, "", 1)
        assert "python -m grader init" in err


def test_watch_without_a_terminal_says_what_to_use(folder, said):
    status, out, err = said("watch", "huber")
    assert (status, out) == (console.WRONG_CALL, "")
    assert "python -m grader huber" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--topic", "loses"], "losses"),
        (["hint", "hubre"], "did you mean huber"),
        (["show", "hubre"], "did you mean huber"),
        (["reset", "hubre"], "did you mean huber"),
        (["watch", "hubre"], "did you mean huber"),
        (["hint"], "NAME"),
        (["init", "--wild"], "--wild"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(folder, said, arguments, words):
    status, out, err = said(*arguments)
    assert (status, out, err.count("\n")) == (console.WRONG_CALL, "", 1)
    assert words in err


def test_help_names_every_command_without_loading_torch():
    code = (
        "import sys; from grader import cli; cli.main(['--help']); sys.exit(bool({'torch', 'rich'} & {*sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert ended.returncode == 0
    assert all(name in ended.stdout for name in cli.COMMANDS)
