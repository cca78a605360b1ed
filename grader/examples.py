"""Run one check with Hypothesis: fixed settings, a record of where each example starts, a bound on shrinking."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.internal.conjecture import providers

from grader.exercise import Check
from grader.side import Side

MOST_AFTER_FAILURE = 120


@dataclass(frozen=True)
class Failure:
    """How a check failed in its smallest example, and where that example's calls are in the submission's record."""

    error: Exception
    start: int
    end: int


class _Enough(BaseException):
    """Shrinking has gone on for long enough; counted, not timed, so that every run ends alike."""


class _Examples:
    """The last example that failed, and how many have run since the first did; with `go_on` all are run."""

    def __init__(self, side: Side, go_on: bool = False, most_after_failure: int = MOST_AFTER_FAILURE) -> None:
        self._side = side
        self._go_on = go_on
        self._most_after_failure = most_after_failure
        self._after = 0
        self.failure: Failure | None = None

    def watched(self, function: Any) -> Any:
        """The function, with each of its runs seen here."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            self._run(function, *args, **kwargs)

        return run

    def _run(self, function: Any, *args: Any, **kwargs: Any) -> None:
        start = len(self._side.record)
        if self.failure and not self._go_on:
            self._after += 1
            if self._after > self._most_after_failure:
                raise _Enough
        try:
            function(*args, **kwargs)
        except Exception as error:
            if not type(error).__module__.startswith("hypothesis"):
                self.failure = Failure(error, start, len(self._side.record))
                if self._go_on:
                    return
            raise


def run_check(check: Check, submission: Side, solution: Side, seed: int, shrink: bool = True) -> Failure | None:
    """The check's failure, in its smallest example if it is to `shrink`, or None.

    Raises Lost, and what is wrong with the check itself.
    """
    examples = _Examples(submission, most_after_failure=MOST_AFTER_FAILURE if shrink else 0)
    try:
        _run(check, examples, submission, solution, seed)
    except _Enough:
        return examples.failure
    except Exception:
        if examples.failure is None:
            raise
    return examples.failure


def gather(check: Check, submission: Side, solution: Side, seed: int) -> None:
    """Run all of the check's examples, whatever fails: the submission's record is then evidence of what it does."""
    _run(check, _Examples(submission, go_on=True), submission, solution, seed)


def _run(check: Check, examples: _Examples, submission: Side, solution: Side, seed: int) -> None:
    function: Any = check.function
    if not hasattr(function, "hypothesis"):
        examples.watched(function)(submission, solution)
        return
    test = examples.watched(function.hypothesis.inner_test)
    _run_explicit(function, functools.partial(test, submission, solution))
    function.hypothesis.inner_test = test
    with _no_local_constants():
        hypothesis.seed(seed)(_settings(check.examples)(function))(submission, solution)


def _run_explicit(function: Any, test: Callable[..., None]) -> None:
    """The cases of `@example`, one by one: Hypothesis would write out each as text first, passed or not."""
    for case in reversed(getattr(function, "hypothesis_explicit_examples", ())):
        with contextlib.suppress(UnsatisfiedAssumption):
            test(*case.args, **case.kwargs)


def _settings(examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        database=None,
        deadline=None,
        max_examples=examples,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def _no_local_constants() -> Iterator[None]:
    """Keep Hypothesis from drawing constants of whatever modules are loaded: cases depend on the seed alone."""
    original = getattr(providers, "_get_local_constants", None)
    if original is None:
        yield
        return
    empty = providers.Constants()  # type: ignore[attr-defined]  # what the original returns when it finds none
    providers._get_local_constants = lambda: empty
    try:
        yield
    finally:
        providers._get_local_constants = original
