"""Verdicts are the same at every run, failures are told apart, and the learner's own frames are shown."""

import pytest

from grader.exercise import exercises, find
from grader.result import Result

SAMPLES = [(name, mistake) for name, exercise in exercises().items() for mistake in list(exercise.mistakes)[::9]]


@pytest.mark.parametrize(("name", "mistake"), SAMPLES)
def test_two_gradings_with_one_seed_are_equal_but_for_their_times(graded, name, mistake):
    source = exercises()[name].mistakes[mistake].source
    first, second = (graded(source, name, seed=5) for _ in range(2))
    assert first.timeless().to_json() == second.timeless().to_json()


def test_addresses_and_folders_do_not_make_texts_differ(graded):
    source = (
        "import os, torch\nprint(object(), os.getcwd())\n"
        "class HuberLoss(torch.nn.Module):\n    def __init__(self, delta=1.0):\n        raise ValueError(object())\n"
    )
    first, second = (graded(source) for _ in range(2))
    assert first.timeless() == second.timeless()
    assert "object at 0x…" in first.output


def test_what_a_submission_draws_is_the_same_in_every_run(graded, solution):
    drawing = solution.replace(
        "        near =", "        import random; size = size + random.random() * torch.rand(())\n        near ="
    )
    first, second = (graded(drawing) for _ in range(2))
    assert first.timeless() == second.timeless()
    assert first.verdict == "fail"


def test_another_seed_draws_other_cases_for_the_same_verdict(graded):
    source = find("huber").mistakes["mean over the batch"].source
    results = [graded(source, seed=seed) for seed in range(4)]
    assert {result.verdict for result in results} == {"fail"}
    assert len({str(result.timeless()) for result in results}) > 1


def test_an_exception_is_shown_with_the_submissions_own_frames(graded, solution):
    broken = solution.replace("        near =", "        _deep(size)\n        near =") + (
        "\n\ndef _deep(x):\n    return torch.cat([x, None])\n"
    )
    message = next(check for check in graded(broken).failed).message
    assert "in _deep" in message
    assert "return torch.cat([x, None])" in message
    assert "grader" not in message
    assert "perform" not in message


def test_a_syntax_error_is_shown_with_its_line(graded):
    message = graded("def f(:\n    pass\n").checks[0].message
    assert message.startswith("SyntaxError")
    assert "line 1" in message


def test_a_missing_entry_point_is_named_with_its_likeness(graded):
    result = graded("class Huberloss:\n    pass\n")
    assert result.checks[0].status == "fail"
    assert "does not define HuberLoss; Huberloss is there" in result.checks[0].message
    assert {check.status for check in result.checks[1:]} == {"not_run"}


def test_checks_that_depend_on_a_failed_one_are_not_run(graded):
    result = graded(find("huber").derived_stub())
    assert [check.status for check in result.checks] == ["pass", "fail"] + ["not_run"] * (len(result.checks) - 2)
    assert result.score == 0.0


def test_what_was_printed_is_shown_once(graded, solution):
    result = graded(
        "print('at import')\n" + solution.replace("        near =", "        print('in forward')\n        near =")
    )
    assert result.output.count("at import") == 1
    assert "in forward" in result.output


def test_a_check_reports_as_soon_as_it_is_known(graded, solution):
    seen = []
    result = graded(solution, on_check=seen.append)
    assert tuple(seen) == result.checks


def test_the_public_api_grades(tmp_path, solution):
    from grader import grade

    (tmp_path / "mine.py").write_text(solution)
    result = grade("huber", tmp_path / "mine.py")
    assert isinstance(result, Result)
    assert (result.verdict, result.score, result.exercise) == ("pass", 1.0, "huber")
    assert set(result.versions) == {"grader", "torch", "python", "platform"}


def test_grading_leaves_the_callers_generators_and_threads_alone(graded, solution):
    import random

    import numpy
    import torch

    torch.manual_seed(1), random.seed(1), numpy.random.seed(1)
    before = torch.rand(2), random.random(), numpy.random.rand()
    torch.manual_seed(1), random.seed(1), numpy.random.seed(1)
    threads = torch.get_num_threads()
    graded(solution)
    after = torch.rand(2), random.random(), numpy.random.rand()
    assert (before[0].tolist(), *before[1:]) == (after[0].tolist(), *after[1:])
    assert torch.get_num_threads() == threads
