"""The screen of `watch`: the verdict with the most useful failed check, a hint or the list, and the keys below."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from grader.reports.canvas import canvas, finished
from grader.reports.listing import bar, line
from grader.reports.terminal import explained, mark
from grader.reports.text import explain, most_useful
from grader.result import CheckResult, Result
from grader.watch import View

_KEYS = (
    ("n", "next"),
    ("h", "hint"),
    ("l", "list"),
    ("r", "run again"),
    ("x", "reset"),
    ("c", "check all"),
    ("q", "quit"),
)
_CODE_HEIGHT = 50
_Draw = Callable[[Console, View], None]


def screen(view: View, width: int, height: int, color: bool) -> str:
    """The view as text of at most `height` lines."""
    head, foot = _rendered(_head, view, width, color), _rendered(_foot, view, width, color)
    body = _rendered(_body(view, height), view, width, color)
    room = max(3, height - len(head) - len(foot) - 1)
    if len(body) > room:
        more = f"… {len(body) - room + 1} more lines: python -m grader {view.exercise}"
        body = [*body[: room - 1], more[:width]]
    return "\n".join([*head, *body, *foot])


def _rendered(draw: _Draw, view: View, width: int, color: bool) -> list[str]:
    console = canvas(width, color)
    draw(console, view)
    return finished(console).rstrip("\n").split("\n")


def _head(console: Console, view: View) -> None:
    console.print(Text.assemble((view.exercise, "bold"), f"  {view.path}"), no_wrap=True, overflow="ellipsis")
    console.print()


def _foot(console: Console, view: View) -> None:
    console.print()
    if view.note:
        console.print(Text(view.note, style="yellow"))
    keys = [key for key in _KEYS if key[0] != "n" or view.is_done]
    keys = [*keys, ("⏎", "back")] if view.mode in ("hint", "list") else keys
    console.print(Text("   ").join(Text.assemble((key, "bold"), f" {what}") for key, what in keys))


def _body(view: View, height: int) -> _Draw:
    return {
        "grading": _grading,
        "verdict": lambda console, view: _verdict(console, view, height),
        "gone": _gone,
        "hint": _hint,
        "list": _list,
        "confirm reset": _confirm,
    }[view.mode]


def _grading(console: Console, view: View) -> None:
    console.print(Text("checking …", style="dim"))
    _marks(console, view.checks)


def _verdict(console: Console, view: View, height: int) -> None:
    if view.result is None:
        return
    result = view.result
    passed = sum(check.status == "pass" for check in result.checks)
    console.print(Text(f"{passed} of {len(result.checks)} checks passed", style="bold"))
    _marks(console, result.checks)
    failed = most_useful(result)
    console.print()
    if failed is None:
        _done(console, view, result)
        return
    explained(console, explain(failed, code=height >= _CODE_HEIGHT))
    _printed(console, result)


def _done(console: Console, view: View, result: Result) -> None:
    console.print(Text(f"All of it holds: {result.exercise} is done.", style="bold green"))
    if view.next_name:
        console.print(Text(f"n goes on with {view.next_name}; or stay, and try another way to write it."))
    _printed(console, result)


def _printed(console: Console, result: Result) -> None:
    if result.output:
        console.print(Text("\nYour code printed:", style="bold"))
        console.print(Text(result.output.rstrip("\n"), style="dim"))


def _gone(console: Console, view: View) -> None:
    console.print(Text(f"{view.path} is not there.", style="bold red"))
    console.print(Text("As soon as it is back, it is graded. x writes the stub anew."))


def _hint(console: Console, view: View) -> None:
    text, number, count = view.hint
    console.print(Text(f"Hint {number} of {count}", style="bold yellow"))
    console.print(Markdown(text))


def _list(console: Console, view: View) -> None:
    widest = max((len(item.name) for item in view.items), default=0)
    for item in view.items:
        console.print(line(item, widest), no_wrap=True, overflow="ellipsis")
    console.print()
    console.print(bar(view.items))


def _confirm(console: Console, view: View) -> None:
    console.print(Text(f"Replace {view.path} by the stub? Your file is kept as a backup.", style="bold"))
    console.print(Text("y does it, any other key does not."))


def _marks(console: Console, checks: Sequence[CheckResult]) -> None:
    """Every check's sign and name, as many in a line as fit, and none of them cut in two."""
    line = Text()
    for check in checks:
        one = Text.assemble(mark(check), f"{check.name}  ")
        if line and line.cell_len + one.cell_len > console.width:
            console.print(line)
            line = Text()
        line.append_text(one)
    console.print(line)
