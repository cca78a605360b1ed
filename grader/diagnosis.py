"""Say why a check failed: whose fault it is, the call that shows it, the rule it breaks, the mistake it looks like."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

from grader import ban, show, stub
from grader.calls import Call
from grader.compare import alike, alike_in_words
from grader.examples import Failure, gather, run_check
from grader.exercise import Check, Exercise, Mistake
from grader.harmless import harmless
from grader.limits import Lost
from grader.modules import module
from grader.result import CheckResult, Counterexample, Misconception
from grader.side import Answer, Ask, Raised, Side, local

if TYPE_CHECKING:
    from grader.bench import Bench

_MOST_REPLAYED = 24
_MOST_QUOTED = 2
_LONGEST = 4000
_NO_MEMORY = ("DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory")


def is_memory(error: Raised) -> bool:
    """Whether the submission ran out of memory."""
    return "MemoryError" in error.info["kinds"] or any(text in error.info["message"] for text in _NO_MEMORY)


def is_unfilled(error: BaseException) -> bool:
    """Whether the submission came to a part of the stub that is still to be written."""
    return isinstance(error, Raised) and error.info["message"].startswith(stub.FILL_IN)


def explain(
    bench: "Bench", check: Check, blank: CheckResult, ask: Ask, side: Side, failure: Failure, in_full: bool
) -> CheckResult:
    """The check's result: a failure, with its counterexample and its likeness if `in_full`; an error if it is ours."""
    if not _is_theirs(bench, check, failure):
        return replace(blank, status="error", message=harmless(f"the check itself failed: {failure.error!r}"))
    failed = replace(blank, status="fail", message=harmless(_message(bench, check, failure)))
    if not in_full or is_unfilled(failure.error):
        return failed
    reference = _Reference(bench.exercise, was_refused=type(failure.error).__name__ == ban.NotAllowed.__name__)
    return replace(
        failed,
        counterexample=_counterexample(bench, side.record[failure.start : failure.end], reference),
        misconception=_misconception(bench, check, ask, side.record, reference),
    )


class _Reference:
    """The outcomes of known implementations, run in this process.

    Where the submission was refused an operator, the implementations are as well.
    """

    def __init__(self, exercise: Exercise, was_refused: bool) -> None:
        self._probes = exercise.part("probes")
        self._banned = exercise.banned if was_refused else ()
        self._solution = local(exercise.part("solution"), self._probes)

    def outcome(self, call: Call) -> Any:
        """What the solution answers or raises."""
        return self._outcome(self._solution, call)

    def outcomes_of(self, mistake: Mistake) -> Callable[[Call], Any]:
        """What a mistaken submission answers; it may fail to import."""
        try:
            ask = local(module(f"exercise.mistake.{mistake.name}", f"{mistake.name}.py", mistake.source), self._probes)
        except Exception as error:
            failed = error
            return lambda _: failed
        return lambda call: self._outcome(ask, call)

    def probe(self, name: str) -> Any:
        """The probe of that name."""
        return getattr(self._probes, name)

    def _outcome(self, ask: Ask, call: Call) -> Any:
        try:
            with _Refusing(self._banned) if self._banned else nullcontext():
                return ask(call)
        except Exception as error:
            return error


class _Refusing(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Raise at banned operators: enough to see what the kit's own mistakes would do in a worker."""

    def __init__(self, banned: tuple[str, ...]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self._banned = banned

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if ban.holding(self._banned, [name.partition("::")[2]]):
            raise ban.NotAllowed(ban.refusal(name))
        return func(*args, **(kwargs or {}))


def _is_theirs(bench: "Bench", check: Check, failure: Failure) -> bool:
    """Assertions and what the submission raised are its fault; anything else is, if the solution passes the check."""
    if isinstance(failure.error, (AssertionError, Raised)):
        return True
    probes = bench.exercise.part("probes")
    sides = [Side(local(bench.exercise.part("solution"), probes), probes) for _ in range(2)]
    return run_check(bench.exercise.check(check.name), sides[0], sides[1], bench.seed) is None


def _message(bench: "Bench", check: Check, failure: Failure) -> str:
    error = failure.error
    if isinstance(error, Raised):
        text = show.raised_text(error, bench.submission.place)
        if is_unfilled(error):
            return text
    elif isinstance(error, AssertionError):
        text = _shortened(str(error)) or check.claim
    else:
        text = _shortened(f"the answer could not be used: {type(error).__name__}: {error}")
    return "\n".join([text, *_quoted(bench.exercise, check)])


def _quoted(exercise: Exercise, check: Check) -> list[str]:
    """The rules that a check enforces, the first ones in full: its author names the closest first."""
    rules = [name for name in check.rules if name in exercise.rules]
    quoted = [f"The contract ({name}): {exercise.rules[name]}" for name in rules[:_MOST_QUOTED]]
    more = ", ".join(rules[_MOST_QUOTED:])
    return [*quoted, f"The contract says more under: {more}"] if more else quoted


def _shortened(text: str) -> str:
    """A message that quotes the answer, which may be of any length."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _counterexample(bench: "Bench", record: list[Answer], reference: _Reference) -> Counterexample | None:
    """The example's first call whose answer is not the solution's; if all agree, its last."""
    if not record:
        return None
    shown = next((one for one in record if not alike(one.outcome, reference.outcome(one.call))), record[-1])
    expected, got = show.difference(reference.outcome(shown.call), shown.outcome)
    got = harmless(got)
    return Counterexample(
        call=show.call_text(shown.call, reference.probe(shown.call.probe)),
        expected=expected,
        got=got,
        reproduce=show.reproduction(
            shown.call, bench.submission.filename, bench.exercise.source("probes"), expected, got
        ),
    )


def _misconception(
    bench: "Bench", check: Check, ask: Ask, record: list[Answer], reference: _Reference
) -> Misconception | None:
    """The known mistake that gives every wrong answer that the submission gives, and most of its right ones.

    Evidence is what failed and all of the check's examples: on the smallest alone, different mistakes agree.
    """
    evidence = [*record, *_all_answers(bench, check, ask)]
    is_wrong = [not alike(answer.outcome, reference.outcome(answer.call)) for answer in evidence]
    wrong = _spread([answer for answer, is_one in zip(evidence, is_wrong, strict=True) if is_one])
    right = _spread([answer for answer, is_one in zip(evidence, is_wrong, strict=True) if not is_one])
    best, most = None, -1
    for mistake in sorted(bench.exercise.mistakes.values(), key=lambda mistake: mistake.check != check.name):
        outcome = reference.outcomes_of(mistake)
        if wrong and all(alike_in_words(answer.outcome, outcome(answer.call)) for answer in wrong):
            agreed = sum(alike(answer.outcome, outcome(answer.call)) for answer in right)
            if agreed > most:
                best, most = Misconception(mistake.name, mistake.says), agreed
            if agreed == len(right):
                break
    return best


def _all_answers(bench: "Bench", check: Check, ask: Ask) -> list[Answer]:
    probes = bench.exercise.part("probes")
    side = Side(ask, probes)
    solution = Side(local(bench.exercise.part("solution"), probes), probes)
    try:
        gather(bench.exercise.check(check.name), side, solution, bench.seed)
    except (Lost, Exception):
        return side.record
    return side.record


def _spread(answers: list[Answer]) -> list[Answer]:
    """Some of many, from the first to the last."""
    step = max(1, -(-len(answers) // _MOST_REPLAYED))
    return answers[::step]
