"""What every gated linear unit must do."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from grader.authoring import close, dtypes, equal, laid_out, pick, random, shapes, tensors

LAYOUTS = ("contiguous", "transposed", "strided", "offset")
LARGE = (65, 33)
SIZES = pick((2, 1), (1, 1), (1, 2), (2, 2), (3, 1), (2, 3), (4, 2), (5, 3), (6, 3), LARGE)
SMALL = torch.tensor([[3.0], [1.0]]), torch.tensor([0.5, 0.0])
# The value is exactly 0, where logarithms and quotients are in trouble.
ZERO_VALUE = torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, 0.5])
# Fine in float16: the value is 1024, and the largest gradient 1157.
LARGE_VALUE = torch.tensor([64.0]), torch.tensor([[16.0], [0.0625]]), torch.tensor([0.0, 0.0])
# In bfloat16 the value is 131072, beyond float16.
BEYOND_HALF = torch.tensor([512.0]), torch.tensor([[256.0], [0.0078125]]), torch.tensor([0.0, 0.0])
# Gates of 15 and 18 on both sides, and one that is shut but for 2e-16, in float64.
WIDE = (
    torch.tensor([[1.0], [-1.0]]).double(),
    torch.tensor([[2.0], [2.0], [15.0], [18.0]]).double(),
    torch.tensor([0.0, 1.0, 0.0, 0.0]).double(),
)
SHUT = torch.tensor([[1.0]]).double(), torch.tensor([[2.0], [-36.0]]).double(), None
# A right initialisation fails one statistical test with less than this probability.
ERROR_RATE = 1e-11


@st.composite
def weights(draw, sizes=SIZES, dtype=torch.float64, biases=pick(True, True, False)):
    """The weight and the bias, or None, of a layer of a drawn size."""
    in_features, out_features = draw(sizes) if isinstance(sizes, st.SearchStrategy) else sizes
    kind = draw(dtype) if isinstance(dtype, st.SearchStrategy) else dtype
    # Gates stay below 20: above, torch's own softplus, of which a sigmoid may be made, is an approximation.
    bound = 2.0 if in_features <= 3 else 1.0 if in_features <= 6 else 0.25
    weight = draw(tensors((2 * out_features, in_features), kind, -bound, bound))
    bias = draw(tensors((2 * out_features,), kind, -2.0, 2.0, simplest=(0.0,))) if draw(biases) else None
    return weight, bias


@st.composite
def cases(draw, leading=shapes(1, 1), layouts=("contiguous",), grad=False, **options):
    """An input, a weight and a bias that fit."""
    weight, bias = draw(weights(**options))
    shape = (*(draw(leading) if isinstance(leading, st.SearchStrategy) else leading), weight.shape[1])
    x = draw(tensors(shape, weight.dtype, -3.0, 3.0, grad=grad, layouts=layouts))
    return x, weight, bias


def large(rows, seed, dtype=torch.float64):
    """A case of LARGE size, right for whose small relatives alone a layer may not be."""
    in_features, out_features = LARGE
    weight = random((2 * out_features, in_features), seed, -0.25, 0.25, dtype)
    bias = random((2 * out_features,), seed + 1, -2.0, 2.0, dtype)
    return random((*rows, in_features), seed + 2, -3.0, 3.0, dtype), weight, bias


def double(tensor):
    return None if tensor is None else tensor.double()


def exact(solution, x, weight, bias):
    """The output computed in float64, as numbers of x's dtype."""
    return solution.output(x.detach().double(), double(weight), double(bias)).to(x.dtype)


def magnitudes(x, weight, bias):
    """What the halves' terms add up to in size: each half is right to some roundings of this."""
    terms = double(x.detach()).abs() @ double(weight).abs().T
    return (terms if bias is None else terms + double(bias).abs()).chunk(2, -1)


