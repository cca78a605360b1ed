"""What a GELU with its own backward must do."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from grader.authoring import LAYOUTS, close, dtypes, equal, laid_out, pick, raises, random, shapes, tensors

MODES = ("none", "tanh")
HALVES = (torch.float16, torch.bfloat16)
DTYPES = (torch.float64, torch.float32, *HALVES)
LARGE = ((65,), (3, 5, 7), (2, 1, 3, 1, 2), (400,))
EMPTY = ((0,), (3, 0), (0, 2, 0))
# What the contract allows, absolutely; float32 is held to its rounding instead.
ALLOWED = {torch.float64: 1e-10, torch.float16: 4e-3, torch.bfloat16: 3e-2}
# gradgradcheck's own tolerances.
ABSOLUTE, RELATIVE = 1e-5, 1e-3
# Where formulas differ: around 0, along both tails, and numbers so small that their squares vanish.
POINTS = (0.0, -0.0, 1e-30, -1e-7, 1e-3, 0.5, -0.5, -0.7518, 1.0, -1.0, 2.0, -3.0, 4.5, -5.6, 8.0, -9.0, 12.0, -12.0)


@st.composite
def sizes(draw):
    """Mostly small shapes, some large or empty."""
    special = draw(pick(None, None, None, None, *LARGE, *EMPTY))
    return draw(shapes()) if special is None else special


def xs(**options):
    """Tensors of any size and layout, with elements in [-12, 12]."""
    return tensors(sizes(), low=-12.0, high=12.0, layouts=LAYOUTS, **options)


def points(seed, dtype=torch.float64):
    """The points where formulas differ, and as many random ones as an element-wise loop can bear."""
    return torch.cat([torch.tensor(POINTS, dtype=torch.float64), random((100,), seed, -12.0, 12.0)]).to(dtype)


def torch_value(x, mode):
    """torch's own GELU, in x's dtype."""
    return torch.nn.functional.gelu(x.detach(), approximate=mode)


def torch_slope(x, mode):
    """Its derivative."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(torch.nn.functional.gelu(x, approximate=mode).sum(), x)[0]


def within(got, want, allowed, what):
    """`got` is `want` to an absolute tolerance, a number or one for each element."""
    close(got, want, steps=1 / torch.finfo(want.dtype).eps, scale=allowed, what=what)


def precise(got, want, x, what, factor=1.0):
    """`got` is `want`, computed in float64, to the precision that x's dtype promises, times `factor`."""
    if x.dtype in ALLOWED:
        within(got, want.to(x.dtype), ALLOWED[x.dtype] * factor, what)
    else:
        close(got, want.to(x.dtype), steps=16, scale=(x.detach().abs().double() + 1) * factor, what=what)


def half_precise(got, of_torch, x, mode, what, factor=1.0):
    """`got` is torch's own answer, in half precision or in float64, whichever is nearer: they differ by a rounding."""
    equal(got.dtype, x.dtype, f"the dtype of {what}")
    rounded, exact = of_torch(x, mode).double() * factor, of_torch(x.double(), mode) * factor
    got = got.double()
    nearer = torch.where((got - exact).abs() < (got - rounded).abs(), exact, rounded)
    within(got, nearer, ALLOWED[x.dtype] * abs(factor), what)


def pulled(value, x, incoming):
    """The gradient for x."""
    return torch.autograd.grad(value, x, incoming)[0]


def pulled_by_torch(x, incoming, mode):
    """The gradient that torch's own GELU sends back."""
    return incoming * torch_slope(x, mode)


