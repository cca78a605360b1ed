"""Comparisons accept rounding and nothing else, and say what differs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.authoring import dtypes, shapes, tensors
from grader.compare import Mismatch, alike, close, equal

floats = tensors(shapes(), dtypes("float64", "float32", "float16", "bfloat16"))


@given(floats)
def test_a_value_is_close_to_itself_and_to_its_neighbour(value):
    close(value, value)
    if value.dtype in (torch.float32, torch.float64):
        close(torch.nextafter(value, torch.full_like(value, 9)), value)


@given(floats, st.sampled_from(["zeros", "nan", "more", "shape", "dtype"]))
def test_another_value_is_refused(value, how):
    value = value + torch.where(value == 0, 1, 0)
    eps = torch.finfo(value.dtype).eps
    other = {
        "zeros": torch.zeros_like(value),
        "nan": torch.full_like(value, float("nan")),
        "more": value * (1 + 16 * eps),
        "shape": value.unsqueeze(0),
        "dtype": value.to(torch.float32 if value.dtype != torch.float32 else torch.float64),
    }[how]
    with pytest.raises(Mismatch):
        close(other, value)


def test_the_text_names_place_values_difference_and_tolerance():
    with pytest.raises(Mismatch) as caught:
        close(torch.tensor([[1.0, 2.0], [3.0, 4.5]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), what="the output")
    assert str(caught.value) == (
        "the output[1, 1] is 4.5, expected 4: off by 0.5, 1.3e+05 times what rounding allows (3.8e-06); "
        "1 of 4 elements differ"
    )


def test_infinities_must_agree():
    close(torch.tensor([float("inf")]), torch.tensor([float("inf")]))
    for other in (-float("inf"), float("nan"), 3e38):
        with pytest.raises(Mismatch):
            close(torch.tensor([other]), torch.tensor([float("inf")]))


@pytest.mark.parametrize("scale", [float("inf"), float("nan")])
def test_a_scale_that_is_not_finite_allows_nothing(scale):
    with pytest.raises(Mismatch):
        close(torch.ones(2), torch.zeros(2), scale=scale)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (1, True),
        (1, 1.0),
        ([1], [1, 2]),
        ({"a": 1}, {"b": 1}),
        (None, 0.0),
        ("a", "b"),
        (torch.zeros(1), torch.ones(1)),
    ],
)
def test_equal_means_equal_in_type_and_value(got, want):
    with pytest.raises(Mismatch):
        equal(got, want)


@pytest.mark.parametrize("got", [None, "text", [1.0, "x"], {"a": 1.0}, object()])
def test_what_is_no_number_is_refused_with_its_type(got):
    with pytest.raises(Mismatch, match="expected numbers"):
        close(got, [1.0, 2.0])


@given(floats)
def test_rounding_looks_alike_and_zeros_do_not(value):
    assert alike(value, value * (1 + torch.finfo(value.dtype).eps))
    assert not alike(value + 10, torch.zeros_like(value))
    assert alike({"a": [value, 1]}, {"a": [value.clone(), 1]})


def test_errors_that_torch_words_differently_are_different_mistakes():
    from grader.compare import alike, alike_in_words

    one = RuntimeError("grad can be implicitly created only for scalar outputs")
    other = RuntimeError("Trying to backward through the graph a second time")
    assert alike(one, other)
    assert not alike_in_words(one, other)
    assert alike_in_words(RuntimeError("size 3 must match size 4"), RuntimeError("size 1 must match size 7"))
    assert alike_in_words(ValueError("mine"), ValueError("yours"))
