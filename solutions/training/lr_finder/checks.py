"""What every learning-rate range test, and every suggestion made of one, must do."""

import itertools
import math

from hypothesis import example, given
from hypothesis import strategies as st

from grader.authoring import close, dtypes, equal, pick, raises

# The contract allows a relative error of 1e-6, here in roundings of float64.
WITHIN = 1e-6 / 2.0**-52
ROUNDINGS_OF_A_STEP = 1024
OPTIMIZERS = pick("sgd", "momentum", "adam", "adamw")
STEPS = st.integers(2, 6)
SEEDS = st.integers(0, 999)
FAILURES = st.fixed_dictionaries(
    {
        "where": pick("loss", "model", "backward", "step", "batch"),
        "at": st.integers(0, 3),
        "kind": pick("RuntimeError", "ValueError", "KeyboardInterrupt", "Unforeseen"),
    }
)
NOT_FINITE = pick(math.nan, math.inf, -math.inf)
HUGE = 1e30


def rates(lr_min, lr_max, num_steps):
    """The learning rates of a whole run."""
    return [lr_min * (lr_max / lr_min) ** (i / (num_steps - 1)) for i in range(num_steps)]


def check_rates(got, want, updates):
    """The rates that were returned, and those of every group in every update, are the first of the ones wanted."""
    lrs, losses, used = got["lrs"], got["losses"], got["lrs of the updates"]
    assert len(lrs) == len(losses), f"there are {len(lrs)} learning rates and {len(losses)} losses"
    close(lrs, want, steps=WITHIN, what="lrs")
    assert len(used) == updates, f"the optimizer made {len(used)} updates, expected {updates}"
    for group, rates_of_group in enumerate(zip(*used, strict=True)):
        close(rates_of_group, want[:updates], steps=WITHIN, what=f"at the updates, the learning rate of group {group}")


def check_losses(got, solution, lr_max, num_steps, **setup):
    """The losses are those of the solution, where its updates are made at the rates that were seen to be used."""
    used = [groups[0] for groups in got["lrs of the updates"]]
    want = solution.curve(0.001, lr_max, num_steps, used=used, **setup)
    close(got["losses"], want["losses"], steps=WITHIN, what="losses")


def test_result(submission, solution):
    """A short test of a linear model returns a tuple of two lists of plain floats, one of each for every step.

    Rules: floats
    Base: yes
    """
    for num_steps in (2, 3):
        got = submission.form(num_steps)
        assert got["is pair of lists"], (
            f"the result is a {got['result']}, expected a tuple of two lists: lrs and losses"
        )
        assert not got["not floats"], (
            f"lrs and losses hold {got['not floats'][0]}, expected plain floats (float(), .item())"
        )
        assert got["lengths"] == [num_steps] * 2, f"{num_steps} steps give lists of {got['lengths']} entries"


@given(
    lr_min=st.floats(1e-6, 4.0),
    ratio=st.floats(1.5, 1e4),
    num_steps=st.integers(2, 9),
    groups=pick(1, 2),
    optimizer=OPTIMIZERS,
)
@example(lr_min=0.001, ratio=100.0, num_steps=3, groups=1, optimizer="sgd")
@example(lr_min=2.0, ratio=9.0, num_steps=3, groups=2, optimizer="sgd")
def test_rates(submission, solution, lr_min, ratio, num_steps, groups, optimizer):
    """The learning rates grow exponentially from lr_min to lr_max, and every group is updated at them.

    Rules: rates
    Examples: 2
    """
    got = submission.curve(lr_min, lr_min * ratio, num_steps, optimizer=optimizer, groups=groups)
    check_rates(got, rates(lr_min, lr_min * ratio, num_steps), num_steps)


def test_defaults(submission, solution):
    """Unless given, lr_min is 1e-6, lr_max is 10.0, and there are 100 steps.

    Rules: rates
    """
    check_rates(submission.default_curve(), rates(1e-6, 10.0, 100), 100)


