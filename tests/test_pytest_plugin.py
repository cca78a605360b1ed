"""pytest on a submission: one test for each check, by the same judge, with the same text."""

import xml.etree.ElementTree as ElementTree

import pytest

from grader.exercise import find
from grader.judge import grade
from grader.reports.text import plain

NAMES = ["imports", *(check.name for check in find("huber").checks())]


@pytest.fixture
def submission(pytester, solution):
    """A function that writes a submission where a learner has it."""

    def write(source: str = solution, place: str = "exercises/losses/huber.py"):
        path = pytester.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path

    return write


def test_a_learners_file_is_one_test_for_each_check(pytester, submission):
    submission()
    ended = pytester.runpytest_subprocess("exercises/losses/huber.py", "-v")
    ended.assert_outcomes(passed=len(NAMES))
    ended.stdout.fnmatch_lines([f"exercises/losses/huber.py::{name} PASSED*" for name in NAMES])


def test_a_file_elsewhere_is_graded_for_the_named_exercise(pytester, submission):
    submission(place="handed_in/anna.py")
    pytester.runpytest_subprocess("handed_in/anna.py", "--exercise", "huber").assert_outcomes(passed=len(NAMES))


def test_a_failed_check_shows_the_text_of_the_command(pytester, submission):
    path = submission(find("huber").mistakes["sum"].source)
    ended = pytester.runpytest_subprocess(str(path), "-k", "value")
    ended.assert_outcomes(failed=1, deselected=len(NAMES) - 1)
    check = next(check for check in grade("huber", path).checks if check.name == "value")
    assert plain(check) in ended.stdout.str()
    assert ended.ret == 1


def test_a_check_that_was_not_run_is_no_pass(pytester, submission):
    path = submission(find("huber").derived_stub())
    ended = pytester.runpytest_subprocess(str(path), "-k", "value")
    ended.assert_outcomes(failed=1, deselected=len(NAMES) - 1)
    assert "the check forward has to pass first" in ended.stdout.str()


def test_stopping_at_the_first_failure_works(pytester, submission):
    path = submission(find("huber").mistakes["sum"].source)
    pytester.runpytest_subprocess(str(path), "-x").assert_outcomes(passed=2, failed=1)


def test_junit_xml_names_every_check(pytester, submission):
    path = submission(find("huber").mistakes["sum"].source)
    pytester.runpytest_subprocess(str(path), "--junitxml", "out.xml")
    cases = ElementTree.parse(pytester.path / "out.xml").getroot().iter("testcase")
    assert {case.get("name") for case in cases} == set(NAMES)


def test_workers_of_xdist_share_the_checks(pytester, submission):
    path = submission()
    pytester.runpytest_subprocess(str(path), "-n", "2").assert_outcomes(passed=len(NAMES))


def test_an_unknown_exercise_is_a_wrong_call(pytester, submission):
    ended = pytester.runpytest_subprocess(str(submission()), "--exercise", "hubre")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["ERROR: *did you mean huber*"])


def test_listing_the_checks_runs_none_of_the_submission(pytester, submission):
    path = submission("open('ran', 'w').close()\nraise RuntimeError\n")
    ended = pytester.runpytest_subprocess(str(path), "--collect-only", "-q")
    assert [line for line in ended.outlines if "::" in line] == [f"exercises/losses/huber.py::{name}" for name in NAMES]
    assert not (pytester.path / "ran").exists()


def test_the_submission_is_never_imported_into_pytest(pytester, submission):
    marker = "import os, sys\nif 'pytest' in sys.modules: os.write(2, b'IMPORTED HERE')\n"
    path = submission(marker + find("huber").source("solution"))
    ended = pytester.runpytest_subprocess(str(path), "-s")
    ended.assert_outcomes(passed=len(NAMES))
    assert "IMPORTED HERE" not in ended.stderr.str()


def test_other_tests_are_left_alone(pytester):
    pytester.makepyfile(test_mine="def test_ok():\n    pass\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
