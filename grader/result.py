"""What happened, as frozen values that go to JSON and back; imports nothing of ours."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

SCHEMA = 1
Status = Literal["pass", "fail", "timeout", "memory", "crash", "not_run", "error"]
Verdict = Literal["pass", "fail", "error"]


@dataclass(frozen=True)
class Counterexample:
    """One call whose answer is wrong; `reproduce` is Python source that runs beside the submission's file."""

    call: str
    expected: str
    got: str
    reproduce: str


@dataclass(frozen=True)
class Misconception:
    """The known mistake that a submission behaves like."""

    name: str
    explanation: str


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome; `claim` is the sentence that should hold."""

    name: str
    claim: str
    weight: float
    status: Status
    message: str = ""
    counterexample: Counterexample | None = None
    misconception: Misconception | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """One submission's grading; every report is a function of this value alone."""

    exercise: str
    submission: str
    sha256: str
    verdict: Verdict
    score: float
    seed: int
    seconds: float
    versions: dict[str, str]
    sandbox: str
    checks: tuple[CheckResult, ...]
    output: str = ""

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that ran and did not pass, in order."""
        return tuple(check for check in self.checks if check.status not in ("pass", "not_run"))

    def as_data(self) -> dict[str, Any]:
        """The result as the documented JSON object."""
        return {"schema": SCHEMA} | asdict(self) | {"checks": [asdict(check) for check in self.checks]}

    def timeless(self) -> "Result":
        """The result without its times: the same for the same submission and seed, at every run."""
        return replace(self, seconds=0.0, checks=tuple(replace(check, seconds=0.0) for check in self.checks))

    def to_json(self) -> str:
        """The result as JSON text; `from_json` gives an equal value."""
        return json.dumps(self.as_data(), indent=2, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Result":
        """The result that `to_json` wrote; raises ValueError for another schema."""
        data = json.loads(text)
        if data.pop("schema", None) != SCHEMA:
            raise ValueError(f"a result of schema {SCHEMA} was expected")
        return Result(**data | {"checks": tuple(_check(check) for check in data["checks"])})


def score(checks: tuple[CheckResult, ...]) -> float:
    """The weight of the checks passed over the weight of all."""
    total = sum(check.weight for check in checks)
    passed = sum(check.weight for check in checks if check.status == "pass")
    return passed / total if total else 0.0


def verdict(checks: tuple[CheckResult, ...]) -> Verdict:
    """`pass` if every check passed, `error` if one could not be judged."""
    if any(check.status == "error" for check in checks):
        return "error"
    return "pass" if checks and all(check.status == "pass" for check in checks) else "fail"


def _check(data: dict[str, Any]) -> CheckResult:
    counterexample, misconception = data["counterexample"], data["misconception"]
    return CheckResult(
        **data
        | {
            "counterexample": counterexample and Counterexample(**counterexample),
            "misconception": misconception and Misconception(**misconception),
        }
    )
