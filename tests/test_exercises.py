"""The house rules, for every exercise: what `selfcheck` proves, and that the committed stubs are current."""

import subprocess

import pytest

from grader.exercise import ROOT, Exercise, exercises
from grader.selfcheck import findings, jobs_of, selfcheck


@pytest.mark.parametrize("name", exercises())
def test_an_exercise_keeps_the_house_rules(name):
    (row,) = selfcheck([name], seeds=1)
    assert row.findings == ()
    assert row.right[0] == row.right[1] > 5
    assert row.caught[0] == row.named[0] == row.caught[1] >= 15


@pytest.mark.parametrize("name", exercises())
def test_the_committed_stub_is_the_derived_one(name):
    exercise = exercises()[name]
    assert committed(exercise) == exercise.derived_stub()


def committed(exercise: Exercise) -> str:
    """The stub as committed, whatever a learner has written into the file since; without git, the file."""
    path = exercise.stub_path.relative_to(ROOT).as_posix()
    shown = subprocess.run(["git", "-C", str(ROOT), "show", f"HEAD:{path}"], capture_output=True, text=True)
    return shown.stdout if shown.returncode == 0 else exercise.stub_path.read_text()


def test_every_kind_of_submission_is_a_job():
    exercise = exercises()["huber"]
    jobs = jobs_of(exercise, seeds=2)
    assert len(jobs) == 2 * (3 + len(exercise.right) + len(exercise.mistakes))


def test_an_exercise_that_breaks_the_rules_is_told(tmp_path):
    folder = tmp_path / "losses" / "empty"
    folder.mkdir(parents=True)
    (folder / "solution.py").write_text(
        '"""Nothing.\n\n- first: a rule without a check.\n"""\n\n\ndef f():\n    """F."""\n'
    )
    (folder / "probes.py").write_text("def call(learner):\n    return learner.f()\n")
    (folder / "checks.py").write_text(
        'def test_it(submission, solution):\n    """It holds.\n\n    Rules: second\n    """\n    assert True\n'
    )
    (folder / "variants.py").write_text("MISCONCEPTIONS = {}\n")
    (folder / "hints.md").write_text("## one\ntext\n")
    told = " ".join(findings(Exercise(folder), []))
    for part in ("'first' has no check", "'second', which is no rule", "without a message", "right variants", "rungs"):
        assert part in told
