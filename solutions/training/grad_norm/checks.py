"""What every gradient-norm logger, with its initialisations and its training loop, must do."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from grader.authoring import close, dtypes, equal, pick, raises, random, shapes, tensors

DTYPES = (torch.float32, torch.float64)
SCHEMES = ("xavier_uniform", "kaiming_normal", "ones")
GIVEN_AS = pick("list", "generator", "tuple", "model.parameters()")
MODELS = ("a network", "a linear layer", "a subclass")
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
    " ones",
    "",
    "he",
)
# Roundings of float64 in one of float32: a logger may well compute in float32, whatever the gradients are.
FLOAT32 = 2.0**29
# A sample of n numbers is farther than SAMPLE / sqrt(n) from its distribution, at its worst point, with a probability
# below 2·exp(-2·SAMPLE²) = 5e-11 (Dvoretzky, Kiefer, Wolfowitz).
SAMPLE = 3.5
# Standard deviations that a mean of many thousand squares stays within, but for about one time in 10 billion.
SIGMAS = 6.5


@st.composite
def rounds_of_gradients(draw, least=1):
    """Parameters, and for each recording the gradients of those that have one."""
    kinds = draw(
        st.lists(st.tuples(shapes(max_dims=2, max_side=3), dtypes("float32", "float64")), min_size=1, max_size=3)
    )
    size = draw(pick(1.0, 1e-3, 1e3))
    rounds = draw(
        st.lists(st.tuples(st.integers(0, 999), st.integers(0, 2 ** len(kinds) - 1)), min_size=least, max_size=4)
    )
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


def problem(seed, samples=12, width=4):
    """Inputs and targets of a regression whose loss does not go to zero."""
    x = random((samples, 3), seed, -1.0, 1.0)
    y = (x.sum(1, keepdim=True) / 2).sin() + random((samples, 1), seed + 1, -0.3, 0.3)
    weights = [random(shape, seed + 2, -1.0, 1.0) for shape in ((width, 3), (width,), (1, width), (1,))]
    return {"weights": weights, "x": x, "y": y}


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
@example(gradients=[random((65, 5), 0), random((40,), 1)], size=1e-3)
def test_norm(submission, solution, gradients, size):
    """The norm is the square root of the sum of all squared elements of all gradients.

    Rules: norm
    Examples: 6
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
            [torch.tensor([1.0, 2.0]), torch.tensor([2.0])],
            [None, None],
            [None, torch.tensor([-6.0])],
            [torch.tensor([3.0, -4.0]), None],
            [torch.tensor([2.0, 3.0]), torch.tensor([6.0])],
        ],
    ),
    given_as="generator",
)
def test_many_records(submission, solution, case, given_as):
    """Each record looks at the gradients as they are then, passes over those that are None, and appends to `norms`.

    Rules: norm, parameters, no gradient
    Examples: 4
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


@given(case=rounds_of_gradients(), large=large_halves())
@example(
    case=([torch.ones(2), torch.ones(1)], [[torch.tensor([1.0, 2.0]), None]]), large=[torch.tensor([300.0]).half()]
)
def test_gradients_untouched(submission, solution, case, large):
    """After a record every gradient is what it was, bit for bit, and one that was None still is.

    Rules: untouched
    Examples: 3
    """
    for parameters, rounds in (case, ([torch.ones_like(g) for g in large], [large])):
        seen = submission.records(parameters, rounds)["seen"]
        for number, (one, gradients) in enumerate(zip(seen, rounds, strict=True), 1):
            equal(one["gradients"], gradients, f"the gradients after record number {number}")


@given(gradients=large_halves(), others=st.lists(tensors((2,), dtypes("float32", "float64")), max_size=1))
@example(gradients=[torch.tensor([300.0], dtype=torch.float16)], others=[])
@example(gradients=[torch.tensor([6e4], dtype=torch.float16), torch.tensor([2e4], dtype=torch.float16)], others=[])
def test_float16(submission, solution, gradients, others):
    """The norm of float16 gradients is right to a relative 1e-3 where the square of an element overflows.

    Rules: float16
    Examples: 4
    """
    gradients = gradients + others
    got = submission.records([torch.ones_like(gradient) for gradient in gradients], [gradients])["seen"][0]["returned"]
    want = one_vector(gradients)
    close(got, want, steps=1e-3 / torch.finfo(torch.float64).eps, what="the norm")


def test_layers(submission, solution):
    """Every nn.Linear is set, subclasses and nested ones too, its bias to zero, and no layer of another kind is.

    Rules: layers, biases, schemes, same parameters
    """
    for which in MODELS:
        for scheme in ("ones", "xavier_uniform", "kaiming_normal"):
            for dtype in DTYPES:
                got = submission.initialized(which, scheme, dtype)
                right = solution.initialized(which, scheme, dtype)
                equal(got["biases"], right["biases"], f"the biases ({which}, {scheme})")
                equal(got["other parameters"], got["before"], f"the parameters of other layers ({which}, {scheme})")
                if scheme == "ones":
                    equal(got["weights"], right["weights"], f"the weights ({which}, ones)")
                    continue
                for place, (weight, other) in enumerate(zip(got["weights"], right["weights"], strict=True)):
                    set_by(weight, other, f"the weight of linear layer {place} of {which} ({scheme})")


def set_by(weight, other, what):
    """The weight is no longer what it was, near 100, and is not zero either."""
    assert weight.shape == other.shape, f"{what} has the shape {tuple(weight.shape)}, expected {tuple(other.shape)}"
    assert weight.dtype == other.dtype, f"{what} is of {weight.dtype}, expected {other.dtype}"
    largest = float(weight.abs().max())
    # Eight standard deviations of the widest normal distribution here, sqrt(2/4).
    assert 0 < largest < 5.66, f"{what} is as large as {largest:.4g}: not a number that the scheme draws"


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
        # Of as many normal numbers, one at least is beyond three deviations: all within, (1 - 0.0027)^n = 1e-28.
        largest = float(weight.abs().max()) / deviation
        assert largest > 3, f"{name} has no number beyond {largest:.3g} standard deviations: the tails are cut off"


def weights_drawn(submission, scheme):
    """Large weights, wide and tall, so that fan-in and fan-out are told apart; as float64, with names."""
    for seed, dtype in enumerate(DTYPES):
        (weights,) = submission.drawn([(3, 8000), (8000, 3), (160, 150)], scheme, dtype, seed=seed)
        for weight in weights:
            n, distinct = weight.numel(), weight.unique().numel()
            name = f"the weight of Linear({weight.shape[1]}, {weight.shape[0]}, dtype={dtype})"
            # float32 has some 2^24 numbers to draw from: of 24000, about twenty come twice.
            assert distinct > 0.98 * n, (
                f"{name} has {distinct} different numbers among {n}: each is to be drawn by itself"
            )
            yield name, weight.double()


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


@given(scheme=pick("xavier_uniform", "kaiming_normal"), dtype=dtypes("float32", "float64"), seed=st.integers(0, 999))
def test_fresh_numbers(submission, solution, scheme, dtype, seed):
    """Two layers of the same shape get different numbers, and so does a layer that is initialised twice.

    Rules: schemes
    Examples: 2
    """
    seen = submission.drawn([(20, 20), (20, 20), (20, 20)], scheme, dtype, times=2, seed=seed)
    named = [
        (f"layer {place}, call {time}", weight) for time, all in enumerate(seen) for place, weight in enumerate(all)
    ]
    for index, (name, weight) in enumerate(named):
        assert bool(weight.isfinite().all()), f"{name} has weights that are not finite"
        for other_name, other in named[:index]:
            same = int((weight.abs() == other.abs()).sum())
            assert same < 0.1 * weight.numel(), f"{name} has {same} of {weight.numel()} numbers of {other_name}"


def test_same_parameters(submission, solution):
    """The layers keep their Parameter objects, these are trainable, and an optimizer that holds them updates them.

    Rules: same parameters
    """
    for which in MODELS:
        for scheme in SCHEMES:
            for dtype in DTYPES if which == "a network" else DTYPES[:1]:
                got = submission.updated(which, scheme, dtype)
                wanted = list(range(len(got["before"])))
                assert got["places"] == wanted, (
                    f"of the optimizer's parameters, the model's are now numbers {got['places']}, expected {wanted}: "
                    "None is an object that the optimizer does not know"
                )
                assert all(got["requires_grad"]), f"requires_grad of the parameters is {got['requires_grad']}"
                if scheme == "ones":
                    right = solution.updated(which, scheme, dtype)
                    equal(got["before"], right["before"], f"the parameters before an update ({which}, ones)")
                for before, gradient, after in zip(got["before"], got["gradients"], got["after"], strict=True):
                    scale = before.double().abs() + gradient.double().abs()
                    close(after, before - 0.5 * gradient, scale=scale, what="a parameter after an update")


def test_unknown_scheme(submission, solution):
    """Any scheme but the three raises ValueError.

    Rules: unknown scheme
    """
    for scheme in UNKNOWN:
        with raises(ValueError, f"for the scheme {scheme!r}"):
            submission.initialized("a linear layer", scheme, torch.float32)


RUNS = {
    "seed": st.integers(0, 999),
    "sizes": pick([4, 3], [5], [2, 1, 3], [1, 4]),
    "epochs": pick(2, 1),
    "optimizer": pick("sgd", "adam", "momentum"),
    "old_gradient": pick(None, 5.0),
}


def run_of(seed, sizes, optimizer, old_gradient):
    """A short training run's data, as the probes take them."""
    # With weight decay, an old gradient set to zero is not the same as none; either is right.
    return {**problem(seed, sum(sizes)), "sizes": sizes, "optimizer": optimizer, "old_gradient": old_gradient}


