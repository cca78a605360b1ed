"""What every gradient-norm logger, with its initialisations and its training loop, must do."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from grader.authoring import close, dtypes, equal, pick, random, shapes, tensors

SCHEMES = ("xavier_uniform", "kaiming_normal", "ones")
GIVEN_AS = pick("list", "generator", "tuple", "model.parameters()")
MODELS = (("a network", torch.float64), ("a linear layer", torch.float32))
UNKNOWN = (
    "xavier",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming",
    "zeros",
    "normal",
    "orthogonal",
    "one",
    "Ones",
    "XAVIER_UNIFORM",
    "kaiming_normal_",
    "kaiming-normal",
    "xavier uniform",
    "xavieruniform",
    " ones",
    "ones ",
    "ones\n",
    "",
    "he",
    "relu",
)
# Roundings of float64 in one of float32: a logger may well compute in float32, whatever the gradients are.
FLOAT32 = 2.0**29
# A sample of n numbers is farther than SAMPLE / sqrt(n) from its distribution, at its worst point, with a probability
# below 2·exp(-2·SAMPLE²) = 5e-11 (Dvoretzky, Kiefer, Wolfowitz).
SAMPLE = 3.5
# Standard deviations that a mean of many thousand squares stays within, but for about one time in 10 billion.
SIGMAS = 6.5


@st.composite
def rounds_of_gradients(draw):
    """Parameters, and for each recording the gradients of those that have one."""
    kinds = draw(
        st.lists(st.tuples(shapes(max_dims=2, max_side=3), dtypes("float32", "float64")), min_size=1, max_size=3)
    )
    size = draw(pick(1.0, 1e-3, 1e3))
    rounds = draw(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 2 ** len(kinds) - 1)), min_size=1, max_size=4))
    parameters = [random(shape, place, -3, 3, dtype) for place, (shape, dtype) in enumerate(kinds)]
    gradients = [
        [
            None if absent >> place & 1 else random(p.shape, 3 * seed + place, -size, size, p.dtype)
            for place, p in enumerate(parameters)
        ]
        for seed, absent in rounds
    ]
    return parameters, gradients


@st.composite
def large_halves(draw):
    """float16 gradients whose norm float16 can hold, and the square of whose largest element it cannot."""
    norm = draw(pick(300.0, 1000.0, 2e4, 6e4))
    sides = draw(st.lists(pick(1, 2, 5, 40), min_size=1, max_size=3))
    values = random((sum(sides),), draw(st.integers(0, 999)), -1.0, 1.0)
    values[0] = 2 * values.norm()
    values = (values * (norm / float(values.norm()))).half()
    return list(values.split(sides))


def one_vector(gradients):
    """The norm of the gradients, in float64."""
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients if g is not None))


def roundings(gradients):
    """A few of float32's for the formula, and one for each addition of a plain sum."""
    return FLOAT32 * (8 + sum(g.numel() for g in gradients if g is not None))


def is_float(value, what):
    """Refuse what only compares like a float."""
    assert isinstance(value, float), f"{what} is of type {type(value).__name__}, expected a plain float"


def problem(seed, samples=(12,), width=4, size=1.0, dtype=torch.float64):
    """Inputs and targets of a regression whose loss does not go to zero; `size` is that of targets and outputs."""
    x = random((*samples, 3), seed, -1.0, 1.0)
    y = size * ((x.sum(-1, keepdim=True) / 2).sin() + random((*samples, 1), seed + 1, -0.3, 0.3))
    first, second = random((width, 3), seed + 2, -1.0, 1.0), random((1, width), seed + 3, -size, size)
    weights = [first, random((width,), seed + 4, 0.0, 1.0), second]
    return {"weights": [weight.to(dtype) for weight in weights], "x": x.to(dtype), "y": y.to(dtype)}


def same_curve(got, want, what, steps):
    """Compare as numbers that may have been computed in float32."""
    assert isinstance(got, list), f"{what} are of type {type(got).__name__}, expected a list of floats"
    for place, value in enumerate(got):
        is_float(value, f"{what}[{place}]")
    assert len(got) == len(want), f"there are {len(got)} {what}, expected {len(want)}"
    close(got, want, steps=steps * FLOAT32, what=what)


