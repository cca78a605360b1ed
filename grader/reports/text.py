"""What to tell about one check, as lines with a role each; the terminal colours them, pytest prints them."""

from dataclasses import dataclass
from typing import Literal

from grader.result import CheckResult, Counterexample, Result

_RULE = "The contract "
Role = Literal["title", "body", "rule", "thought", "label", "code"]
_TITLES = {
    "fail": "failed",
    "timeout": "took too long",
    "memory": "took too much memory",
    "crash": "crashed",
    "not_run": "was not run",
    "error": "could not be judged (the grader's own fault)",
    "pass": "passed",
}


@dataclass(frozen=True)
class Line:
    """A line of text and what it is."""

    role: Role
    text: str


def explain(check: CheckResult, code: bool = True) -> list[Line]:
    """Claim, what went wrong, the known mistake it looks like, the counterexample, the rule, and code if asked for.

    What differs from failure to failure comes first: a small window may show no more.
    """
    told = check.message.splitlines()
    lines = [Line("title", f"{check.name} {_TITLES[check.status]}"), Line("body", f"Claim: {check.claim}")]
    lines += [Line("body", text) for text in told if not text.startswith(_RULE)]
    if check.misconception:
        lines.append(
            Line("thought", f"This looks like “{check.misconception.name}”: {check.misconception.explanation}")
        )
    if check.counterexample:
        lines += _difference(check.counterexample)
    lines += [Line("rule", text) for text in told if text.startswith(_RULE)]
    if check.counterexample and code:
        lines += _code(check.counterexample.reproduce)
    return lines


def most_useful(result: Result) -> CheckResult | None:
    """The failed check to read first: one whose mistake is known, else one with a counterexample, else the first."""

    def rank(check: CheckResult) -> int:
        return 0 if check.misconception else 1 if check.counterexample else 2

    return min(result.failed, key=rank, default=None)


def again(check: CheckResult) -> list[Line]:
    """The short form, for a check that fails like one explained before."""
    name = check.misconception.name if check.misconception else ""
    first = (check.message.splitlines() or [""])[0]
    title = Line("title", f"{check.name} {_TITLES[check.status]}")
    return [title, Line("body", first), Line("thought", f"This looks like “{name}” too.")]


def plain(check: CheckResult) -> str:
    """All of it as text."""
    return "\n".join(line.text for line in explain(check))


def _difference(shown: Counterexample) -> list[Line]:
    return [
        *_labelled("call", shown.call),
        *_labelled("expected", shown.expected),
        *_labelled("got", shown.got),
    ]


def _code(reproduce: str) -> list[Line]:
    where = "in a cell of your notebook" if "import __main__ as learner" in reproduce else "beside your file"
    title = Line("body", f"To see it without the grader, run this {where}:")
    return [title, *(Line("code", text) for text in reproduce.rstrip("\n").split("\n"))]


def _labelled(label: str, text: str) -> list[Line]:
    first, *rest = text.splitlines() or [""]
    return [Line("label", f"{label + ':':<10}{first}"), *(Line("label", f"{'':<10}{line}") for line in rest)]