@given(
    seed=SEEDS,
    num_steps=STEPS,
    lr_max=st.floats(0.01, 0.1),
    setup=st.fixed_dictionaries(
        {
            "optimizer": OPTIMIZERS,
            "deep": st.booleans(),
            "classes": st.booleans(),
            "groups": pick(1, 2),
            "loader": pick("list", "iterable", "dataloader"),
            "batches": st.integers(1, 4),
            "before": pick(0, 1),
            "stale": pick(0.0, 0.5, -3.0),
            "extra": st.booleans(),
            "in_eval": pick((), ("",)),
        }
    ),
)
@example(seed=0, num_steps=3, lr_max=0.1, setup={})
@example(seed=0, num_steps=2, lr_max=0.1, setup={"stale": 0.5, "extra": True})
@example(seed=0, num_steps=2, lr_max=0.1, setup={"optimizer": "momentum", "before": 1})
@example(seed=0, num_steps=2, lr_max=0.1, setup={"frozen": True, "size": 1e4})
@example(seed=0, num_steps=3, lr_max=0.1, setup={"classes": True, "deep": True, "loader": "dataloader", "batches": 2})
@example(seed=1, num_steps=7, lr_max=0.05, setup={"loader": "iterable"})
def test_losses(submission, solution, seed, num_steps, lr_max, setup):
    """Each loss is that of its mini-batch before its update, and each update uses its own mini-batch's gradient alone.

    Rules: losses, own gradient
    Weight: 2
    Examples: 2
    """
    got = submission.curve(0.001, lr_max, num_steps, seed=seed, **setup)
    check_rates(got, rates(0.001, lr_max, num_steps), num_steps)
    check_losses(got, solution, lr_max, num_steps, seed=seed, **setup)


@given(length=st.integers(1, 5), num_steps=st.integers(2, 9))
@example(length=2, num_steps=5)
def test_batches(submission, solution, length, num_steps):
    """The mini-batches come in the loader's order; after the last one the loader is started anew.

    Rules: batches
    Examples: 2
    """
    seen = submission.batches(length, num_steps)
    assert len(seen) == num_steps, f"{num_steps} steps of a test trained on {len(seen)} mini-batches"
    order, want = [index for _, index in seen], [i % length for i in range(num_steps)]
    assert order == want, f"of a loader of {length}, the mini-batches {order} came, expected {want}"
    for i, ((before, _), (now, _)) in enumerate(zip(seen, seen[1:], strict=False), start=1):
        if want[i]:
            assert now == before, f"mini-batch {i} comes from another pass than the one before, in mid-pass"
        else:
            assert now > before, f"step {i} got a mini-batch of the pass before: the loader was not started anew"


@given(seed=SEEDS, num_steps=STEPS, at=st.integers(0, 5), value=NOT_FINITE, optimizer=OPTIMIZERS)
@example(seed=0, num_steps=3, at=1, value=math.nan, optimizer="sgd")
@example(seed=0, num_steps=3, at=1, value=math.inf, optimizer="sgd")
@example(seed=0, num_steps=3, at=1, value=-math.inf, optimizer="sgd")
@example(seed=0, num_steps=2, at=0, value=math.nan, optimizer="sgd")
@example(seed=0, num_steps=3, at=1, value=HUGE, optimizer="sgd")
def test_not_finite(submission, solution, seed, num_steps, at, value, optimizer):
    """A loss that is not finite is recorded with its rate, no update follows, and the test ends; no other ends it.

    Rules: not finite
    Examples: 1
    """
    at = min(at, num_steps - 1)
    setup = {"optimizer": optimizer, "batches": num_steps, "offset": (at, value)}
    got = submission.curve(0.001, 0.1, num_steps, seed=seed, **setup)
    recorded, updates = (num_steps, num_steps) if math.isfinite(value) else (at + 1, at)
    check_rates(got, rates(0.001, 0.1, num_steps)[:recorded], updates)
    check_losses(got, solution, 0.1, num_steps, seed=seed, **setup)


def test_training_mode(submission, solution):
    """At every step, the whole model is in training mode.

    Rules: training mode
    """
    for in_eval in (("", "0", "0.0", "0.1", "0.2", "1", "2"), ("0.1",), ("", "1")):
        seen = submission.modes(2, deep=True, in_eval=in_eval)
        assert len(seen) >= 2, f"the model was called {len(seen)} times in 2 steps"
        for i, modes in enumerate(seen):
            off = modes.count(False)
            assert not off, f"at call {i} of the model, {off} of its {len(modes)} modules are in evaluation mode"


NAMES = {
    "state dict": "the model's state dict",
    "training": "module.training of the submodules",
    "optimizer": "the optimizer's state (by parameter)",
    "groups": "the optimizer's param_groups",
}


def check_restored(got, solution, **setup):
    """Model, modes and optimizer are those that would be there without the test, bit for bit."""
    # The solution refuses lr_min = 0 before it touches anything.
    want = solution.aftermath(0.0, 1.0, 2, **setup)
    for part, value in want["left"].items():
        equal(got["left"][part], value, f"afterwards, {NAMES[part]}")
    for i, (one, other) in enumerate(zip(got["later"], want["later"], strict=True)):
        scale = float(other.abs().max()) + 1.0
        close(
            one,
            other,
            steps=ROUNDINGS_OF_A_STEP,
            scale=scale,
            what=f"when training goes on after the test, parameter {i}",
        )