def has_corner(x, weight, bias):
    """Whether a gate may be rounded to 0.

    There a sigmoid made of exp(-|gate|), right everywhere else, has torch's slope of |0|, 0.
    """
    gate = torch.nn.functional.linear(x.detach().double(), double(weight), double(bias)).chunk(2, -1)[1]
    rounding = (4 + weight.shape[1]) * torch.finfo(weight.dtype).eps * magnitudes(x, weight, bias)[1]
    return bool((gate.abs() <= rounding).any())


def check_output(got, solution, case, what="the output"):
    """Rounding moves each half by its magnitude's, and the gate's slope is 1/4 at most."""
    value, gate = magnitudes(*case)
    close(got, exact(solution, *case), steps=4 + case[1].shape[1], scale=value * (1 + gate / 4), what=what)


def check_gradients(got, solution, weight, bias, xs, incoming, when=""):
    """Compare the gradients for the inputs, the weight and the bias with those computed in float64."""
    want = solution.gradients(double(weight), double(bias), [double(x) for x in xs], [double(u) for u in incoming])
    scales = [term_sizes(x, weight, bias, u) for x, u in zip(xs, incoming, strict=True)]
    rows = torch.cat([scale.reshape(-1, scale.shape[-1]) for scale in scales])
    inputs = torch.cat([double(x).abs().reshape(-1, x.shape[-1]) for x in xs])
    steps = 8 + sum(weight.shape) + len(rows)

    def compare(one, other, scale, what):
        close(one, other.to(weight.dtype), steps=steps, scale=scale, what=what + when)

    for k, scale in enumerate(scales):
        compare(got["xs"][k], want["xs"][k], scale @ double(weight).abs(), f"the gradient for x in call {k + 1}")
    compare(got["weight"], want["weight"], rows.T @ inputs, "weight.grad")
    if bias is not None:
        compare(got["bias"], want["bias"], rows.sum(0), "bias.grad")


def term_sizes(x, weight, bias, incoming):
    """How large the terms of the gradient for the two halves are, and what rounding of the gate adds to them."""
    value, gate = magnitudes(x, weight, bias)
    size = double(incoming).abs() * (1 + gate)
    return torch.cat([size, size * value], dim=-1)


def check_uniform(values, bound, what):
    """Within ±bound up to both ends, and evenly spread (the Dvoretzky-Kiefer-Wolfowitz inequality)."""
    values = values.double().flatten() / bound
    count, largest = values.numel(), float(values.abs().max())
    assert largest <= 1 + 1e-5, f"{what} reaches {largest * bound:.4g}, expected values within ±{bound:.4g}"
    least = ERROR_RATE ** (1 / count) - 1e-5
    assert largest >= least, f"{what} stays within ±{largest * bound:.4g}, expected values up to ±{bound:.4g}"
    even = torch.arange(1, count + 1, dtype=torch.float64) / count
    off = float(((values.sort().values + 1) / 2 - even).abs().max())
    allowed = math.sqrt(math.log(2 / ERROR_RATE) / (2 * count)) + 1 / count
    assert off <= allowed, (
        f"{what} is not uniform within ±{bound:.4g}: the share of its {count} values below some point is off by "
        f"{off:.3g}, and chance explains {allowed:.3g}"
    )


def check_unrelated(one, other, bound, what):
    """The mean product of two sets of values is what chance explains (Hoeffding's and Azuma's inequality)."""
    product = float((one.double() * other.double()).mean()) / bound**2
    allowed = math.sqrt(2 * math.log(2 / ERROR_RATE) / one.numel())
    assert abs(product) <= allowed, f"{what} are not drawn independently: they repeat each other"


def test_forward(submission, solution):
    """A new layer maps (4, 3) to (4, 2) without torch's own gated linear unit, and can be trained.

    Rules: own formula, halves
    Base: yes
    """
    got = submission.fresh(random((4, 3), 0, dtype=torch.float32), 2)
    shape = tuple(got["output"].shape)
    assert shape == (4, 2), f"x of shape (4, 3) with out_features=2 gives the shape {shape}, expected (4, 2)"
    assert got["output"].dtype == torch.float32, f"the output is of {got['output'].dtype} for x of torch.float32"
    reached = [name for name, gradient in got["gradients"].items() if gradient is not None]
    assert reached, f"after a backward pass none of the parameters {list(got['gradients'])} has a gradient"


