"""A result for the terminal: every check in a line, then each failed one explained."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from grader.harmless import without_commands
from grader.reports.canvas import canvas, finished
from grader.reports.text import Line, again, explain
from grader.result import CheckResult, Result

_MARKS = {"pass": ("✓", "green"), "not_run": ("·", "dim")}
_FAILED = ("✗", "red")
_STYLES = {"title": "bold red", "body": "", "rule": "italic", "thought": "yellow", "label": "", "code": "cyan"}
_DEEPER = 2


def terminal(result: Result, width: int, color: bool, all_code: bool = False) -> str:
    """The report as text with ANSI colours, or without; code lines are never wrapped, so that they can be pasted."""
    console = canvas(width, color)
    _head(console, result)
    widest = max((len(check.name) for check in result.checks), default=0)
    for check in result.checks:
        _line(console, check, widest)
    told: set[str] = set()
    for number, check in enumerate(result.failed):
        console.print()
        known = check.misconception.name if check.misconception else ""
        is_repeated = known in told and not all_code
        explained(console, again(check) if is_repeated else explain(check, code=all_code or number == 0))
        told |= {known} - {""}
    _tail(console, result, all_code)
    return without_commands(finished(console))


def _head(console: Console, result: Result) -> None:
    passed = sum(check.status == "pass" for check in result.checks)
    console.print(Text(f"{result.exercise}: {_one_line(result.submission)}", style="bold"))
    console.print(Text(f"{passed} of {len(result.checks)} checks passed, score {result.score:.2f}\n"))


def _line(console: Console, check: CheckResult, widest: int) -> None:
    text = Text.assemble(mark(check), (f"{check.name:<{widest}}  ", "bold"), (check.claim, "dim"))
    if check.status == "not_run":
        text = Text(f"{mark(check)[0]}{check.name:<{widest}}  {check.message}", style="dim")
    console.print(text, no_wrap=True, overflow="ellipsis")
    if check.status == "pass":
        for line in check.message.splitlines():
            console.print(Padding(Text(line, style="dim"), (0, 0, 0, _DEEPER), expand=False))


def mark(check: CheckResult) -> tuple[str, str]:
    """The sign before a check's name, and its style."""
    sign, style = _MARKS.get(check.status, _FAILED)
    return f"{sign} ", style


def explained(console: Console, lines: list[Line]) -> None:
    """Print what is told of one check."""
    for line in lines:
        text = Text(line.text, style=_STYLES[line.role])
        if line.role == "code":
            console.print(text, soft_wrap=True)
        else:
            console.print(Padding(text, (0, 0, 0, 0 if line.role == "title" else _DEEPER), expand=False))


def _tail(console: Console, result: Result, all_code: bool) -> None:
    if result.output:
        console.print(Text("\nYour code printed:", style="bold"))
        for line in result.output.rstrip("\n").split("\n"):
            console.print(Text(f"  | {line}", style="dim"), soft_wrap=True)
    if len([check for check in result.failed if check.counterexample]) > 1 and not all_code:
        console.print(Text("\nThe other counterexamples as code: add --all.", style="dim"))
    if result.verdict == "pass":
        console.print(Text(f"\nAll of it holds: {result.exercise} is done.", style="bold green"))
    if result.sandbox == "none":
        console.print(
            Text("\nNo sandbox: the submission ran with your own rights, under time and memory limits alone.")
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())