def torch_slopes(x, mode):
    """The first and second derivative of torch's own GELU."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(torch.nn.functional.gelu(x, approximate=mode).sum(), x, create_graph=True)
    (curve,) = torch.autograd.grad(slope.sum(), x)
    return slope.detach(), curve


def only_asked_for(got):
    """No more backward passes ran than the probe asked for; a torch that does not count them says less than none."""
    unasked = got["unasked backward passes"]
    assert unasked <= 0, (
        f"{unasked} more backward {'pass' if unasked == 1 else 'passes'} ran than the grader asked for: the submission "
        "has autograd differentiate for it"
    )


@st.composite
def with_incoming(draw, **options):
    """x and an incoming gradient of its shape and dtype, each with strides, and the latter with a size of its own."""
    x = draw(xs(grad=True, **options))
    size = draw(pick(1.0, -2.0, 1e-6, 1e5))
    values = random(x.shape, draw(st.integers(0, 2**16)), 0.5, 3.0)
    return x, laid_out((values * size).to(x.dtype), draw(pick(*LAYOUTS)))


def pair_of(values, incoming, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype).requires_grad_(), torch.tensor(incoming, dtype=dtype)


MATRIX = random((3, 2), 2, -3.0, 3.0)
# 1e-6 to 1e5, either sign: what the incoming gradient of each point is multiplied by.
SIZES = (10.0 ** torch.arange(len(POINTS) + 100).remainder(12).sub(6)).double() * random((len(POINTS) + 100,), 3)
# What GELUFunction may not be passed by for: a dtype, a shape, strides, or an x that another operation made.
ROUTES = (
    (torch.float64, (1,), "contiguous", False),
    (torch.float64, (2, 3), "transposed", True),
    (torch.float32, (), "contiguous", False),
    (torch.float32, (40, 2), "strided", True),
    (torch.float16, (3,), "contiguous", False),
    (torch.bfloat16, (2, 1, 2), "contiguous", True),
)


def test_form(submission, solution):
    """A tensor goes in, and one of its shape and dtype comes out, in both modes, without torch's own GELU.

    Rules: own formula, inputs, function
    Base: yes
    """
    bases = submission.ancestors()
    assert "Function" in bases, f"GELUFunction is no torch.autograd.Function: its bases are {bases[1:]}"
    for mode in MODES:
        for kind in (torch.float32, torch.float64):
            for shape in ((2, 2), ()):
                x = torch.full(shape, 0.5, dtype=kind)
                value = submission.gelu(x, mode)
                assert isinstance(value, torch.Tensor), f"gelu(x, {mode!r}) is {value!r}, expected a tensor"
                assert value.shape == shape, f"the result has the shape {tuple(value.shape)} for an x of shape {shape}"
                assert value.dtype == kind, f"the result is of {value.dtype} for an x of {kind}"
            submission.route(x, torch.ones_like(x), mode, False)


@given(seed=st.integers(0, 2**16), mode=pick(*MODES))
@example(seed=0, mode="none")
@example(seed=0, mode="tanh")
def test_own_backward(submission, solution, seed, mode):
    """gelu goes through GELUFunction, and its own backward makes the gradient, without automatic differentiation.

    Rules: function, own formula
    Examples: 1
    """
    for k, (dtype, shape, layout, inner) in enumerate(ROUTES):
        # Every element is the same, so that the order in which GELUFunction is given them does not matter.
        point, pull = (random((), seed + k + n, 4, 24).round() / 8 for n in (0, 50))
        point, pull = (point * (-1) ** k).to(dtype), pull.to(dtype)
        x = laid_out(point.expand(shape).clone(), layout)
        got = submission.route(x, torch.full_like(x, pull.item()), mode, inner)
        slope = torch_slope(point.double(), mode)
        precise(got["gradient"], (pull.double() * slope).expand(shape), x, "the gradient", factor=5.0)
        stands_between(got, x, pull, pull.double() * slope, f"gelu(x, {mode!r}) for an x of {dtype}, shape {shape}")
        only_asked_for(got)


def stands_between(got, x, pull, gradient, call):
    """GELUFunction's node is given the incoming gradient of every element, and what it returns is the gradient."""
    assert got["entered"], f"no GELUFunction stands between x and {call}"
    given = sum(one.numel() for one in got["entered"] if bool((one == pull).all()))
    assert given >= x.numel(), (
        f"in {call}, the incoming gradient is {pull.item():.6g} for every element, {x.numel()} in all, and "
        f"GELUFunction.backward is given {brief(got['entered'])}"
    )
    room = 5 * pull.abs().double() * ALLOWED.get(x.dtype, 64 * torch.finfo(torch.float32).eps)
    made = sum(one.numel() for one in got["left"] if bool(((one - gradient).abs() <= room).all()))
    assert made >= x.numel(), (
        f"in {call}, the gradient is {gradient.item():.6g} for every element, {x.numel()} in all, and "
        f"GELUFunction.backward returns {brief(got['left'])}"
    )


