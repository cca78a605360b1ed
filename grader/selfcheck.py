"""Prove the house rules of exercises by grading their own right and wrong submissions; runs on our side."""

import ast
import concurrent.futures
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from grader.bench import IMPORTS
from grader.exercise import DIFFICULTIES, Exercise, exercises, find
from grader.judge import Grading
from grader.result import Result
from grader.submission import Submission

RIGHT_VARIANTS, WRONG_VARIANTS, HINTS = 5, 15, 3
_STUB, _SOLUTION, _RIGHT, _WRONG, _TRIVIAL = "stub", "solution", "right", "wrong", "trivial"


@dataclass(frozen=True)
class Job:
    """One submission of an exercise's own, to be graded with one seed."""

    exercise: str
    kind: str
    name: str
    seed: int
    twice: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a result, or for the trivial answers the sentences about those accepted."""

    job: Job
    result: Result | None
    accepted: tuple[str, ...]
    seconds: float
    is_steady: bool = True


@dataclass(frozen=True)
class Row:
    """One exercise's line of the table, and what it breaks of the house rules."""

    exercise: str
    checks: int
    right: tuple[int, int]
    caught: tuple[int, int]
    named: tuple[int, int]
    seconds: float
    findings: tuple[str, ...]


def selfcheck(names: list[str], seeds: int, twice: bool = False, processes: int | None = None) -> Iterator[Row]:
    """A row for each exercise, in order; variants are graded in parallel, in warm processes.

    With `twice` each is graded two times, and told in full, to see that the results are equal.
    """
    jobs = [job for name in names for job in jobs_of(find(name), seeds, twice)]
    count = max(1, min(processes or os.cpu_count() or 1, len(jobs)))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(count, mp_context=context) as pool:
        pending = {name: [pool.submit(run, job) for job in jobs if job.exercise == name] for name in names}
        for name, futures in pending.items():
            yield row(find(name), [future.result() for future in futures])


def jobs_of(exercise: Exercise, seeds: int, twice: bool = False) -> list[Job]:
    """Everything of an exercise that has to be graded."""
    kinds = [(_STUB, ""), (_SOLUTION, ""), (_TRIVIAL, "")]
    kinds += [(_RIGHT, name) for name in exercise.right] + [(_WRONG, name) for name in exercise.mistakes]
    return [Job(exercise.name, kind, name, seed, twice) for seed in range(seeds) for kind, name in kinds]


def run(job: Job) -> Outcome:
    """Grade one job's submission."""
    started = time.perf_counter()
    exercise = find(job.exercise)
    if job.kind == _TRIVIAL:
        from grader.trivial import accepted

        found = tuple(accepted(exercise, job.seed))
        return Outcome(job, None, found, time.perf_counter() - started)
    text = _text(exercise, job)
    read = Submission(f"{job.kind} {job.name}".strip(), f"{exercise.name}.py", "", text)
    results = [_graded(exercise, read, job) for _ in range(1 + job.twice)]
    is_steady = results[0].timeless() == results[-1].timeless()
    return Outcome(job, results[0], (), time.perf_counter() - started, is_steady)


def _graded(exercise: Exercise, read: Submission, job: Job) -> Result:
    """The job's result; of a misconception, seeds after the first run and tell only the check that is meant for it."""
    if job.twice or job.kind != _WRONG:
        return Grading(exercise, read, seed=job.seed).result()
    meant = exercise.mistakes[job.name].check
    grading = Grading(exercise, read, seed=job.seed, explained=frozenset({meant}))
    if not job.seed or meant not in grading.names:
        return grading.result()
    grading.check(meant)
    grading.close()
    return grading.result_so_far()


def row(exercise: Exercise, outcomes: list[Outcome]) -> Row:
    """The exercise's line of the table."""
    right = [_passed(outcome) for outcome in outcomes if outcome.job.kind in (_SOLUTION, _RIGHT)]
    wrong = [outcome for outcome in outcomes if outcome.job.kind == _WRONG]
    return Row(
        exercise=exercise.name,
        checks=len(exercise.checks()),
        right=(sum(right), len(right)),
        caught=(sum(not _passed(outcome) for outcome in wrong), len(wrong)),
        named=(sum(_is_named(exercise, outcome) for outcome in wrong), len(wrong)),
        seconds=sum(outcome.seconds for outcome in outcomes),
        findings=tuple(findings(exercise, outcomes)),
    )


def findings(exercise: Exercise, outcomes: list[Outcome]) -> list[str]:
    """What the exercise breaks of the house rules; empty for one that may ship."""
    return [*form(exercise), *_judged(exercise, outcomes), *_needless(exercise, outcomes)]


