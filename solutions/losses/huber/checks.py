"""What every Huber loss must do."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from grader.authoring import close, dtypes, equal, laid_out, pick, raises, random, shapes, tensors

LAYOUTS = ("contiguous", "transposed", "strided", "offset")
NEED_GRAD = pick([True, True], [False, False], [True, False], [False, True])
DELTAS = pick(1.0, 0.5, 2.0, 0.125, 3.5, 8.0, 0.1)
# Off the grid of drawn values: finite differences need |e| to be away from delta.
OFF_GRID = pick(1.0625, 0.53125, 2.0625, 0.15625, 3.5625)
LARGE = ((65,), (3, 5, 7), (2, 1, 3, 1, 2), (300,))
# In either order. Broadcasting, squeezing, counting elements and comparing some of the sizes each let some pass.
UNEQUAL = (
    ((3, 1), (3,)),
    ((1, 4), (4,)),
    ((1,), ()),
    ((3,), ()),
    ((3,), (1,)),
    ((2, 3), (2, 1)),
    ((2, 3), (1, 3)),
    ((2, 3), (2, 4)),
    ((2, 3), (3, 2)),
    ((2, 3), (6,)),
    ((2, 3), (2, 3, 4)),
    ((2, 1, 3), (2, 3)),
)


@st.composite
def sizes(draw, large=LARGE):
    """Mostly small shapes, some large."""
    large = draw(pick(None, None, None, None, *large))
    return draw(shapes()) if large is None else large


@st.composite
def pairs(draw, shape=sizes(), dtype=torch.float64, **options):
    """Two tensors of one shape and dtype."""
    size, kind = draw(shape), draw(dtype) if isinstance(dtype, st.SearchStrategy) else dtype
    return draw(tensors(size, kind, **options)), draw(tensors(size, kind, simplest=(0.0,), **options))


@st.composite
def unequal(draw):
    """Two shapes that differ in one size, in one dimension more, or in the order of their sizes."""
    shape = draw(shapes(1, 3))
    grown = (*shape[:-1], shape[-1] + 1)
    other = draw(pick((*shape, 1), (1, *shape), shape[1:], grown, (*reversed(grown), 2)))
    return draw(pick((shape, other), (other, shape)))


def each(name, cases):
    """An @example for every case, the first one tried first."""

    def decorate(test):
        for case in reversed(cases):
            test = example(**{name: case})(test)
        return test

    return decorate


def f16(*values):
    return torch.tensor(values, dtype=torch.float16)


def f64(*values):
    return torch.tensor(values, dtype=torch.float64)


def exact(solution, y_pred, y_true, delta):
    """The loss computed in float64, as a number of the inputs' dtype."""
    return solution.loss(y_pred.double(), y_true.double(), delta).to(y_pred.dtype)


def roundings(count):
    """A few for the formula, and those of a plain sum, which grow with the root of the number of terms."""
    return 8 + 4 * math.sqrt(count)


def test_forward(submission, solution):
    """A simple pair goes in, and one number of its dtype comes out, without torch's own Huber or smooth-L1 loss.

    Rules: own formula, mean
    Base: yes
    """
    for kind in (torch.float32, torch.float64):
        y_pred = torch.tensor([0.5, 3.0], dtype=kind, requires_grad=True)
        got = submission.loss(y_pred, torch.zeros(2, dtype=kind), 1.0)
        assert got.shape == (), f"the loss has the shape {tuple(got.shape)}, expected a single number, of shape ()"
        assert got.dtype == kind, f"the loss is of {got.dtype} for inputs of {kind}"
        got.backward()