def brief(tensors):
    """The first elements of the tensors, and how many there are."""
    elements = [one for tensor in tensors for one in tensor.flatten().tolist()]
    shown = [f"{one:.6g}" for one in elements[:3]] + ["…"] * (len(elements) > 3)
    return f"{', '.join(shown)} ({len(elements)} in all)" if elements else "nothing"


@given(x=xs(dtype=dtypes()), mode=pick(*MODES))
@example(x=torch.tensor([1.0, -2.0], dtype=torch.float64), mode="none")
@example(x=torch.tensor([1.0, -2.0], dtype=torch.float64), mode="tanh")
@example(x=laid_out(random((3, 2), 1, -3.0, 3.0), "transposed"), mode="none")
@example(x=laid_out(random((3, 2), 1, -3.0, 3.0), "transposed"), mode="tanh")
@example(x=torch.tensor(-1.5), mode="none")
@example(x=torch.tensor(-1.5), mode="tanh")
@example(x=torch.zeros(3, 0), mode="none")
@example(x=torch.zeros(0, dtype=torch.float64), mode="tanh")
@example(x=points(0), mode="none")
@example(x=points(0), mode="tanh")
def test_value(submission, solution, x, mode):
    """The value is torch's own: x·Φ(x), or the formula with tanh, for any shape and any strides.

    Rules: value, inputs, precision
    Examples: 5
    """
    precise(submission.gelu(x, mode), torch_value(x.double(), mode), x, f"gelu(x, {mode!r})")


@given(words=st.lists(st.text("noetahNT ", max_size=6).filter(lambda word: word not in MODES), min_size=3, max_size=3))
@example(words=["Tanh", "NONE", ""])
@example(words=["tan", " tanh", "none ", "None", "erf", "sigmoid", "exact"])
def test_modes(submission, solution, words):
    """Without an argument the mode is "none", and any that is neither "none" nor "tanh" raises ValueError.

    Rules: modes
    Examples: 3
    """
    x = torch.tensor([1.0, -2.0], dtype=torch.float64)
    precise(submission.default_gelu(x), torch_value(x, "none"), x, "gelu(x)")
    for word in words:
        with raises(ValueError, f"for approximate={word!r}"):
            submission.gelu(x, word)
    with raises(ValueError, f"for approximate={words[0]!r}, and an empty x that requires a gradient"):
        submission.gelu(torch.zeros(0, requires_grad=True), words[0])
    for other in (None, True, False):
        with raises(Exception, f"for approximate={other!r}"):
            submission.gelu(x, other)


@given(seed=st.integers(0, 2**16))
def test_half_precision(submission, solution, seed):
    """float16 agrees to 4e-3 and bfloat16 to 3e-2 over [-12, 12], value and gradient, 0-d and empty tensors included.

    Rules: precision, inputs
    Examples: 1
    """
    for dtype in HALVES:
        for mode in MODES:
            for x in (points(seed, dtype), torch.tensor(0.75, dtype=dtype), torch.zeros(0, dtype=dtype)):
                value = submission.gelu(x.requires_grad_(), mode)
                half_precise(value, torch_value, x, mode, f"gelu(x, {mode!r})")
                # A power of two scales every rounding exactly, so that the tolerance is that for 1, doubled.
                gradient = pulled(value, x, torch.full_like(x, -2.0))
                half_precise(gradient, torch_slope, x, mode, "the gradient, for an incoming -2,", factor=-2.0)