@given(size=SIZES)
@example(size=(3, 2))
def test_parameters(submission, solution, size):
    """The parameters are weight (2·out_features, in_features) and bias (2·out_features,), and nothing else is saved.

    Rules: parameters
    Base: yes
    Examples: 2
    """
    got, want = submission.parameters(*size), solution.parameters(*size)
    equal(got["parameters"], want["parameters"], f"what named_parameters() of GatedLinearUnit{size} holds")
    equal(got["state_dict"], want["state_dict"], f"the shapes in state_dict() of GatedLinearUnit{size}")


@given(size=SIZES)
@example(size=(3, 2))
def test_no_bias(submission, solution, size):
    """With bias=False the attribute bias is None, and weight is the only parameter and all that is saved.

    Rules: no bias
    Examples: 2
    """
    equal(submission.without_bias(*size), solution.without_bias(*size), "with bias=False, what is there")


@given(case=cases(dtype=dtypes()), training=pick(True, False))
@example(case=(torch.tensor([[1.0]]), *SMALL), training=True)
@example(case=(torch.tensor([[0.0]]), *SMALL), training=True)
@example(case=(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.0, -1.0]]), None), training=False)
@example(case=WIDE, training=False)
@example(case=SHUT, training=True)
@example(case=large((70,), 0), training=True)
def test_value(submission, solution, case, training):
    """The output is value · sigmoid(gate), the first and the second half of the projection, in eval() mode too.

    Rules: halves, no bias
    Examples: 6
    """
    check_output(submission.output(*case, training), solution, case)


@st.composite
def several_inputs(draw):
    """A layer, and inputs with different leading dimensions and strides; the first comes once more at the end."""
    weight, bias = draw(weights(sizes=pick((2, 1), (1, 1), (3, 2), (1, 2), (2, 2), (4, 3))))
    xs = [
        draw(tensors((*draw(shapes(0, 4, max_side=3)), weight.shape[1]), weight.dtype, -3.0, 3.0, layouts=LAYOUTS))
        for _ in range(draw(pick(1, 2)))
    ]
    return weight, bias, [*xs, xs[0]]


def leading(*lengths, sizes=(3, 2), layout="contiguous"):
    """One layer and an input for each of the leading dimensions."""
    in_features, out_features = sizes
    weight = random((2 * out_features, in_features), 1, -2.0, 2.0)
    xs = [laid_out(random((*shape, in_features), 2 + k, -3.0, 3.0), layout) for k, shape in enumerate(lengths)]
    return weight, random((2 * out_features,), 0), xs


@given(layer=several_inputs())
@example(layer=leading(()))
@example(layer=leading((), (1,), (1, 1), (2, 4), (4, 2, 3), (2, 1, 3, 1), (2, 1, 2, 1, 3)))
@example(layer=leading((4, 2), (2, 4, 3), (2, 1, 3, 2), layout="transposed"))
@example(layer=leading((), (4, 2), (2, 4, 3), layout="strided"))
@example(layer=leading((), (1,), (1, 4), (4, 1), (2, 3), sizes=(2, 1)))
@example(layer=leading((), (1,), (3, 2), (1, 1, 1), sizes=(1, 1)))
def test_leading_dimensions(submission, solution, layer):
    """x has any number of leading dimensions, in any memory layout, from one call to the next, and is not modified.

    Rules: shapes, halves
    Examples: 4
    """
    weight, bias, xs = layer
    got = submission.outputs(weight, bias, xs)
    for k, x in enumerate(xs):
        what = f"the output of call {k + 1}, for x of shape {tuple(x.shape)},"
        check_output(got["outputs"][k], solution, (x, weight, bias), what)
        equal(got["xs"][k], x, f"after call {k + 1}, its x of shape {tuple(x.shape)}")


