"""Grade one submission: run an exercise's checks on it, and say what happened as a value; runs on our side."""

import difflib
import functools
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from grader import __version__, diagnosis, launch, result, submission
from grader.calls import kept_generators
from grader.eager import hold_off_compiler
from grader.examples import run_check
from grader.exercise import Check, Exercise, find
from grader.result import CheckResult, Result
from grader.sandbox import Clock, Limits, Load, Lost, Worker
from grader.show import harmless, raised_text
from grader.side import Raised, Side, local

SandboxMode = Literal["auto", "require", "off"]
OnCheck = Callable[[CheckResult], None]
IMPORTS = "imports"
_OUTPUT = 4000


class NoSandbox(RuntimeError):
    """A sandbox was required, and this system has none."""


@dataclass(frozen=True)
class Bench:
    """One submission beside one exercise, ready for checks."""

    exercise: Exercise
    submission: submission.Submission
    source: launch.Source
    limits: Limits
    seed: int
    clock: Clock

    @property
    def load(self) -> Load:
        """What each check's worker is told."""
        return Load(
            name=Path(self.submission.filename).stem,
            filename=self.submission.filename,
            submission=self.submission.text,
            probes=self.exercise.source("probes"),
            banned=self.exercise.banned,
        )


def grade(
    name: str,
    path: str | Path,
    *,
    seed: int = 0,
    sandbox: SandboxMode = "auto",
    limits: Limits | None = None,
    on_check: OnCheck | None = None,
) -> Result:
    """Grade the file at `path` as a submission for exercise `name`.

    Raises Unknown (no such exercise), Unreadable (no such file) and NoSandbox (`sandbox="require"`, and none is to
    be had). `on_check` is called with each check's result as soon as it is known.
    """
    exercise = find(name)
    read = submission.read(str(path))
    return grade_text(exercise, read, seed=seed, sandbox=sandbox, limits=limits, on_check=on_check)


def grade_text(
    exercise: Exercise,
    read: submission.Submission,
    *,
    seed: int = 0,
    sandbox: SandboxMode = "auto",
    limits: Limits | None = None,
    on_check: OnCheck | None = None,
) -> Result:
    """Grade a submission that has been read; raises NoSandbox."""
    hold_off_compiler()
    started = time.perf_counter()
    source = launch.source(confined=sandbox != "off")
    if sandbox == "require" and source.sandbox == "none":
        raise NoSandbox("this system offers no sandbox for the submission, and --sandbox require was given")
    limits = limits or Limits()
    bench = Bench(exercise, read, source, limits, seed, Clock(limits.total_seconds))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with kept_generators():
            checks, output = _run(bench, on_check or _ignore)
    finally:
        torch.set_num_threads(threads)
    return Result(
        exercise=exercise.name,
        submission=read.path,
        sha256=read.sha256,
        verdict=result.verdict(checks),
        score=result.score(checks),
        seed=seed,
        seconds=round(time.perf_counter() - started, 4),
        versions=versions(),
        sandbox=source.sandbox,
        checks=checks,
        output=output,
    )