def form(exercise: Exercise) -> Iterator[str]:
    """The rules that need no grading: a current stub, rules and checks that name each other, enough of everything."""
    if not exercise.stub_path.exists() or exercise.stub_path.read_text(encoding="utf-8") != exercise.derived_stub():
        yield f"the stub is not the one derived from the solution: run `python -m grader stub {exercise.name}`"
    checks = exercise.checks()
    cited = {rule for check in checks for rule in check.rules}
    yield from (f"the rule {rule!r} has no check" for rule in exercise.rules if rule not in cited)
    yield from (f"a check cites {rule!r}, which is no rule of the stub" for rule in cited - set(exercise.rules))
    yield from (f"the check {check.name} cites no rule" for check in checks if not check.rules)
    yield from (f"the check {check.name} makes no claim" for check in checks if not check.claim)
    yield from (f"line {line} of checks.py asserts without a message" for line in _bare_asserts(exercise))
    yield from _place(exercise)
    names = {check.name for check in checks}
    for mistake in exercise.mistakes.values():
        if mistake.check not in names:
            yield f"the misconception {mistake.name!r} is meant for {mistake.check!r}, which is no check"
    if len(exercise.right) < RIGHT_VARIANTS:
        yield f"there are {len(exercise.right)} right variants; {RIGHT_VARIANTS} are asked for"
    if len(exercise.mistakes) < WRONG_VARIANTS:
        yield f"there are {len(exercise.mistakes)} misconceptions; {WRONG_VARIANTS} are asked for"
    if len(exercise.hints) != HINTS or not all(exercise.hints):
        yield f"hints.md has {len(exercise.hints)} rungs; {HINTS} are asked for"


def _bare_asserts(exercise: Exercise) -> list[int]:
    tree = ast.parse(exercise.source("checks"))
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert) and node.msg is None]


def _place(exercise: Exercise) -> Iterator[str]:
    """Whether its place in the course makes sense beside the others'."""
    try:
        place = exercise.place
    except ValueError as error:
        yield str(error)
        return
    if place.difficulty not in DIFFICULTIES or not place.summary:
        yield f"exercise.toml has to give a difficulty of {', '.join(map(str, DIFFICULTIES))} and a summary"
    others = {name: other.place for name, other in exercises().items() if name != exercise.name}
    same = [name for name, other in others.items() if other.order == place.order]
    yield from (f"exercise.toml gives the order of {name}, {place.order}" for name in same)
    for name in place.needs:
        if name not in others or others[name].order >= place.order:
            yield f"exercise.toml needs {name!r}, which is no exercise that comes before"


def _judged(exercise: Exercise, outcomes: list[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        job, where = outcome.job, f"{outcome.job.kind} {outcome.job.name} (seed {outcome.job.seed})".replace("  ", " ")
        yield from (f"{where}: {sentence}" for sentence in outcome.accepted)
        if outcome.result is None:
            continue
        if not outcome.is_steady:
            yield f"{where}: two gradings with the same seed differ"
        failed = [f"{check.name} ({check.status}): {check.message}" for check in outcome.result.failed]
        if outcome.result.verdict == "error":
            yield f"{where}: the grader failed in {failed[0]}"
        elif job.kind in (_SOLUTION, _RIGHT) and not _passed(outcome):
            yield f"{where} is rejected by {failed[0]}"
        elif job.kind == _STUB and (_passed(outcome) or failed[0].startswith(IMPORTS)):
            yield f"{where} has to import and fail; it ends with {failed or 'a pass'}"
        elif job.kind == _WRONG:
            yield from (f"{where} {trouble}" for trouble in _misjudged(exercise, outcome.result, job))


def _misjudged(exercise: Exercise, result: Result, job: Job) -> Iterator[str]:
    meant = exercise.mistakes[job.name].check
    if result.verdict == "pass":
        yield f"passes; it is meant to fail at {meant}"
        return
    check = next((check for check in result.checks if check.name == meant), None)
    if check is None or check.status in ("pass", "not_run"):
        yield f"is meant to fail at {meant}, and fails at {', '.join(failed.name for failed in result.failed)}"
    elif check.misconception is None or check.misconception.name != job.name:
        yield f"is named {check.misconception.name if check.misconception else 'nothing'} at {meant}"


def _needless(exercise: Exercise, outcomes: list[Outcome]) -> Iterator[str]:
    """Checks that catch nothing which no earlier one catches, and do not say why they stand."""
    firsts = {
        outcome.result.failed[0].name
        for outcome in outcomes
        if outcome.job.kind == _WRONG and not outcome.job.seed and outcome.result and outcome.result.failed
    }
    for check in exercise.checks():
        if check.name not in firsts and not check.stands:
            yield f"the check {check.name} catches no misconception that the checks before it let through"


def _text(exercise: Exercise, job: Job) -> str:
    if job.kind == _STUB:
        return exercise.derived_stub()
    if job.kind == _SOLUTION:
        return exercise.source("solution")
    return exercise.right[job.name] if job.kind == _RIGHT else exercise.mistakes[job.name].source


def _passed(outcome: Outcome) -> bool:
    return outcome.result is not None and outcome.result.verdict == "pass"


def _is_named(exercise: Exercise, outcome: Outcome) -> bool:
    return outcome.result is not None and not list(_misjudged(exercise, outcome.result, outcome.job))