SETUPS = st.fixed_dictionaries(
    {
        "optimizer": OPTIMIZERS,
        "deep": st.booleans(),
        "groups": pick(1, 2),
        "frozen": st.booleans(),
        "before": pick(0, 1),
        "in_eval": pick((), ("",), ("0",)),
        "loader": pick("list", "iterable", "dataloader"),
        "dtype": dtypes(),
    }
)
TRAINED = {"optimizer": "momentum", "groups": 2, "before": 1, "in_eval": ("0",)}
DEEP = {"optimizer": "adam", "deep": True, "groups": 2, "before": 1, "in_eval": ("0.1",)}
ENDS_EARLY = {"optimizer": "adam", "deep": True, "before": 1, "in_eval": ("", "1"), "offset": (1, math.nan)}


@given(seed=SEEDS, num_steps=STEPS, lr_max=st.floats(0.01, 10.0), setup=SETUPS)
@example(seed=0, num_steps=2, lr_max=0.1, setup={"optimizer": "momentum"})
@example(seed=0, num_steps=2, lr_max=0.1, setup=TRAINED)
@example(seed=0, num_steps=2, lr_max=1.0, setup=DEEP)
@example(seed=0, num_steps=3, lr_max=1.0, setup={**ENDS_EARLY, "frozen": True})
@example(seed=0, num_steps=2, lr_max=0.1, setup={"tested": True})
def test_restored(submission, solution, seed, num_steps, lr_max, setup):
    """Afterwards the model, its modes and the optimizer are as they were, and training goes on as without the test.

    Rules: restored
    Weight: 2
    Examples: 1
    """
    got = submission.aftermath(0.001, lr_max, num_steps, seed=seed, **setup)
    assert got["raised"] == "nothing", f"the test raised {got['raised']}"
    check_restored(got, solution, seed=seed, **setup)


@given(seed=SEEDS, fails=FAILURES, setup=SETUPS)
@example(seed=0, fails={"where": "loss", "at": 1, "kind": "RuntimeError"}, setup=DEEP)
@example(seed=0, fails={"where": "loss", "at": 1, "kind": "KeyboardInterrupt"}, setup=TRAINED)
@example(seed=0, fails={"where": "model", "at": 0, "kind": "ValueError"}, setup=TRAINED)
@example(seed=0, fails={"where": "backward", "at": 1, "kind": "RuntimeError"}, setup=TRAINED)
@example(seed=0, fails={"where": "step", "at": 0, "kind": "Unforeseen"}, setup=TRAINED)
@example(seed=0, fails={"where": "start", "at": 0, "kind": "RuntimeError"}, setup={**TRAINED, "loader": "iterable"})
@example(seed=0, fails={"where": "batch", "at": 1, "kind": "RuntimeError"}, setup={**TRAINED, "loader": "iterable"})
def test_restored_after_an_exception(submission, solution, seed, fails, setup):
    """An exception in model, loss, loader or optimizer reaches the caller, and leaves everything as it was.

    Rules: exceptions
    Weight: 2
    Examples: 1
    """
    if fails["where"] == "batch":
        setup = {**setup, "loader": "iterable"}
    setup = {**setup, "fails": fails}
    got = submission.aftermath(0.001, 0.1, 6, seed=seed, **setup)
    want = f"{fails['kind']}: failed on purpose"
    assert got["raised"] == want, f"{fails['where']} raised {want!r}, and what reached the caller is {got['raised']!r}"
    check_restored(got, solution, seed=seed, **setup)


REFUSED = (
    {"lr_min": 0.0},
    {"lr_min": -0.125},
    {"lr_min": 1.0},
    {"lr_min": 2.0},
    {"lr_min": math.nan},
    {"lr_max": math.nan},
    {"num_steps": 0},
    {"num_steps": -3},
    {"num_steps": 1},
    {"empty": True},
    {"empty": True, "loader": "iterable"},
)


def test_refused(submission, solution):
    """An lr_min not in (0, lr_max), fewer than 2 steps or an empty loader raise ValueError, and nothing is changed.

    Rules: refused
    """
    setup = {"optimizer": "momentum", "before": 1, "in_eval": ("",)}
    # All are asked for before one is judged: which of them are refused tells one mistake from another.
    answers = [
        submission.aftermath(**{"lr_min": 0.5, "lr_max": 1.0, "num_steps": 5, **setup, **case}) for case in REFUSED
    ]
    for case, got in zip(REFUSED, answers, strict=True):
        told = ", ".join(f"{name}={value!r}" for name, value in case.items())
        assert got["raised"] == "ValueError", (
            f"expected a ValueError for {told}, and what was raised is {got['raised']}"
        )
        check_restored(got, solution, **setup)


