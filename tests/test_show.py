"""A counterexample's code runs as it stands beside the submission, with torch alone, and shows the same answer."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.authoring import LAYOUTS, shapes, tensors
from grader.compare import equal
from grader.exercise import exercises
from grader.harmless import harmless
from grader.show import brief, difference, literal
from grader.wire import DTYPES

ALL = [(name, mistake) for name, exercise in exercises().items() for mistake in list(exercise.mistakes)[::4]]


@given(tensors(shapes(max_side=6), st.sampled_from(list(DTYPES.values())), layouts=LAYOUTS))
def test_a_literal_makes_the_same_tensor(value):
    made = eval(literal(value), {"torch": torch})
    equal(made, value)
    if value.numel() > 1:
        assert made.stride() == value.stride()


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
        lambda inner: st.one_of(st.lists(inner), st.tuples(inner), st.dictionaries(st.text(), inner)),
    )
)
def test_a_literal_makes_the_same_value(value):
    assert eval(literal(value), {"torch": torch, "float": float}) == value


@given(st.text())
def test_harmless_text_has_no_control_characters_or_commands(text):
    shown = harmless(text)
    assert all(character.isprintable() or character in "\n " or not character.isascii() for character in shown)
    assert not any(line.lstrip().startswith("::") for line in shown.split("\n"))
    assert "##[" not in shown
    assert harmless(shown) == shown


@pytest.mark.parametrize(("name", "mistake"), ALL)
def test_the_code_of_a_counterexample_runs_beside_the_submission(graded, tmp_path, name, mistake):
    source = exercises()[name].mistakes[mistake].source
    shown = next(check for check in graded(source, name).failed if check.counterexample).counterexample
    (tmp_path / "try_it.py").write_text(shown.reproduce)
    ended = subprocess.run([sys.executable, "try_it.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1]
        assert last.rpartition(".")[2].partition(":")[0] in shown.got, (last, shown.got)
    assert "grader" not in shown.reproduce


def test_long_answers_are_shown_where_they_first_differ():
    want = torch.zeros(5, 20)
    got = want.clone()
    got[3, 7] = 2.0
    expected, shown = difference(want, got)
    assert expected.startswith("[3, 7] of a tensor of shape (5, 20)")
    assert expected.endswith(": 0.0")
    assert shown.endswith(": 2.0")


def test_a_tuple_of_one_keeps_its_comma():
    assert brief((5,)) == "(5,)"
