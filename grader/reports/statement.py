"""What `show` and `hint` print: an exercise's statement, hints, and right answers."""

from ast import get_docstring, parse
from collections.abc import Mapping, Sequence

from rich.columns import Columns
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from grader.reports.canvas import canvas, finished

_CODE_COLUMNS = 90


def statement(name: str, summary: str, text: str, width: int, color: bool) -> str:
    """The exercise's docstring, rendered."""
    console = canvas(width, color)
    console.print(Text(f"{name}: {summary}\n", style="bold"))
    console.print(Markdown(text, code_theme="ansi_dark"))
    return finished(console)


def hints(name: str, rungs: Sequence[str], first: int, last: int, width: int, color: bool) -> str:
    """The hints from `first` up to `last`, counted from 0, and how to go on."""
    console = canvas(width, color)
    for number in range(first, last):
        console.print(Text(f"Hint {number + 1} of {len(rungs)}", style="bold yellow"))
        console.print(Markdown(rungs[number]))
    if first == last:
        console.print(Text(f"There are no more hints. All again: grader hint {name} --all"))
    if last == len(rungs):
        console.print(Text(f"After the hints comes the solution: grader show {name} --solution", style="dim"))
    return finished(console)


def solution(own: str, reference: str, right: Mapping[str, str], width: int, color: bool) -> str:
    """The learner's own answer beside the reference, then other right answers, each with what is special about it."""
    console = canvas(width, color)
    console.print()
    pair = [_panel("yours", _without_docstring(own))] if own else []
    pair.append(_panel("the reference", _without_docstring(reference)))
    if width >= 2 * _CODE_COLUMNS:
        console.print(Columns(pair, width=width // 2 - 1))
    else:
        console.print(*pair, sep="\n")
    for name, text in right.items():
        _variant(console, name, text)
    return finished(console)


def _variant(console: Console, name: str, text: str) -> None:
    console.print(Text(f"\nAnother way, {name}: {get_docstring(parse(text)) or ''}", style="bold"))
    console.print(_code(_without_docstring(text)))


def _panel(title: str, text: str) -> Panel:
    return Panel(_code(text), title=title)


def _code(text: str) -> Syntax:
    return Syntax(text.strip("\n"), "python", theme="ansi_dark", background_color="default", word_wrap=True)


def _without_docstring(source: str) -> str:
    """The code alone, for its statement has been shown above; what does not parse stays as it is."""
    try:
        tree = parse(source)
    except (SyntaxError, ValueError):
        return source
    documented = get_docstring(tree) is not None
    return "\n".join(source.splitlines()[tree.body[0].end_lineno if documented else 0 :])