@given(pair=with_incoming(dtype=dtypes()), mode=pick(*MODES))
@example(pair=pair_of([1.0, -2.0], [1.0, 1.0]), mode="none")
@example(pair=pair_of([1.0, -2.0], [1.0, 1.0]), mode="tanh")
@example(pair=pair_of([1.0, -2.0], [3.0, -0.5]), mode="none")
@example(pair=pair_of([1.0, -2.0], [3.0, -0.5]), mode="tanh")
@example(pair=(points(0).requires_grad_(), SIZES), mode="none")
@example(pair=(points(0).requires_grad_(), SIZES), mode="tanh")
@example(pair=(MATRIX.clone().requires_grad_(), laid_out(MATRIX, "transposed")), mode="none")
@example(pair=(laid_out(MATRIX, "transposed").requires_grad_(), MATRIX), mode="tanh")
@example(pair=pair_of(-1.5, 2.0, torch.float32), mode="tanh")
@example(pair=(torch.zeros(0, 2, requires_grad=True), torch.zeros(0, 2)), mode="none")
def test_gradient(submission, solution, pair, mode):
    """The gradient is the slope times the incoming gradient, element by element, whatever that is.

    Rules: gradient, precision, inputs
    Examples: 5
    """
    x, incoming = pair
    value = submission.gelu(x, mode)
    precise(value, torch_value(x.double(), mode), x, f"gelu(x, {mode!r})")
    got = pulled(value, x, incoming)
    want = incoming.double() * torch_slope(x.double(), mode)
    precise(got, want, x, "the gradient", factor=incoming.abs().double())


@given(seed=st.integers(0, 2**16), shape=shapes(), mode=pick(*MODES), size=pick(1.0, 1e3))
@example(seed=0, shape=(2,), mode="none", size=1.0)
@example(seed=0, shape=(2,), mode="tanh", size=1.0)
@example(seed=1, shape=(60,), mode="none", size=1e3)
@example(seed=1, shape=(60,), mode="tanh", size=1e3)
def test_second_derivative(submission, solution, seed, shape, mode, size):
    """The gradient can be differentiated again, for x and for the incoming gradient, without automatic differentiation.

    Rules: gradient, own formula
    Examples: 2
    """
    x, incoming, second = (random(shape, seed + k, -4.0, 4.0) * scale for k, scale in enumerate((1.0, size, 1.0)))
    got = submission.twice(x, incoming, second, mode)
    only_asked_for(got)
    slope, curve = torch_slopes(x, mode)
    wants = {"first": incoming * slope, "for x": second * incoming * curve, "for incoming": second * slope}
    for name, want in wants.items():
        what = "the gradient" if name == "first" else f"the gradient of the gradient {name}"
        assert got[name] is not None, f"{what} is not there: the graph ends before it"
        within(got[name], want, (ABSOLUTE + RELATIVE * want.abs()) * max(1.0, size / 1e3), what)


@given(x=tensors((2,), low=-3.0, high=3.0, grad=True))
def test_gradcheck(submission, solution, x):
    """torch.autograd.gradcheck and gradgradcheck agree: each derivative is that of the submission's own values.

    Rules: gradient
    Examples: 1
    Stands: the checks before compare with torch's own GELU, this one with the submission's own values.
    """
    for mode in MODES:
        precise(submission.gelu(x, mode), torch_value(x, mode), x, f"gelu(x, {mode!r})")
        gradcheck(submission.gelu, (x, mode))
        gradgradcheck(submission.gelu, (x, mode))


@given(seed=st.integers(0, 2**16))
def test_extremes(submission, solution, seed):
    """Value and gradient are finite and right up to ±1e10, and in float16 up to ±6e4.

    Rules: extremes
    Examples: 1
    """
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        top = 6e4 if dtype == torch.float16 else 1e10
        drawn = 10 ** random((20,), seed, 1.1, torch.tensor(top).log10().item())
        size = torch.cat([torch.tensor([top, top / 2, 300.0, 41.0, 20.0]).double(), drawn]).clamp(max=top)
        for mode in MODES:
            x = torch.cat([size, -size]).to(dtype).requires_grad_()
            value = submission.gelu(x, mode)
            want = torch_value(x.double(), mode).to(dtype)
            close(value, want, steps=16, scale=x.detach().abs().double() + 1, what=f"gelu(x, {mode!r})")
            slope = torch_slope(x.double(), mode).to(dtype)
            close(pulled(value, x, torch.ones_like(x)), slope, steps=16, scale=1.0, what="the gradient")


