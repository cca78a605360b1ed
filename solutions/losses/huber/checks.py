"""What every Huber loss must do."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from grader.authoring import close, dtypes, equal, laid_out, pick, raises, random, shapes, tensors

LAYOUTS = ("contiguous", "transposed", "strided", "offset")
DELTAS = pick(1.0, 0.5, 2.0, 0.125, 3.5, 8.0)
# Off the grid of drawn values: where |e| is delta exactly, right formulas differ in their subgradients.
OFF_GRID = pick(1.0625, 0.53125, 2.0625, 0.15625, 3.5625)
LARGE = ((65,), (3, 5, 7), (2, 1, 3, 1, 2), (300,))


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
def test_value(submission, solution, pair, delta, unit):
    """The loss is the mean of e²/2 for small errors and delta·(|e| - delta/2) for large ones, for any shape.

    Rules: mean, inputs
    Examples: 10
    """
    y_pred, y_true = (tensor * unit for tensor in pair)
    want = exact(solution, y_pred, y_true, delta)
    close(submission.loss(y_pred, y_true, delta), want, steps=roundings(y_pred.numel()), what="the loss")


@given(pair=pairs(sizes(large=((65,), (3, 5, 4))), dtypes("float16", "bfloat16"), layouts=LAYOUTS), delta=DELTAS)
def test_half_precision(submission, solution, pair, delta):
    """float16 and bfloat16 inputs give a loss of their own dtype, right to that dtype's rounding.

    Rules: inputs, mean
    Examples: 8
    """
    close(
        submission.loss(*pair, delta), exact(solution, *pair, delta), steps=roundings(pair[0].numel()), what="the loss"
    )


@given(pair=pairs(dtype=dtypes("float32", "float64", "float16"), layouts=LAYOUTS), delta=DELTAS)
def test_inputs_untouched(submission, solution, pair, delta):
    """Neither input is modified, forward or backward.

    Rules: inputs
    Examples: 5
    """
    y_pred, y_true = submission.inputs_after(*pair, delta)
    equal(y_pred, pair[0], "y_pred afterwards")
    equal(y_true, pair[1], "y_true afterwards")


@given(pair=pairs(dtype=torch.float64))
def test_default_delta(submission, solution, pair):
    """Without an argument, delta is 1.0.

    Rules: delta
    Examples: 3
    """
    close(
        submission.default_loss(*pair), exact(solution, *pair, 1.0), steps=roundings(pair[0].numel()), what="the loss"
    )


@given(pair=pairs(shapes()), delta=DELTAS, other=pick(7.0, 0.25))
def test_repeated(submission, solution, pair, delta, other):
    """One loss gives the same answer at every call, whatever other losses there are with deltas of their own.

    Rules: mean, delta
    Examples: 2
    """
    times = 300
    want = [float(exact(solution, *pair, delta))] * times
    got = submission.repeated(*pair, delta, other, times)
    close(got, want, steps=roundings(pair[0].numel()), what="the losses, call by call,")


@given(delta=st.one_of(st.floats(max_value=0.0, allow_nan=False, width=32), pick(-math.inf, math.nan)))
@example(delta=0.0)
@example(delta=-1.0)
@example(delta=math.nan)
def test_refused_delta(submission, solution, delta):
    """A delta that is not greater than 0, or nan, raises ValueError when the loss is built.

    Rules: delta
    Examples: 3
    """
    with raises(ValueError, f"for delta={delta}"):
        submission.loss(torch.ones(2), torch.zeros(2), delta)
    with raises(ValueError, f"from __init__ for delta={delta}, before the first call"):
        submission.construct(delta)


@given(shape=shapes(1, 3), cut=st.integers(0, 2))
@example(shape=(3, 1), cut=0)
@example(shape=(4,), cut=0)
def test_refused_shapes(submission, solution, shape, cut):
    """Inputs of different shapes raise ValueError, even where they could be broadcast.

    Rules: shapes
    Examples: 4
    """
    y_pred = torch.zeros(shape, dtype=torch.float64)
    others = [(*shape[:-1], shape[-1] + 1), (*shape, 1), (1, *shape), shape[1:], (*reversed(shape), 2)]
    for other in others[cut:]:
        with raises(ValueError, f"for the shapes {shape} and {other}"):
            submission.loss(y_pred, torch.zeros(other, dtype=torch.float64), 1.0)


@given(pair=pairs(dtype=dtypes(), layouts=LAYOUTS, grad=True), delta=OFF_GRID, incoming=pick(1.0, -2.0, 0.375))
@example(
    pair=(torch.tensor([0.5, 3.0], requires_grad=True), torch.tensor([0.0, 0.0], requires_grad=True)),
    delta=2.0,
    incoming=1.0,
)
def test_gradient(submission, solution, pair, delta, incoming):
    """The gradient for y_pred is clamp(e, -delta, delta)/numel times the incoming gradient, for y_true its negative.

    Rules: gradient
    Examples: 8
    """
    y_pred, y_true = pair
    value = submission.loss(y_pred, y_true, delta)
    got = torch.autograd.grad(value, pair, torch.full_like(value, incoming))
    slope = (y_pred - y_true).detach().clamp(-delta, delta) / y_pred.numel() * incoming
    scale = delta / y_pred.numel() * abs(incoming)
    close(got[0], slope, steps=16, scale=scale, what="the gradient for y_pred")
    close(got[1], -slope, steps=16, scale=scale, what="the gradient for y_true")


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
)
@example(kind=(torch.float32, 1e20), count=2, delta=1.0, seed=0)
@example(kind=(torch.float16, 1000.0), count=150, delta=1.0, seed=0)
def test_outliers(submission, solution, kind, count, delta, seed):
    """Loss and gradients are finite and right for errors up to 1e20 in float32 and 1000 in float16, however many.

    Rules: outliers
    Examples: 4
    """
    dtype, size = kind
    y_pred = random((count,), seed, 0.5 * size, size, dtype)
    y_pred[0] = -size if seed % 2 else size
    y_true = torch.zeros(count, dtype=dtype)
    y_pred.requires_grad_()
    value = submission.loss(y_pred, y_true, delta)
    close(value, exact(solution, y_pred.detach(), y_true, delta), steps=roundings(count), what="the loss")
    (got,) = torch.autograd.grad(value, y_pred, torch.ones_like(value))
    slope = (y_pred.detach().double().clamp(-delta, delta) / count).to(dtype)
    close(got, slope, steps=16, scale=delta / count, what="the gradient")


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