@given(pair=pairs(dtype=dtypes(), layouts=LAYOUTS), delta=DELTAS, unit=pick(1.0, 1.0, 1.0, 1e-3, 1e4))
@example(pair=(torch.tensor([1.0, -1.0]), torch.zeros(2)), delta=1.0, unit=1.0)
@example(pair=(torch.tensor(0.25), torch.tensor(3.0)), delta=0.5, unit=1.0)
@example(pair=tuple(laid_out(random((2, 3), k), "transposed") for k in (0, 1)), delta=1.0, unit=1.0)
@example(pair=(random((300,), 0), random((300,), 1)), delta=2.0, unit=1.0)
# More elements than a chunk or a sample would hold, more dimensions than one would write out, errors of 0.
@example(pair=(random((1500,), 0), random((1500,), 1)), delta=2.0, unit=1.0)
@example(pair=tuple(random((2, 1, 3, 1, 2), k) for k in (0, 1)), delta=1.0, unit=1.0)
@example(pair=(f64(0.0, 2.0, 0.5), f64(0.0, 0.0, 0.5)), delta=1.0, unit=1.0)
# Deltas that no dtype holds exactly, small ones and large ones.
@example(pair=(f64(0.5, 0.0625), f64(0.0, 0.0)), delta=0.1, unit=1.0)
@example(pair=(f64(0.5, 0.0005), f64(0.0, 0.0)), delta=0.001, unit=1.0)
@example(pair=(f64(7.0, -1.5), f64(0.0, 0.0)), delta=300.0, unit=100.0)
def test_value(submission, solution, pair, delta, unit):
    """The loss is the mean of e²/2 for small errors and delta·(|e| - delta/2) for large ones, for any shape.

    Rules: mean, inputs
    Examples: 10
    """
    y_pred, y_true = (tensor * unit for tensor in pair)
    want = exact(solution, y_pred, y_true, delta)
    close(submission.loss(y_pred, y_true, delta), want, steps=roundings(y_pred.numel()), what="the loss")


@given(pair=pairs(sizes(large=((65,), (3, 5, 4))), dtypes("float16", "bfloat16"), layouts=LAYOUTS), delta=DELTAS)
@example(pair=(f16(1.0, -2.0), f16(0.0, 0.0)), delta=1.0)
@example(pair=(torch.tensor(0.5, dtype=torch.bfloat16), torch.tensor(3.0, dtype=torch.bfloat16)), delta=1.0)
# Apart by less than bfloat16 can tell: float16 is not to be computed by way of it.
@example(pair=(f16(2.0234375), f16(2.0)), delta=1.0)
def test_half_precision(submission, solution, pair, delta):
    """float16 and bfloat16 inputs give a loss of their own dtype, right to that dtype's rounding.

    Rules: inputs, mean
    Examples: 8
    """
    close(
        submission.loss(*pair, delta), exact(solution, *pair, delta), steps=roundings(pair[0].numel()), what="the loss"
    )


@given(pair=pairs(dtype=dtypes("float32", "float64", "float16"), layouts=LAYOUTS), delta=DELTAS, need_grad=NEED_GRAD)
# Without a graph nothing stops in-place operations, and .float() or .double() is no copy where the dtype fits.
# No number here is one that subtracting, clamping or taking its absolute value leaves as it is.
@example(pair=(torch.tensor([4.0, -2.0]), torch.tensor([-0.5, 3.0])), delta=1.0, need_grad=[False, False])
@example(pair=(f64(4.0, -2.0), f64(-0.5, 3.0)), delta=1.0, need_grad=[False, False])
@example(pair=(f64(4.0, -2.0), f64(-0.5, 3.0)), delta=1.0, need_grad=[True, False])
@example(pair=(f64(4.0, -2.0), f64(-0.5, 3.0)), delta=1.0, need_grad=[False, True])
@example(pair=(f64(4.0, -2.0), f64(-0.5, 3.0)), delta=1.0, need_grad=[True, True])
def test_inputs_untouched(submission, solution, pair, delta, need_grad):
    """Neither input is modified, forward or backward, whether it needs a gradient or not.

    Rules: inputs
    Examples: 4
    """
    after = submission.inputs_after(*pair, delta, need_grad)
    for name, tensor, before in zip(("y_pred", "y_true"), after["tensors"], pair, strict=True):
        equal(tensor, before, f"{name} afterwards")
    for name, need, before in zip(("y_pred", "y_true"), after["need grad"], need_grad, strict=True):
        equal(need, before, f"{name}.requires_grad afterwards")


@given(pair=pairs(dtype=torch.float64))
def test_default_delta(submission, solution, pair):
    """Without an argument, delta is 1.0.

    Rules: delta
    Examples: 3
    """
    close(
        submission.default_loss(*pair), exact(solution, *pair, 1.0), steps=roundings(pair[0].numel()), what="the loss"
    )


@given(pair=pairs(shapes()), delta=DELTAS)
@example(pair=(f64(0.25, 3.0), f64(0.0, 0.0)), delta=1.0)
def test_in_model(submission, solution, pair, delta):
    """A loss is a module like any other: part of a model, and the same in every mode, called or through forward.

    Rules: module
    Examples: 1
    """
    got = submission.in_model(*pair, delta)
    assert got["children"] == ["criterion"], "a HuberLoss assigned to a model is not a part of it: it is no nn.Module"
    want = [float(exact(solution, *pair, delta))] * 4
    what = "the losses (in training mode, under no_grad, in evaluation mode, by forward alone)"
    close(got["losses"], want, steps=roundings(pair[0].numel()), what=what)