@given(row=tensors(shapes(max_dims=2), grad=False, low=-6.0), times=st.integers(2, 4), mode=pick(*MODES))
@example(row=torch.tensor([1.0, -2.0], dtype=torch.float64), times=2, mode="none")
@example(row=torch.tensor([1.0, -2.0], dtype=torch.float64), times=2, mode="tanh")
def test_expanded(submission, solution, row, times, mode):
    """x and the incoming gradient may be expanded: many elements, one place in memory.

    Rules: inputs
    Examples: 2
    """
    value = submission.expanded(row, times, mode)
    precise(value, torch_value(row, mode).expand(times, *row.shape), row, f"gelu(x, {mode!r})")
    precise(
        submission.expanded_gradient(row, times, mode),
        torch_slope(row, mode) * times,
        row,
        "the gradient",
        factor=times,
    )


@given(seed=st.integers(0, 2**16), mode=pick(*MODES), other=pick(*MODES))
@example(seed=0, mode="none", other="tanh")
@example(seed=0, mode="tanh", other="none")
@example(seed=0, mode="none", other="none")
@example(seed=0, mode="tanh", other="tanh")
def test_graphs(submission, solution, seed, mode, other):
    """Each result keeps what its own gradient needs: other calls do not disturb it, nor does asking for it twice.

    Rules: gradient
    Examples: 2
    """
    x, z, incoming, again = (random((3,), seed + k, -3.0, 3.0) for k in range(4))
    got = submission.interleaved(x, z, incoming, again, mode, other)
    pulls = [
        (x, incoming, mode, "first result"),
        (z, incoming, other, "second result"),
        (x, again, mode, "first result, asked for again"),
    ]
    for one, (leaf, pull, its_mode, whose) in zip(got, pulls, strict=True):
        want = pulled_by_torch(leaf, pull, its_mode)
        precise(one, want, leaf, f"the gradient of the {whose}", factor=3.0)


def mixed(shape, seed):
    """Numbers about 1, the last of more than one 10,000 times that: what clamps in place changes it."""
    values = random(shape, seed, 0.5, 3.0)
    if values.numel() > 1:
        values[-1, -1] *= 1e4
    return values


@given(seed=st.integers(0, 2**16), layout=pick(*LAYOUTS))
@example(seed=0, layout="contiguous")
def test_inputs_untouched(submission, solution, seed, layout):
    """Neither x nor the incoming gradient is modified, forward or backward, whatever the dtype.

    Rules: inputs
    Examples: 1
    """
    cases = [(dtype, (3, 2)) for dtype in DTYPES] + [(torch.float64, (1,)), (torch.float32, ())]
    for dtype, shape in cases:
        for mode in MODES:
            x, incoming = (laid_out(mixed(shape, seed + k).to(dtype), layout) for k in range(2))
            got = submission.inputs_after(x, incoming, mode)
            equal(got["x"], x, "x afterwards")
            equal(got["incoming gradient"], incoming, "the incoming gradient afterwards")
            equal(got["requires_grad of x"], False, "x.requires_grad after gelu(x), which was False before,")


@given(seed=st.integers(0, 2**16))
def test_training(submission, solution, seed):
    """A network trained with it has the losses of one trained with torch's own GELU, step by step.

    Rules: training
    Examples: 1
    Stands: the function serves as a layer: many calls in one graph, on results of other operations.
    """
    x = random((12, 2), seed, -2.0, 2.0)
    y = (x[:, :1] * x[:, 1:]).sin()
    weights = [random(shape, seed + k, -0.8, 0.8) for k, shape in enumerate(((2, 6), (6, 6), (6, 1)))]
    for mode in MODES:
        got, want = (side.train(x, y, weights, mode, 0.1, 25) for side in (submission, solution))
        within(got["losses"], torch.tensor(want["losses"], dtype=torch.float64), 1e-7, "losses")
        for k, (one, other) in enumerate(zip(got["weights"], want["weights"], strict=True)):
            within(one, other, 1e-6, f"the trained weight of layer {k}")