@given(sizes=pick((3, 2), (1, 1), (2, 1), (1, 3), (4, 2), (2, 4), (5, 5)), rows=pick((), (2,), (3, 2), (2, 1, 2)))
@example(sizes=(1, 2), rows=())
@example(sizes=(1, 1), rows=(3,))
@example(sizes=(3, 2), rows=())
@example(sizes=(4, 2), rows=(2,))
@example(sizes=(2, 2), rows=(2, 3))
def test_refused_shapes(submission, solution, sizes, rows):
    """An x whose last dimension is not in_features raises, whether it is too short, 1, a multiple, or too long.

    Rules: shapes
    Examples: 2
    """
    in_features, out_features = sizes
    weight = torch.ones(2 * out_features, in_features)
    # Neither the element count of a right input nor in_features in another place is a reason to let x pass.
    lasts = {1, in_features - 1, in_features + 1, 2 * in_features, 3 * in_features, out_features, 2 * out_features}
    wrong = [
        torch.ones(shape)
        for last in sorted(lasts - {in_features, 0})
        for shape in {(*rows, last), (in_features, last), (*rows, in_features, last)}
    ]
    right = torch.ones(*rows, in_features)
    for bias in (torch.zeros(2 * out_features), None):
        for x, seen in zip([right, *wrong], submission.accepted(weight, bias, [right, *wrong]), strict=True):
            layer = f"in_features={in_features}" if bias is not None else f"in_features={in_features} and bias=False"
            given_x = f"x of shape {tuple(x.shape)} with {layer}"
            if x is right:
                assert isinstance(seen, list), f"{given_x} {_did(seen)}, and it is right"
            else:
                assert seen is None, f"{given_x} {_did(seen)}, expected an exception"


def _did(seen):
    """What the layer did with an input, as the rest of a sentence."""
    if isinstance(seen, list):
        return f"gives an output of shape {tuple(seen)}"
    return "raises" if seen is None else f"returns {'None' if seen == 'NoneType' else f'an object of type {seen}'}"