@st.composite
def curves(draw):
    """Learning rates that grow, and any losses."""
    loss = st.one_of(st.integers(0, 80).map(lambda eighths: eighths / 8), NOT_FINITE)
    losses = draw(st.lists(loss, min_size=1, max_size=8))
    start = draw(pick(1.0, 0.125, 3e-5))
    return [start * 1.5**i for i in range(len(losses))], losses


# No rate is ten times another: a suggestion made of the wrong one is not mistaken for one that is not a tenth.
FOUR = [0.001, 0.004, 0.02, 0.15]
CURVES = [
    (FOUR, [2.0, 1.0, 0.5, 2.5]),
    (FOUR, [1.0, 4.0, 4.125, 0.0]),
    (FOUR, [2.0, 5.0, 0.5, 1.0]),
    (FOUR, [4.0, 1.0, 4.5, 0.5]),
    (FOUR, [1.0, 2.0, 4.5, 1.0]),
    (FOUR, [1.0, 6.0, 1.0, 9.0]),
    (FOUR, [1.0, 2.0, 3.0, 0.125]),
    (FOUR, [1.0, 0.5, 2.0, 1.0]),
    (FOUR, [8.0, 4.0, 2.0, 1.0]),
    ([0.15, 0.02, 0.001, 0.004], [2.0, 1.0, 2.0, 1.5]),
    ([0.15, 0.02, 0.001, 0.004], [1.0, 2.0, 4.5, 1.0]),
    ([3e-7, 4e-7], [1.0, 5.0]),
    ([1.0], [2.0]),
]
# Among them losses that are not finite, or 0.
SPECIAL = [
    (FOUR, [1.0, math.nan, 0.5, 1.0]),
    (FOUR, [1.0, math.inf, 0.5, 1.0]),
    (FOUR, [1.0, -math.inf, 0.5, 1.0]),
    (FOUR, [math.nan, 1.0, 2.0, 8.0]),
    (FOUR, [math.inf, 8.0, 2.0, 1.0]),
    (FOUR, [0.0, 0.0, 0.0, 0.0]),
    (FOUR, [0.0, 0.0, 1e-12, 0.0]),
    (FOUR, [0.0, 1.0, math.nan, 2.0]),
    ([1.0], [math.nan]),
]
LONG = [float(i + 1) for i in range(200)], [200.0 - i % 150 for i in range(200)]


@given(curves=st.lists(curves(), min_size=4, max_size=4), kind=pick("list", "tuple", "array"))
@example(curves=CURVES, kind="list")
@example(curves=[*SPECIAL, LONG], kind="tuple")
def test_suggestion(submission, solution, curves, kind):
    """The suggestion is a tenth of the rate of the first loss that is not finite or over four times the least so far.

    Rules: suggestion, no divergence
    Examples: 1
    """
    answers = [submission.suggest(*curve, kind) for curve in curves]
    for (lrs, losses), got in zip(curves, answers, strict=True):
        assert got["is a float"], f"the suggestion is {got['suggestion']!r}, expected a float"
        close(got["suggestion"], solution.suggest(lrs, losses, kind)["suggestion"], steps=WITHIN, what="the suggestion")
        close(got["lrs"], lrs, steps=0, what="lrs afterwards")
        close(got["losses"], losses, steps=0, what="losses afterwards")


UNEQUAL = (([], []), ([0.1], []), ([], [1.0]), ([0.1, 1.0], [1.0]), ([0.1], [1.0, 2.0]), ([0.1, 1.0, 2.0], [1.0, 9.0]))


def test_unequal(submission, solution):
    """Sequences that are empty or of unequal lengths raise ValueError.

    Rules: unequal
    """
    for (lrs, losses), kind in zip(UNEQUAL, itertools.cycle(["list", "tuple"])):
        with raises(ValueError, f"for {len(lrs)} learning rates and {len(losses)} losses"):
            submission.suggest(lrs, losses, kind)


@given(seed=SEEDS)
def test_learning(submission, solution, seed):
    """A model trained at the suggested learning rate learns.

    Rules: learning
    Stands: both functions at work together, as they are used.
    Examples: 1
    """
    got = submission.train_as_suggested(6, seed=seed)
    want = solution.suggest(got["lrs"], got["tested"])["suggestion"]
    close(got["suggestion"], want, steps=WITHIN, what="the suggestion")
    first, last = got["losses"][0], got["losses"][-1]
    assert last < first / 4, (
        f"six epochs at the rate {got['suggestion']:.3g} took the loss from {first:.3g} to {last:.3g}"
    )
