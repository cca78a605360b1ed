"""A result is a frozen value that goes to JSON and back, and its text is a function of it."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.reports.terminal import terminal
from grader.reports.text import plain
from grader.result import CheckResult, Counterexample, Misconception, Result, score, verdict

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
checks = st.builds(
    CheckResult,
    name=words,
    claim=words,
    weight=st.floats(0, 5),
    status=st.sampled_from(["pass", "fail", "timeout", "memory", "crash", "not_run", "error"]),
    message=words,
    counterexample=st.none() | st.builds(Counterexample, words, words, words, words),
    misconception=st.none() | st.builds(Misconception, words, words),
    seconds=st.floats(0, 9),
)
results = st.builds(
    Result,
    exercise=words,
    submission=words,
    sha256=words,
    verdict=st.sampled_from(["pass", "fail", "error"]),
    score=st.floats(0, 1),
    seed=st.integers(),
    seconds=st.floats(0, 9),
    versions=st.dictionaries(words, words),
    sandbox=words,
    checks=st.lists(checks, max_size=4).map(tuple),
    output=words,
)


@given(results)
def test_a_result_goes_to_json_and_back(result):
    assert Result.from_json(result.to_json()) == result


@given(results)
def test_the_json_has_the_documented_keys(result):
    data = json.loads(result.to_json())
    assert " ".join(data) == (
        "schema exercise submission sha256 verdict score seed seconds versions sandbox checks output"
    )
    for check in data["checks"]:
        assert " ".join(check) == "name claim weight status message counterexample misconception seconds"


def test_another_schema_is_refused():
    with pytest.raises(ValueError, match="schema 1"):
        Result.from_json('{"schema": 2}')


def test_a_result_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CheckResult("a", "b", 1.0, "pass").status = "fail"  # type: ignore[misc]


def test_the_score_is_the_weight_passed_over_all():
    made = tuple(CheckResult("n", "c", weight, status) for weight, status in [(0, "pass"), (1, "pass"), (3, "not_run")])
    assert score(made) == 0.25
    assert verdict(made) == "fail"
    assert verdict(made[:2]) == "pass"
    assert verdict((*made, CheckResult("n", "c", 1, "error"))) == "error"
    assert verdict(()) == "fail"


@given(results, st.integers(40, 200))
def test_reports_are_functions_of_the_result_alone(result, width):
    text = terminal(result, width=width, color=False)
    assert text == terminal(Result.from_json(result.to_json()), width=width, color=False)
    assert "\x1b" not in text


def test_the_code_of_a_counterexample_is_not_wrapped_or_indented():
    code = "x = " + "1 + " * 60 + "1\nprint(x)\n"
    check = CheckResult("value", "It is right.", 1.0, "fail", "it is not", Counterexample("f()", "1", "2", code))
    result = Result("e", "p", "", "fail", 0.0, 0, 0.0, {}, "none", (check,))
    for color in (False, True):
        assert code.splitlines()[0] in terminal(result, width=60, color=color)
    assert code.rstrip() in plain(check)


def test_colour_is_there_when_asked_for():
    result = Result("e", "p", "", "fail", 0.0, 0, 0.0, {}, "none", (CheckResult("value", "c", 1.0, "fail", "no"),))
    assert "\x1b[" in terminal(result, width=80, color=True)