@st.composite
def backward_passes(draw):
    """A layer, one to three inputs for it, and the gradients that come back to its outputs."""
    weight, bias = draw(weights(dtype=dtypes()))
    rows = [draw(shapes(0, 2, max_side=3)) for _ in range(draw(pick(1, 2, 3)))]
    xs = [draw(tensors((*row, weight.shape[1]), weight.dtype, -3.0, 3.0, layouts=LAYOUTS)) for row in rows]
    incoming = [draw(tensors((*row, weight.shape[0] // 2), weight.dtype, simplest=(2.0, -1.0))) for row in rows]
    return weight, bias, xs, incoming


def calls(weight, bias, *rows):
    """Several calls of one layer."""
    xs = [random((*row, weight.shape[1]), k, -3.0, 3.0) for k, row in enumerate(rows)]
    return weight, bias, xs, [random((*row, weight.shape[0] // 2), 9 + k) for k, row in enumerate(rows)]


@given(passes=backward_passes(), training=pick(True, False))
@example(passes=(*SMALL, [torch.tensor([[1.0]])], [torch.tensor([[2.0]])]), training=True)
@example(passes=(*ZERO_VALUE, [torch.tensor([[2.0]])], [torch.tensor([[2.0]])]), training=False)
@example(passes=calls(*large((), 3)[1:], (7, 9), (5,), (2,)), training=True)
@example(passes=calls(random((4, 3), 0), None, (), (2, 3)), training=True)
def test_gradient(submission, solution, passes, training):
    """Backward passes give x, weight and bias their gradients, summed over all calls, for any incoming gradient.

    Rules: gradients
    Examples: 5
    """
    weight, bias, xs, _ = passes
    if not any(has_corner(x, weight, bias) for x in xs):
        check_gradients(submission.gradients(*passes, training), solution, *passes)


@given(case=cases(leading=shapes(0, 1, max_side=2), sizes=pick((2, 1), (1, 1), (2, 2), (3, 1)), grad=True))
@example(case=(torch.tensor([[1.0]]).double().requires_grad_(), *(tensor.double() for tensor in SMALL)))
def test_gradcheck(submission, solution, case):
    """torch.autograd.gradcheck agrees: the gradient for x is that of the output, by finite differences.

    Rules: gradients
    Examples: 1
    Stands: the gradient check compares with the reference, this one with the submission's own values.
    """
    x, weight, bias = case
    check_output(submission.output(*case), solution, case)
    if not has_corner(*case):
        gradcheck(lambda x: submission.output(x, weight, bias), (x,), fast_mode=True)


@given(size=pick(1e4, 1e3, 100.0), signs=st.integers(0, 15), incoming=pick(1.0, -2.0), has_bias=st.booleans())
@example(size=1e4, signs=0, incoming=1.0, has_bias=False)
@example(size=1e4, signs=15, incoming=1.0, has_bias=True)
@example(size=1e4, signs=5, incoming=1.0, has_bias=True)
@example(size=1e4, signs=10, incoming=1.0, has_bias=False)
def test_saturation(submission, solution, size, signs, incoming, has_bias):
    """With pre-activations of ±1e4 in float32, the output and all gradients are finite and right.

    Rules: saturation
    Examples: 2
    """
    weight = torch.tensor([1.0 if signs >> k & 1 else -1.0 for k in range(4)]).reshape(4, 1).repeat(1, 2)
    x = torch.tensor([[size, 0.0], [0.0, size], [-size, 0.0]])
    bias = torch.tensor([0.5, -0.5, 0.25, 0.0]) if has_bias else None
    got = submission.output(x, weight, bias)
    # A saturated sigmoid is 0 or 1, and its slope 0, to within rounding: how exact the gate is does not matter.
    close(got, exact(solution, x, weight, bias), steps=8, scale=size, what="the output")
    incoming = torch.full_like(got, incoming)
    got = submission.gradients(weight, bias, [x], [incoming])
    want = solution.gradients(weight.double(), double(bias), [x.double()], [incoming.double()])
    for name, one, other in [("the gradient for x", got["xs"][0], want["xs"][0]), *_by_name(got, want)]:
        close(one, other.float(), steps=32, scale=4 * size * (size if name == "weight.grad" else 1.0), what=name)


def _by_name(got, want):
    return [(f"{name}.grad", got[name], want[name]) for name in want if name != "xs"]


@given(
    case=cases(leading=shapes(0, 2, max_side=3), sizes=pick((2, 1), (1, 2), (2, 2), (3, 2)), dtype=torch.float32),
    dtype=dtypes("float16", "bfloat16", "float64", "float32"),
)
@example(case=(torch.tensor([1.0]), *SMALL), dtype=torch.float16)
@example(case=(torch.tensor([1.0]), *SMALL), dtype=torch.bfloat16)
@example(case=(torch.tensor([1.0]), *SMALL), dtype=torch.float64)
@example(case=LARGE_VALUE, dtype=torch.float16)
@example(case=BEYOND_HALF, dtype=torch.bfloat16)
def test_moves(submission, solution, case, dtype):
    """After .to(dtype) the parameters, output and gradients are of that dtype (float16, bfloat16, float64), and right.

    Rules: dtype
    Examples: 2
    """
    x, weight, bias = case
    x = x.to(dtype)
    got = submission.moved(x, weight, bias)
    names = ["weight"] if bias is None else ["weight", "bias"]
    equal(got["parameters"], {name: str(dtype) for name in names}, f"after .to({dtype}), parameters by dtype")
    weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
    check_output(got["output"], solution, (x, weight, bias), f"the output after .to({dtype})")
    if not has_corner(x, weight, bias):
        incoming = [torch.ones(*x.shape[:-1], weight.shape[0] // 2)]
        check_gradients(got["gradients"], solution, weight, bias, [x], incoming, f", after .to({dtype}),")


@given(
    size=pick((1, 10000), (7, 2000), (16, 1000), (40, 400), (300, 5), (5, 1)),
    bias=pick(True, False),
    seed=st.integers(0, 999),
)
@example(size=(3, 7000), bias=True, seed=0)
@example(size=(1, 10000), bias=True, seed=1)
@example(size=(100, 100), bias=True, seed=2)
@example(size=(10, 400), bias=False, seed=3)
def test_init(submission, solution, size, bias, seed):
    """Weight and bias start uniform within ±1/sqrt(in_features), each value on its own, and two instances differ.

    Rules: init
    Examples: 2
    """
    in_features, bound = size[0], size[0] ** -0.5
    first, second = submission.initial(*size, bias, seed=seed)
    for name, values in first.items():
        start = f"the initial {name} of GatedLinearUnit{size}"
        check_uniform(values, bound, start)
        assert not torch.equal(values, second[name]), f"two new layers start with the same {name}"
        check_unrelated(values, second[name], bound, f"the initial {name}s of two layers")
        check_unrelated(values[::2], values[1::2], bound, f"{start}: its rows")
        check_unrelated(*values.chunk(2), bound, f"{start}: its two halves")
    if in_features > 1:
        check_unrelated(first["weight"][:, 0], first["weight"][:, 1], bound, "the columns of the initial weight")
    if bias:
        check_unrelated(first["weight"][:, 0], first["bias"], bound, "the initial weight and bias")


@given(case=cases(leading=shapes(1, 2, max_side=3), sizes=pick((2, 1), (3, 2), (1, 1))), seed=st.integers(0, 99))
def test_checkpoints(submission, solution, case, seed):
    """A checkpoint loaded into a used layer takes effect, and the layer's state_dict() gives another layer its outputs.

    Rules: parameters
    Examples: 2
    """
    x, weight, bias = case
    first = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    second = {name: random(tensor.shape, seed + k, -2.0, 2.0) for k, (name, tensor) in enumerate(first.items())}
    got = submission.reloaded(x, first, second)
    equal(got["state"], second, "state_dict() after loading")
    check_output(got["first"], solution, case, "the output with the first checkpoint")
    changed = x, second["weight"], second.get("bias")
    check_output(got["second"], solution, changed, "the output after another checkpoint was loaded")
    check_output(got["copy"], solution, changed, "the output of a layer that loaded this layer's state_dict()")


@given(seed=st.integers(0, 99))
def test_training(submission, solution, seed):
    """A small network with the layer learns x1·x2 step by step as the reference does; no linear model can.

    Rules: training
    Examples: 2
    Stands: the layer serves in a network: one instance, many steps, on inputs that need no gradient themselves.
    """
    width, count, steps = 8, 24, 40
    x = random((count, 2), seed, -2.0, 2.0)
    y = x[:, 0] * x[:, 1]
    weight, bias = random((2 * width, 2), seed + 1, -1.0, 1.0), random((2 * width,), seed + 2, -0.5, 0.5)
    arguments = x, y, weight, bias, random((1, width), seed + 3, -1.0, 1.0), 0.05, steps
    got, want = submission.train(*arguments), solution.train(*arguments)
    largest = max(want["losses"])
    close(got["losses"], want["losses"], steps=64 * steps, scale=largest, what="losses")
    for name in ("weight", "bias"):
        close(got[name], want[name], steps=64 * steps, scale=4.0, what=f"the trained {name}")
    lines = torch.cat([x, torch.ones(count, 1, dtype=x.dtype)], 1)
    best = torch.linalg.lstsq(lines, y[:, None]).solution
    linear = float(((lines @ best)[:, 0] - y).square().mean())
    last = got["losses"][-1]
    assert last < linear / 2, f"the loss ends at {last:.3g}, expected under half of a linear model's {linear:.3g}"