@given(**RUNS)
@example(seed=0, sizes=[4, 3], epochs=2, optimizer="sgd", old_gradient=5.0)
@example(seed=0, sizes=[4, 3], epochs=2, optimizer="momentum", old_gradient=None)
def test_steps(submission, solution, seed, sizes, epochs, optimizer, old_gradient):
    """Each mini-batch has one loss, then one record of its own gradient, then one update.

    Rules: steps
    Examples: 2
    """
    run = {**run_of(seed, sizes, optimizer, old_gradient), "epochs": epochs}
    got, want = submission.watched(**run), solution.watched(**run)
    order, right = [one["event"] for one in got], [one["event"] for one in want]
    assert order == right, f"what happened is {', '.join(order) or 'nothing'}; expected {', '.join(right)}"
    for number, (one, other) in enumerate(zip(got, want, strict=True)):
        where = f"at event {number} ({one['event']})"
        same_tensors(one["weights"], other["weights"], f"the weights {where}")
        if one["event"] == "record":
            # To have no gradient or one of zeros is the same here: the parameter that is not used may have either.
            gradients = [[zeros if g is None else g for g, zeros in filled(each)] for each in (one, other)]
            same_tensors(*gradients, f"the gradients {where}")


def filled(event):
    """An event's gradients, each with zeros to put in its place."""
    return [(g, torch.zeros_like(w)) for g, w in zip(event["gradients"], event["weights"], strict=True)]


