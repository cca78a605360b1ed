"""Run one check on one submission, in a worker of its own, and say what happened; runs on our side."""

import difflib
import functools
import time
import traceback
from dataclasses import dataclass, replace
from typing import Any

from grader import diagnosis, launch
from grader.examples import run_check
from grader.exercise import Check, Exercise
from grader.harmless import harmless
from grader.limits import Clock, Limits, Lost
from grader.result import CheckResult
from grader.sandbox import Load, Worker
from grader.show import raised_text
from grader.side import Raised, Side, local, remembered
from grader.submission import Submission

IMPORTS = "imports"
_MOST_COMPARED = 1000


@dataclass(frozen=True)
class Bench:
    """One submission beside one exercise; of the checks that fail, `explained` (None: all) are told in full."""

    exercise: Exercise
    submission: Submission
    source: launch.Source
    limits: Limits
    seed: int
    clock: Clock
    explained: frozenset[str] | None = None

    @property
    def load(self) -> Load:
        """What each check's worker is told."""
        return Load(
            name=self.exercise.name,
            filename=self.submission.filename,
            submission=self.submission.text,
            probes=self.exercise.source("probes"),
        )


def run_imports(bench: Bench) -> tuple[CheckResult, Worker | None]:
    """The first check of every exercise: the file runs, and defines the entry points.

    The worker of a file that does so is still there, and may serve the next check: nothing has been called yet. What
    was taken out of a notebook is part of this check's message, passed or not, rather than of the output: that is the
    submission's own voice, which could tell of cells that there are not.
    """
    started = time.perf_counter()
    names = bench.exercise.entry_points
    blank = CheckResult(IMPORTS, f"The file imports and defines {_listed(names)}.", 0.0, "pass")
    if bench.submission.fault:
        return replace(blank, status="fail", message=harmless(bench.submission.fault)), None
    worker = Worker(bench.source, bench.limits, bench.load, bench.clock)
    try:
        found = _loaded(blank, worker.loaded(), names, bench.submission)
    except Lost as lost:
        found = replace(blank, status=lost.status, message=lost.message)  # type: ignore[arg-type]  # one of Status
    if found.status != "pass":
        worker.end()
    message = "\n".join([*([found.message] if found.message else []), *map(harmless, bench.submission.notes)])
    return replace(found, message=message, seconds=_since(started)), worker


def _loaded(blank: CheckResult, reply: dict[str, Any], names: list[str], read: Submission) -> CheckResult:
    if "raised" in reply:
        return replace(blank, **_failure(Raised.of(reply["raised"]), read))
    if not isinstance(reply["value"], list):
        raise Lost("crash", "the answer was not one that the worker gives: something else wrote to its channel")
    defined = [str(name) for name in reply["value"]]
    absent = [name for name in names if name not in defined]
    if not absent:
        return blank
    near = {name: difflib.get_close_matches(name, defined[:_MOST_COMPARED], n=1) for name in absent}
    hints = [f"; {found[0]} is there: did you mean {name}?" for name, found in near.items() if found]
    return replace(
        blank, status="fail", message=harmless(f"the file does not define {_listed(absent)}{''.join(hints)}")
    )


def run_one(bench: Bench, check: Check, fresh: Worker | None = None) -> tuple[CheckResult, Worker | None]:
    """One check, in a worker of its own, `fresh` or new; it has then ended, and knows what was printed."""
    started = time.perf_counter()
    blank = CheckResult(check.name, check.claim, check.weight, "pass")
    worker = fresh or Worker(bench.source, bench.limits, bench.load, bench.clock)
    probes = bench.exercise.part("probes")
    known = _known(bench.exercise.source("solution"), bench.exercise.source("probes"))
    solution = Side(remembered(local(bench.exercise.part("solution"), probes), known), probes)
    ask = functools.partial(ask_worker, worker)
    side = Side(ask, probes)
    try:
        with worker:
            reply = worker.loaded()
            if "raised" in reply:
                raise Raised.of(reply["raised"])
            in_full = bench.explained is None or check.name in bench.explained
            failure = run_check(check, side, solution, bench.seed, shrink=in_full)
            done = diagnosis.explain(bench, check, blank, ask, side, failure, in_full) if failure else blank
    except Lost as lost:
        done = replace(blank, status=lost.status, message=lost.message)  # type: ignore[arg-type]  # one of Status
    except Raised as error:
        done = replace(blank, **_failure(error, bench.submission))
    except Exception:
        done = replace(blank, status="error", message=harmless(traceback.format_exc()))
    return replace(done, seconds=_since(started)), worker


@functools.lru_cache(maxsize=4)
def _known(solution: str, probes: str) -> dict[bytes, Any]:
    """The solution's answers so far in this process: regrading a submission does not compute them again."""
    return {}


def ask_worker(worker: Worker, call: Any) -> Any:
    """The worker's answer to a call; raises what the submission raised, and Lost."""
    reply = worker.ask(call.as_data())
    if "raised" in reply:
        error = Raised.of(reply["raised"])
        if diagnosis.is_memory(error):
            raise Lost(
                "memory", f"one call wanted more memory than the {worker.limits.memory_bytes >> 20} MiB it may use"
            )
        raise error
    return reply["value"]


def _failure(error: Raised, read: Submission) -> dict[str, Any]:
    status = "memory" if diagnosis.is_memory(error) else "fail"
    return {"status": status, "message": harmless(raised_text(error, read.place))}


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