def test_entry_points(submission, solution):
    """A logger records a float, a model can be initialised, and training returns a list of floats.

    Rules: norm, losses
    Base: yes
    """
    gradients = [torch.tensor([3.0]), torch.tensor([4.0])]
    got = submission.records([torch.ones(1), torch.ones(1)], [gradients])
    is_float(got["seen"][0]["returned"], "what record() returns")
    assert isinstance(got["norms"], list), f"norms is of type {type(got['norms']).__name__}, expected a list"
    losses = submission.curves(**problem(0), sizes=[12], epochs=[1], optimizer="sgd")["losses"][0]
    assert isinstance(losses, list), f"train returns a {type(losses).__name__}, expected a list"
    for place, value in enumerate(losses):
        is_float(value, f"the loss of epoch {place}")
    submission.initialized("a linear layer", "ones", torch.float32)


@given(
    gradients=st.lists(tensors(shapes(), dtypes("float32", "float64")), min_size=1, max_size=4),
    size=pick(1.0, 1e-3, 1e3),
)
@example(gradients=[torch.tensor([3.0]), torch.tensor([4.0])], size=1.0)
@example(
    gradients=[torch.tensor([[0.5, -2.0], [1.0, 3.0]]), torch.tensor(-0.25), torch.tensor([1.5, 2.5, -4.0])], size=1.0
)
@example(gradients=[torch.zeros(2)], size=1.0)
@example(gradients=[random((2, 2, 1, 3), 0), *(random((7,), place) for place in range(1, 13))], size=1e-3)
@example(gradients=[random((65, 5), 0), random((2, 1, 2), 1)], size=1e3)
def test_norm(submission, solution, gradients, size):
    """The norm is the square root of the sum of all squared elements of all gradients.

    Rules: norm
    Examples: 2
    """
    gradients = [size * gradient for gradient in gradients]
    parameters = [torch.full_like(gradient, 2.5) for gradient in gradients]
    got = submission.records(parameters, [gradients])["seen"][0]["returned"]
    close(got, one_vector(gradients), steps=roundings(gradients), what="the norm")


@given(case=rounds_of_gradients(), given_as=GIVEN_AS)
@example(
    case=(
        [torch.ones(2), torch.ones(1)],
        [
            [torch.tensor([1.0, 2.0]), None],
            [None, None],
            [None, torch.tensor([-5.0])],
            [torch.tensor([3.0, -4.0]), None],
            [torch.tensor([2.0, 3.0]), torch.tensor([6.0])],
        ],
    ),
    given_as="generator",
)
def test_many_records(submission, solution, case, given_as):
    """Each record looks at the gradients as they are then, passes over those that are None, and appends to `norms`.

    Rules: norm, parameters, no gradient
    Examples: 2
    """
    parameters, rounds = case
    got = submission.records(parameters, rounds, given_as)
    norms = [one_vector(gradients) for gradients in rounds]
    for count, (seen, gradients) in enumerate(zip(got["seen"], rounds, strict=True), 1):
        is_float(seen["returned"], f"record number {count}")
        close(seen["returned"], norms[count - 1], steps=roundings(gradients), what=f"record number {count}")
        equal(seen["norms"], [earlier["returned"] for earlier in got["seen"][:count]], f"norms after {count} records")
    equal(got["norms"], [seen["returned"] for seen in got["seen"]], "norms")
    equal(got["norms of a new logger"], [], "norms of a new logger")


def test_gradients_untouched(submission, solution):
    """After a record every gradient is what it was, bit for bit, and one that was None still is.

    Rules: untouched
    """
    half = torch.tensor([-6e4, 2e4], dtype=torch.float16)
    large = [torch.tensor([-2.0, -0.0]), None, random((40,), 2), half]
    small = [None, torch.tensor([0.25]), random((40,), 3, -1e-3, 1e-3), half / 1000]
    rounds = [large, small, small[:3] + [None]]
    parameters = [torch.ones(2), torch.ones(1), random((40,), 1), torch.ones_like(half)]
    seen = submission.records(parameters, rounds)["seen"]
    for number, (one, gradients) in enumerate(zip(seen, rounds, strict=True), 1):
        equal(one["gradients"], gradients, f"the gradients after record number {number}")
        # A zero has a sign too, which `==` does not see.
        signs = [[None if g is None else g.signbit() for g in each] for each in (one["gradients"], gradients)]
        equal(*signs, f"the signs of the gradients after record number {number}")