def versions() -> dict[str, str]:
    """What the verdict may depend on, besides the submission and the seed."""
    return {
        "grader": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _ignore(_: CheckResult) -> None:
    return None


def _run(bench: Bench, on_check: OnCheck) -> tuple[tuple[CheckResult, ...], str]:
    """Every check in order, and what the submission printed; a failed base check takes the later ones with it."""
    checks: list[CheckResult] = []
    printed: list[Worker] = []
    missing = ""
    for pending in [None, *bench.exercise.checks()]:
        done, worker = _not_run(pending, missing) if pending and missing else _one(bench, pending)
        if worker:
            printed.append(worker)
        if done.status not in ("pass", "not_run") and (pending is None or pending.is_base):
            missing = f"not run, because the check {done.name} has to pass first"
        if not missing and bench.clock.is_over:
            missing = f"not run, because the checks before used up the {bench.limits.total_seconds:g} seconds of a grading"
        checks.append(done)
        on_check(done)
    bench.source.settle()
    return tuple(checks), _printed(bench, [worker.output for worker in printed])


def _one(bench: Bench, check: Check | None) -> tuple[CheckResult, Worker | None]:
    return _check(bench, check) if check else _imports(bench)


def _printed(bench: Bench, outputs: list[str]) -> str:
    """What the import printed, which every check repeats, and what the first check that printed more did."""
    first = outputs[0] if outputs else ""
    more = next((text.removeprefix(first) for text in outputs[1:] if text != first), "")
    text = harmless(first + more).replace(bench.source.scratch, "~")
    return text if len(text) <= _OUTPUT else f"{text[:_OUTPUT]}\n… (more was printed)"


def _imports(bench: Bench) -> tuple[CheckResult, Worker | None]:
    """The first check of every exercise: the file runs, and defines the entry points."""
    started = time.perf_counter()
    names = bench.exercise.entry_points
    blank = CheckResult(IMPORTS, f"The file imports and defines {_listed(names)}.", 0.0, "pass")
    if bench.submission.fault:
        return replace(blank, status="fail", message=bench.submission.fault), None
    worker = Worker(bench.source, bench.limits)
    try:
        with worker:
            found = _loaded(blank, worker.load(bench.load), names, bench.submission.filename)
    except Lost as lost:
        found = replace(blank, status=lost.status, message=lost.message)  # type: ignore[arg-type]  # one of Status
    return replace(found, seconds=_since(started)), worker


def _loaded(blank: CheckResult, reply: dict[str, Any], names: list[str], filename: str) -> CheckResult:
    if "raised" in reply:
        return replace(blank, **_failure(Raised.of(reply["raised"]), filename))
    defined = [str(name) for name in reply["value"]]
    absent = [name for name in names if name not in defined]
    if not absent:
        return blank
    near = {name: difflib.get_close_matches(name, defined, n=1) for name in absent}
    hints = [f"; {found[0]} is there: did you mean {name}?" for name, found in near.items() if found]
    return replace(blank, status="fail", message=harmless(f"the file does not define {_listed(absent)}{''.join(hints)}"))


def _check(bench: Bench, check: Check) -> tuple[CheckResult, Worker | None]:
    """One check, in a worker of its own; the worker has ended, and knows what was printed."""
    started = time.perf_counter()
    blank = CheckResult(check.name, check.claim, check.weight, "pass")
    worker = Worker(bench.source, bench.limits)
    probes = bench.exercise.part("probes")
    solution = Side(local(bench.exercise.part("solution"), probes), probes)
    ask = functools.partial(_ask, worker)
    side = Side(ask, probes)
    try:
        with worker:
            reply = worker.load(bench.load)
            if "raised" in reply:
                raise Raised.of(reply["raised"])
            failure = run_check(check, side, solution, bench.seed)
            done = diagnosis.explain(bench, check, blank, ask, side, failure) if failure else blank
    except Lost as lost:
        done = replace(blank, status=lost.status, message=lost.message)  # type: ignore[arg-type]  # one of Status
    except Raised as error:
        done = replace(blank, **_failure(error, bench.submission.filename))
    except Exception:
        done = replace(blank, status="error", message=traceback.format_exc())
    return replace(done, seconds=_since(started)), worker


def _ask(worker: Worker, call: Any) -> Any:
    reply = worker.ask(call.as_data())
    if "raised" in reply:
        error = Raised.of(reply["raised"])
        if diagnosis.is_memory(error):
            raise Lost("memory", f"one call wanted more memory than the {worker.limits.memory_bytes >> 20} MiB it may use")
        raise error
    return reply["value"]


def _failure(error: Raised, filename: str) -> dict[str, Any]:
    status = "memory" if diagnosis.is_memory(error) else "fail"
    return {"status": status, "message": harmless(raised_text(error, filename))}


def _not_run(check: Check, why: str) -> tuple[CheckResult, None]:
    return CheckResult(check.name, check.claim, check.weight, "not_run", why), None


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