@given(pair=pairs(shapes()), delta=DELTAS, other=pick(7.0, 0.25))
@example(pair=(f64(0.25, 3.0), f64(0.0, 0.0)), delta=1.0, other=7.0)
def test_repeated(submission, solution, pair, delta, other):
    """One loss gives the same answer at every call, whatever it and other losses are called with in between.

    Rules: mean, delta, calls
    Examples: 1
    """
    times = 300
    y_pred, y_true = pair
    want = [float(exact(solution, y_pred, y_true, delta))] * times
    want += [float(exact(solution, y_pred + 1, y_true, delta)), want[0]]
    got = submission.repeated(*pair, delta, other, times)
    close(
        got,
        want,
        steps=roundings(pair[0].numel()),
        what="the losses (300 calls, one with other inputs, the first again)",
    )


@given(delta=st.one_of(st.floats(max_value=0.0, allow_nan=False, width=32), pick(-math.inf, math.nan)))
@example(delta=0.0)
@example(delta=-1.0)
@example(delta=math.nan)
@example(delta=-math.inf)
def test_refused_delta(submission, solution, delta):
    """A delta that is not greater than 0, or nan, raises ValueError when the loss is built.

    Rules: delta
    Examples: 3
    """
    with raises(ValueError, f"for delta={delta}"):
        submission.loss(torch.ones(2), torch.zeros(2), delta)
    with raises(ValueError, f"from __init__ for delta={delta}, before the first call"):
        submission.construct(delta)


@given(sizes=unequal())
@each("sizes", [*UNEQUAL, *((other, one) for one, other in UNEQUAL)])
def test_refused_shapes(submission, solution, sizes):
    """Inputs of different shapes raise ValueError, even where they could be broadcast.

    Rules: shapes
    Examples: 4
    """
    y_pred, y_true = (torch.zeros(size, dtype=torch.float64) for size in sizes)
    with raises(ValueError, f"for the shapes {sizes[0]} and {sizes[1]}"):
        submission.loss(y_pred, y_true, 1.0)


def slopes(y_pred, y_true, delta, incoming=1.0):
    """The gradient for y_pred, computed in float64."""
    e = y_pred.detach().double() - y_true.detach().double()
    return e.clamp(-delta, delta) / e.numel() * incoming


def close_gradients(got, pair, delta, incoming=1.0):
    """The gradients are right; at |e| = delta half of one is, too, since autograd halves torch.minimum's at a tie."""
    want = slopes(*pair, delta, incoming)
    tied = (pair[0] - pair[1]).detach().abs() == delta
    options = {"steps": 8 + roundings(want.numel()), "scale": delta / want.numel() * abs(incoming)}
    for name, grad, right in (("y_pred", got[0], want), ("y_true", got[1], -want)):
        right = right.to(pair[0].dtype)
        between = tied & ((grad - 0.75 * right).abs() <= 0.26 * right.abs())
        close(torch.where(between, right, grad), right, what=f"the gradient for {name}", **options)


def needing_grad(*values, dtype=torch.float64, layout="contiguous"):
    return laid_out(torch.tensor(values, dtype=dtype), layout).requires_grad_()


@given(
    pair=pairs(dtype=dtypes("float64", "float32", "float16", "bfloat16"), layouts=LAYOUTS, grad=True),
    delta=OFF_GRID,
    incoming=pick(1.0, -2.0, 0.375),
)
@example(
    pair=(needing_grad(0.5, 3.0, dtype=torch.float32), needing_grad(0.0, 0.0, dtype=torch.float32)),
    delta=2.0,
    incoming=1.0,
)
@example(pair=(needing_grad(0.5, 3.0), needing_grad(0.0, 0.0)), delta=0.1, incoming=-2.0)
@example(pair=(needing_grad(2.0, 0.5, -3.0), needing_grad(2.0, 0.5, 1.0)), delta=1.0, incoming=1.0)
@example(pair=(needing_grad(1.0, -1.0, 0.5), needing_grad(0.0, 0.0, 0.0)), delta=1.0, incoming=1.0)
@example(pair=(needing_grad(0.5, 3.0, -1.0, layout="strided"), needing_grad(0.0, 1.0, 1.5)), delta=2.0, incoming=1.0)
@example(pair=(needing_grad(0.5, 3.0, -1.0), needing_grad(0.0, 1.0, 1.5, layout="strided")), delta=2.0, incoming=1.0)
@example(
    pair=tuple(needing_grad([0.5, 3.0], [k, -1.0], [2.0, 0.0], layout="transposed") for k in (0.0, 1.5)),
    delta=1.0,
    incoming=1.0,
)
def test_gradient(submission, solution, pair, delta, incoming):
    """The gradient for y_pred is clamp(e, -delta, delta)/numel times the incoming gradient, for y_true its negative.

    Rules: gradient
    Examples: 8
    """
    value = submission.loss(*pair, delta)
    close_gradients(torch.autograd.grad(value, pair, torch.full_like(value, incoming)), pair, delta, incoming)