@given(gradients=large_halves(), others=st.lists(tensors((2,), dtypes("float32", "float64")), max_size=1))
@example(gradients=[torch.tensor([300.0], dtype=torch.float16)], others=[])
@example(gradients=[torch.tensor([6e4], dtype=torch.float16), torch.tensor([2e4], dtype=torch.float16)], others=[])
@example(gradients=[torch.tensor([1e-3, -3e-3], dtype=torch.float16)], others=[])
def test_float16(submission, solution, gradients, others):
    """The norm of float16 gradients is right to a relative 1e-3, also where the square of an element overflows.

    Rules: float16
    Examples: 2
    """
    gradients = gradients + others
    got = submission.records([torch.ones_like(gradient) for gradient in gradients], [gradients])["seen"][0]["returned"]
    want = one_vector(gradients)
    close(got, want, steps=1e-3 / torch.finfo(torch.float64).eps, what="the norm")


def test_layers(submission, solution):
    """Every nn.Linear is set, subclasses and nested ones too, its bias to zero, and no layer of another kind is.

    Rules: layers, biases, schemes, same parameters
    """
    for which, dtype in MODELS:
        for scheme in SCHEMES:
            got = submission.initialized(which, scheme, dtype)
            right = solution.initialized(which, scheme, dtype)
            equal(got["biases"], right["biases"], f"the biases ({which}, {scheme})")
            equal(got["others"], got["before"], f"the parameters and buffers of other layers ({which}, {scheme})")
            if scheme == "ones":
                equal(got["weights"], right["weights"], f"the weights ({which}, ones)")
                continue
            for name, other in right["weights"].items():
                set_by(got["weights"][name], other, f"the weight of {name} ({which}, {scheme})")


def set_by(weight, other, what):
    """The weight is no longer what it was, near 100, and is not zero either."""
    assert weight.shape == other.shape, f"{what} has the shape {tuple(weight.shape)}, expected {tuple(other.shape)}"
    assert weight.dtype == other.dtype, f"{what} is of {weight.dtype}, expected {other.dtype}"
    largest = float(weight.abs().max())
    # Eight standard deviations of the widest normal distribution here, sqrt(2/3).
    assert 0 < largest < 6.54, f"{what} is as large as {largest:.4g}: not a number that the scheme draws"


def test_xavier_uniform(submission, solution):
    """ "xavier_uniform" draws uniformly within ±sqrt(6 / (fan_in + fan_out)).

    Rules: schemes
    """
    for name, weight in weights_drawn(submission, "xavier_uniform"):
        fan_out, fan_in = weight.shape
        bound = math.sqrt(6 / (fan_in + fan_out))
        largest, n = float(weight.abs().max()), weight.numel()
        # The largest of n uniform numbers is below (1 - 25/n) of their bound with a probability of exp(-25) = 1e-11.
        assert largest <= bound * (1 + 1e-6), f"{name} is as large as {largest:.6g}, expected at most {bound:.6g}"
        assert largest >= bound * (1 - 25 / n), f"{name} is at most {largest:.6g}, expected up to {bound:.6g}"
        follows(weight, lambda w, bound=bound: (w / bound + 1) / 2, f"{name} ({n} numbers)")


def test_kaiming_normal(submission, solution):
    """ "kaiming_normal" draws from the normal distribution with a standard deviation of sqrt(2 / fan_in).

    Rules: schemes
    """
    for name, weight in weights_drawn(submission, "kaiming_normal"):
        deviation = math.sqrt(2 / weight.shape[1])
        found, n = float(weight.square().mean().sqrt()), weight.numel()
        room = SIGMAS * deviation / math.sqrt(2 * n)
        assert abs(found - deviation) <= room, (
            f"{name} has a standard deviation of {found:.6g}, expected {deviation:.6g}"
        )
        follows(weight, lambda w, deviation=deviation: torch.special.ndtr(w / deviation), f"{name} ({n} numbers)")
        # Of as many normal numbers, one at least is beyond three deviations: all within, (1 - 0.0027)^n = 1e-14.
        largest = float(weight.abs().max()) / deviation
        assert largest > 3, f"{name} has no number beyond {largest:.3g} standard deviations: the tails are cut off"