def same_tensors(got, want, what):
    """Compare parameters one by one, with room for the roundings of a few steps."""
    for place, (one, other) in enumerate(zip(got, want, strict=True)):
        close(one, other, steps=2**20, scale=1 + float(other.abs().max()), what=f"{what}, of parameter {place}")


@given(seed=st.integers(0, 99), epochs=pick(2, 1))
def test_training_mode(submission, solution, seed, epochs):
    """The model and all its submodules are in training mode at every step, though they were not before.

    Rules: training mode
    Examples: 2
    """
    run = {**run_of(seed, [2, 2], "sgd", None), "epochs": epochs}
    for number, (event, training) in enumerate(submission.modes(**run)):
        assert all(training), f"at event {number} ({event}) .training of the model and its submodules is {training}"


@given(**{**RUNS, "epochs": st.lists(st.integers(1, 2), min_size=1, max_size=2)})
@example(seed=1, sizes=[1, 4], epochs=[2, 1], optimizer="sgd", old_gradient=None)
@example(seed=1, sizes=[4, 3], epochs=[2], optimizer="adam", old_gradient=5.0)
def test_losses(submission, solution, seed, sizes, epochs, optimizer, old_gradient):
    """Each epoch's loss is the mean of its mini-batch losses, of each mini-batch alike; each update has one norm.

    Rules: losses, steps
    Examples: 2
    """
    run = {**run_of(seed, sizes, optimizer, old_gradient), "epochs": epochs}
    got, want = submission.curves(**run), solution.curves(**run)
    for losses, right in zip(got["losses"], want["losses"], strict=True):
        same_curve(losses, right, "losses", 8 + len(sizes))
    same_curve(got["norms"], want["norms"], "norms", 32)


def test_curves(submission, solution):
    """Over 50 epochs the norms, the losses and the weights follow the reference's, for each of the three schemes.

    Rules: curves
    Stands: errors that a few steps do not show add up over fifty epochs.
    """
    kinds = (("xavier_uniform", "momentum", [12]), ("kaiming_normal", "sgd", [7, 5]), ("ones", "adam", [12]))
    for scheme, optimizer, sizes in kinds:
        run = {**problem(7), "weights": solution.start([(3, 4), (4, 1)], scheme), "sizes": sizes, "epochs": [50]}
        got, want = submission.curves(**run, optimizer=optimizer), solution.curves(**run, optimizer=optimizer)
        same_curve(got["losses"][0], want["losses"][0], f"losses ({scheme})", 16)
        same_curve(got["norms"], want["norms"], f"norms ({scheme})", 32)
        same_tensors(got["weights"], want["weights"], f"the weights in the end ({scheme})")
