"""Grade one submission: run an exercise's checks on it, and say what happened as a value; runs on our side."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from grader import __version__, launch, result, submission
from grader.bench import IMPORTS, Bench, run_imports, run_one
from grader.calls import kept_generators
from grader.eager import hold_off_compiler
from grader.exercise import Check, Exercise, find
from grader.harmless import harmless, inert
from grader.limits import Clock, Limits
from grader.result import CheckResult, Result
from grader.sandbox import Worker
from grader.submission import Submission

SandboxMode = Literal["auto", "require", "off"]
OnCheck = Callable[[CheckResult], None]
_OUTPUT = 4000


class NoSandbox(RuntimeError):
    """A sandbox was required, and this system has none."""


def grade(
    name: str,
    path: str | Path,
    *,
    seed: int = 0,
    sandbox: SandboxMode = "auto",
    limits: Limits | None = None,
    on_check: OnCheck | None = None,
) -> Result:
    """Grade the file at `path`, Python or a notebook, as a submission for exercise `name`.

    Raises Unknown (no such exercise), Unreadable (no such file) and NoSandbox (`sandbox="require"`, and none is to
    be had). `on_check` is called with each check's result as soon as it is known.
    """
    exercise = find(name)
    read = submission.read(str(path), exercise.entry_points)
    return grade_text(exercise, read, seed=seed, sandbox=sandbox, limits=limits, on_check=on_check)


def grade_text(
    exercise: Exercise,
    read: Submission,
    *,
    seed: int = 0,
    sandbox: SandboxMode = "auto",
    limits: Limits | None = None,
    on_check: OnCheck | None = None,
) -> Result:
    """Grade a submission that has been read; raises NoSandbox."""
    grading = Grading(exercise, read, seed=seed, sandbox=sandbox, limits=limits)
    for name in grading.names:
        done = grading.check(name)
        if on_check:
            on_check(done)
    return grading.result()


class Grading:
    """One submission's grading, check by check; a failed base check takes the later ones with it.

    Failures of the checks named in `explained` are told in full (None: of all). Raises NoSandbox when `sandbox` is
    "require" and the system has none.
    """

    def __init__(
        self,
        exercise: Exercise,
        read: Submission,
        *,
        seed: int = 0,
        sandbox: SandboxMode = "auto",
        limits: Limits | None = None,
        explained: frozenset[str] | None = None,
    ) -> None:
        hold_off_compiler()
        source = launch.source(confined=sandbox != "off", banned=exercise.banned)
        if sandbox == "require" and source.sandbox == "none":
            raise NoSandbox("this system offers no sandbox for the submission, and --sandbox require was given")
        limits = limits or Limits()
        self._bench = Bench(exercise, read, source, limits, seed, Clock(limits.total_seconds), explained)
        self._pending: dict[str, Check | None] = {IMPORTS: None}
        self._pending |= {check.name: check for check in exercise.checks()}
        self._bases = [IMPORTS, *(check.name for check in exercise.checks() if check.is_base)]
        self._done: dict[str, CheckResult] = {}
        self._workers: list[Worker] = []
        self._fresh: Worker | None = None

    @property
    def names(self) -> list[str]:
        """The names of the checks, in order."""
        return list(self._pending)

    def check(self, name: str) -> CheckResult:
        """The result of one check, after those of the base checks before it."""
        if name not in self._done:
            self._done[name] = self._run(name)
        return self._done[name]

    def result(self) -> Result:
        """The result of all checks."""
        for name in self.names:
            self.check(name)
        self.close()
        return self.result_so_far()

    def close(self) -> None:
        """End what may still be running."""
        if self._fresh:
            self._fresh.end()
            self._fresh = None
        self._bench.source.settle()

    def result_so_far(self) -> Result:
        """The result of the checks that have been run."""
        checks = tuple(self._done[name] for name in self.names if name in self._done)
        bench = self._bench
        return Result(
            exercise=bench.exercise.name,
            submission=inert(bench.submission.path),
            sha256=bench.submission.sha256,
            verdict=result.verdict(checks),
            score=result.score(checks),
            seed=bench.seed,
            seconds=round(bench.clock.elapsed, 4),
            versions=versions(),
            sandbox=bench.source.sandbox,
            checks=checks,
            output=self.output,
        )

    @property
    def output(self) -> str:
        """What the import printed, which every check repeats, and what the first check that printed more did."""
        outputs = [worker.output for worker in self._workers]
        first = outputs[0] if outputs else ""
        more = next((text.removeprefix(first) for text in outputs[1:] if text != first), "")
        text = self._bench.submission.placed(harmless(first + more)).replace(self._bench.source.scratch, "~")
        return text if len(text) <= _OUTPUT else f"{text[:_OUTPUT]}\n… (more was printed)"

    def _run(self, name: str) -> CheckResult:
        check = self._pending[name]
        names = self.names
        for base in self._bases:
            if names.index(base) < names.index(name) and self.check(base).status != "pass":
                return _not_run(check, f"not run, because the check {base} has to pass first")
        if self._bench.clock.is_over:
            seconds = self._bench.limits.total_seconds
            return _not_run(check, f"not run, because the checks before used up the {seconds:g} seconds of a grading")
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with kept_generators():
                done, worker = self._run_now(check)
        finally:
            torch.set_num_threads(threads)
        if worker:
            self._workers.append(worker)
        return done

    def _run_now(self, check: Check | None) -> tuple[CheckResult, Worker | None]:
        if check is not None:
            fresh, self._fresh = self._fresh, None
            return run_one(self._bench, check, fresh)
        done, worker = run_imports(self._bench)
        self._fresh = worker if done.status == "pass" else None
        return done, worker


def versions() -> dict[str, str]:
    """What the verdict may depend on, besides the submission and the seed."""
    return {
        "grader": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _not_run(check: Check | None, why: str) -> CheckResult:
    assert check is not None, "the first check depends on no other"
    return CheckResult(check.name, check.claim, check.weight, "not_run", why)