def weights_drawn(submission, scheme):
    """Large weights, wide and tall, so that fan-in and fan-out are told apart; as float64, with names."""
    off = 0.0
    for dtype, sides in ((torch.float32, [(3, 4000), (4000, 3), (120, 110)]), (torch.float64, [(120, 110)])):
        (weights,) = submission.drawn(sides, scheme, dtype)
        for weight in weights:
            yield f"the weight of Linear({weight.shape[1]}, {weight.shape[0]}, dtype={dtype})", weight.double()
            off += float(weight.double().mean().square() / weight.double().square().mean()) * weight.numel()
    # The sum of four squared standard normal numbers: outside of this with a probability of 1e-11.
    assert off > 1e-5, "all weights have a mean of exactly 0, as if it were subtracted: draw each number by itself"
    assert off < 60, "the mean of the weights is too far from 0"


def follows(weight, distribution, name):
    """The share of numbers below each value is what the distribution function says."""
    values = weight.flatten().sort().values
    n = values.numel()
    want = distribution(values)
    share = torch.arange(n, dtype=torch.float64) / n
    off = torch.maximum((want - share).abs(), (want - share - 1 / n).abs())
    place, room = int(off.argmax()), SAMPLE / math.sqrt(n)
    assert float(off[place]) <= room, (
        f"{name} is not distributed as it should be: the share of numbers up to {float(values[place]):.4g} is "
        f"{float(share[place]):.4g}, expected {float(want[place]):.4g}, within {room:.2g}"
    )


def test_fresh_numbers(submission, solution):
    """Each number is drawn by itself: none comes again in the layer, in one of the same shape, or at the next call.

    Rules: schemes
    """
    for scheme, dtype in (("xavier_uniform", torch.float32), ("kaiming_normal", torch.float64)):
        seen = submission.drawn([(20, 20), (20, 20), (20, 20)], scheme, dtype, times=2)
        named = [
            (f"layer {place}, call {time}", weight) for time, all in enumerate(seen) for place, weight in enumerate(all)
        ]
        for index, (name, weight) in enumerate(named):
            assert bool(weight.isfinite().all()), f"{name} has weights that are not finite"
            # float32 has some 2^23 numbers to draw from, whatever their signs: of 400, hardly one comes twice.
            count, distinct = weight.numel(), weight.abs().unique().numel()
            assert distinct > 0.95 * count, f"{name} has {distinct} different numbers among {count}, signs left aside"
            for other_name, other in named[:index]:
                same = int((weight.abs() == other.abs()).sum())
                assert same < 0.05 * count, f"{name} has {same} of {count} numbers of {other_name}"


def test_same_parameters(submission, solution):
    """The layers keep their Parameter objects, these are trainable, and an optimizer that holds them updates them.

    Rules: same parameters
    """
    for which, scheme in (*(("a network", scheme) for scheme in SCHEMES), ("a linear layer", "kaiming_normal")):
        got = submission.updated(which, scheme, torch.float32)
        wanted = list(range(len(got["before"])))
        assert got["places"] == wanted, (
            f"of the optimizer's parameters, the model's are now numbers {got['places']}, expected {wanted}: "
            "None is an object that the optimizer does not know"
        )
        assert all(got["requires_grad"]), f"requires_grad of the parameters is {got['requires_grad']}"
        if scheme == "ones":
            right = solution.updated(which, scheme, torch.float32)
            equal(got["before"], right["before"], f"the parameters before an update ({which}, ones)")
        before, gradients, after = [joined(got[name]) for name in ("before", "gradients", "after")]
        scale = before.double().abs() + gradients.double().abs()
        close(after, before - 0.5 * gradients, scale=scale, what="the parameters after an update, as one vector,")


def joined(all):
    """Tensors as one vector."""
    return torch.cat([one.flatten() for one in all])


def test_unknown_scheme(submission, solution):
    """Any scheme but the three raises ValueError.

    Rules: unknown scheme
    """
    for scheme, kinds in zip(UNKNOWN, submission.refused(list(UNKNOWN)), strict=True):
        assert kinds, f"expected a ValueError for the scheme {scheme!r}, and nothing was raised"
        assert "ValueError" in kinds, f"expected a ValueError for the scheme {scheme!r}, and a {kinds[0]} was raised"


RUNS = {
    "seed": st.integers(0, 999),
    "sizes": pick([4, 3], [5], [2, 1, 3], [1, 4]),
    "epochs": pick(2, 1),
    "optimizer": pick("sgd", "adam", "momentum"),
    "old_gradient": pick(None, 5.0),
}
# What depends on dtype, or on how large gradients and losses are, shows in one of these; Adam's steps do not grow.
KINDS = {"sgd": (1e-3, torch.float64), "momentum": (1.0, torch.float32), "adam": (1e4, torch.float64)}