@given(pair=pairs(shapes()), delta=OFF_GRID, other=pick(0.25, 7.0))
@example(pair=(f64(0.5, 3.0), f64(0.0, 0.0)), delta=2.0, other=0.25)
def test_late_backward(submission, solution, pair, delta, other):
    """A gradient is that of its own call, also where other calls came between forward and backward.

    Rules: gradient, calls
    Examples: 2
    """
    close_gradients(submission.late_gradients(*pair, delta, other), pair, delta)


@given(pair=pairs(shape=shapes(max_dims=2, max_side=3), grad=True), delta=OFF_GRID)
def test_gradcheck(submission, solution, pair, delta):
    """torch.autograd.gradcheck agrees: the gradient is that of the value, by finite differences.

    Rules: gradient
    Examples: 2
    Stands: the gradient check compares with a formula, this one with the submission's own values.
    """
    close(submission.loss(*pair, delta), solution.loss(*pair, delta), steps=roundings(pair[0].numel()), what="the loss")
    e = (pair[0] - pair[1]).detach().abs()
    if bool(((e - delta).abs() > 1e-3).all()):
        gradcheck(lambda a, b: submission.loss(a, b, delta), pair)


@given(
    kind=pick((torch.float32, 1e20), (torch.float32, 3e18), (torch.float16, 1000.0), (torch.float16, 700.0)),
    count=pick(1, 2, 150, 400),
    delta=pick(1.0, 0.5, 4.0),
    seed=st.integers(0, 99),
    swap=st.booleans(),
)
@example(kind=(torch.float32, 1e20), count=2, delta=1.0, seed=0, swap=False)
@example(kind=(torch.float32, 1e20), count=2, delta=1.0, seed=0, swap=True)
@example(kind=(torch.float16, 1000.0), count=150, delta=1.0, seed=0, swap=False)
@example(kind=(torch.float16, 1000.0), count=1, delta=1.0, seed=1, swap=False)
def test_outliers(submission, solution, kind, count, delta, seed, swap):
    """Loss and gradients are finite and right for errors up to 1e20 in float32 and 1000 in float16, however many.

    Rules: outliers
    Examples: 4
    """
    dtype, size = kind
    far = random((count,), seed, 0.5 * size, size, dtype)
    far[0] = size
    far[seed % 2 :: 2] *= -1
    pair = [tensor.requires_grad_() for tensor in (far, torch.zeros_like(far))]
    pair = pair[::-1] if swap else pair
    value = submission.loss(*pair, delta)
    want = exact(solution, *(tensor.detach() for tensor in pair), delta)
    close(value, want, steps=roundings(count), what="the loss")
    close_gradients(torch.autograd.grad(value, pair, torch.ones_like(value)), pair, delta)


@given(seed=st.integers(0, 999), delta=pick(1.0, 0.5))
def test_training(submission, solution, seed, delta):
    """A linear model trained on data with gross outliers follows the reference, nearer the truth than with MSE.

    Rules: training
    Examples: 2
    Stands: the loss serves as a criterion: one instance, many calls, next to a model and an optimizer.
    """
    x = random((36, 2), seed, -2.0, 2.0)
    truth = torch.tensor([1.5, -2.0], dtype=torch.float64)
    y = x @ truth + 0.5
    y[::6] += 40.0
    steps, rate = 80, 0.5
    got = submission.train(x, y, delta, rate, steps)
    want = solution.train(x, y, delta, rate, steps)
    close(got["losses"], want["losses"], steps=64 * steps, what="losses")
    close(got["weight"], want["weight"], steps=64 * steps, scale=4.0, what="the trained weight")
    squared = torch.linalg.lstsq(torch.cat([x, torch.ones(36, 1, dtype=x.dtype)], 1), y[:, None]).solution[:2, 0]
    ours, theirs = float((got["weight"] - truth).norm()), float((squared - truth).norm())
    assert ours < theirs, f"the weight ends {ours:.3g} from the truth, and least squares ends {theirs:.3g} from it"
