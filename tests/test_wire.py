"""Plain data crosses unchanged, and nothing else crosses."""

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader import wire
from grader.authoring import LAYOUTS, shapes, tensors
from grader.compare import equal

scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text())
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.text(), inner), st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def crossed(value):
    stream = io.BytesIO()
    wire.send(stream, value)
    stream.seek(0)
    return wire.receive(stream)


@given(nested)
def test_plain_data_arrives_equal_and_of_the_same_types(value):
    arrived = crossed(value)
    assert arrived == value
    assert repr(arrived) == repr(value)


@given(tensors(shapes(max_side=5), st.sampled_from(list(wire.DTYPES.values())), layouts=LAYOUTS))
def test_tensors_arrive_bit_for_bit_with_their_strides(value):
    arrived = crossed(value)
    equal(arrived, value)
    assert arrived.stride() == value.stride()


@pytest.mark.parametrize(
    "value",
    [torch.zeros(0, 3), torch.ones(2, 1).expand(2, 5), torch.ones(3).expand(2, 3), torch.arange(9.0)[::2]],
    ids=["empty", "expanded", "repeated", "strided"],
)
def test_unusual_tensors_arrive(value):
    equal(crossed(value), value)


def test_a_view_does_not_bring_the_memory_around_it():
    stream = io.BytesIO()
    wire.send(stream, torch.zeros(1000, 1000)[0, ::500])
    assert len(stream.getvalue()) < 5000


def test_a_dtype_arrives():
    assert crossed({"dtype": torch.bfloat16}) == {"dtype": torch.bfloat16}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", lambda: 0, torch.zeros(2, dtype=torch.complex64)])
def test_what_is_not_data_does_not_leave(value):
    stream = io.BytesIO()
    with pytest.raises(wire.NotData):
        wire.send(stream, [value])
    assert stream.getvalue() == b""


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed_or_too_short(data):
    try:
        wire.receive(io.BytesIO(data))
    except (wire.Malformed, EOFError):
        return
    assert len(data) >= 8, "eight bytes of header come before anything else"