def run_of(seed, sizes, optimizer, old_gradient):
    """A short training run's data, as the probes take them."""
    size, dtype = KINDS[optimizer]
    data = problem(seed, (sum(sizes), 2), size=size, dtype=dtype)
    return {**data, "sizes": sizes, "optimizer": optimizer, "old_gradient": old_gradient}


@given(**RUNS)
@example(seed=0, sizes=[4, 3], epochs=2, optimizer="sgd", old_gradient=5.0)
@example(seed=0, sizes=[2, 1, 3], epochs=2, optimizer="momentum", old_gradient=None)
def test_steps(submission, solution, seed, sizes, epochs, optimizer, old_gradient):
    """Each mini-batch has one forward pass, one loss, one record of its own gradient, then one update.

    Rules: steps
    Examples: 1
    """
    run = {**run_of(seed, sizes, optimizer, old_gradient), "epochs": epochs}
    got, want = submission.watched(**run), solution.watched(**run)
    order, right = [[one["event"] for one in each["events"]] for each in (got, want)]
    assert order == right, f"what happened is {', '.join(order) or 'nothing'}; expected {', '.join(right)}"
    for number, (one, other) in enumerate(zip(got["events"], want["events"], strict=True)):
        if one["event"] == "loss":
            found, wanted = one["shapes"], other["shapes"]
            assert found == wanted, f"loss_fn gets an output and a target of the shapes {found}, expected {wanted}"
        # A parameter that is not used may have no gradient or one of zeros: the probe gives zeros for both.
        for name in {"record": ["gradients"], "update": ["weights"]}.get(one["event"], []):
            same_vector(one[name], other[name], f"the {name} at event {number} ({one['event']}), as one vector,")
    drawn = got["drawn"]
    assert len(set(drawn)) == len(drawn), (
        f"at its {len(drawn)} passes the loader drew the numbers {drawn} to shuffle by: the same again, as after a seed"
    )


def same_vector(got, want, what):
    """Compare parameters or gradients, with room for the roundings of a few steps, in float64 of many."""
    close(got, want, steps=2**20 if want.dtype == torch.float64 else 64, scale=float(want.abs().max()), what=what)


def test_training_mode(submission, solution):
    """The model and all its submodules are in training mode at every step, though they were not before.

    Rules: training mode
    """
    run = {**run_of(0, [2, 2], "sgd", None), "epochs": 2}
    for number, (event, training) in enumerate(submission.modes(**run)):
        assert all(training), f"at event {number} ({event}) .training of the model and its submodules is {training}"


@given(**{**RUNS, "epochs": st.lists(st.integers(1, 2), min_size=1, max_size=2)})
@example(seed=1, sizes=[1, 4], epochs=[2, 0, 1], optimizer="sgd", old_gradient=None)
@example(seed=1, sizes=[2, 1, 3], epochs=[2], optimizer="adam", old_gradient=5.0)
def test_losses(submission, solution, seed, sizes, epochs, optimizer, old_gradient):
    """Each epoch's loss is the mean of its mini-batch losses, of each mini-batch alike; each update has one norm.

    Rules: losses, steps
    Examples: 1
    """
    run = {**run_of(seed, sizes, optimizer, old_gradient), "epochs": epochs}
    got, want = submission.curves(**run), solution.curves(**run)
    for losses, right in zip(got["losses"], want["losses"], strict=True):
        same_curve(losses, right, "losses", 8 + len(sizes))
    same_curve(got["norms"], want["norms"], "norms", 32)


def test_curves(submission, solution):
    """Over 50 epochs the norms, the losses and the weights follow the reference's, for each of the three schemes.

    Rules: curves
    """
    for scheme, optimizer in (("xavier_uniform", "momentum"), ("kaiming_normal", "sgd"), ("ones", "sgd")):
        run = {**problem(7, samples=(4,)), "sizes": [4], "epochs": [50], "optimizer": optimizer}
        run["weights"] = solution.start([(3, 2), (2, 1)], scheme)
        got, want = submission.curves(**run), solution.curves(**run)
        same_curve(got["losses"][0], want["losses"][0], f"losses ({scheme})", 16)
        same_curve(got["norms"], want["norms"], f"norms ({scheme})", 32)
        same_vector(joined(got["weights"]), joined(want["weights"]), f"the weights in the end ({scheme})")
