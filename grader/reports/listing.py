"""The list of exercises: topics in learning order, what is done, and what is next."""

import itertools
from collections.abc import Sequence

from rich.text import Text

from grader.exercise import DIFFICULTIES
from grader.listing import Item
from grader.reports.canvas import canvas, finished

_MARKS = {"done": ("✓", "green"), "tried": ("…", "yellow"), "untouched": ("·", "dim"), "broken again": ("✗", "red")}
_BAR = 30


def listing(shown: Sequence[Item], all_items: Sequence[Item], width: int, color: bool) -> str:
    """The items `shown`, under their topics, and a bar of how much of `all_items` is done."""
    console = canvas(width, color)
    widest = max((len(item.name) for item in all_items), default=0)
    for topic, items in itertools.groupby(shown, key=lambda item: item.topic):
        console.print(Text(topic, style="bold"))
        for item in items:
            console.print(line(item, widest), no_wrap=True, overflow="ellipsis")
    if shown:
        console.print()
    console.print(bar(all_items))
    return finished(console)


def bar(items: Sequence[Item]) -> Text:
    """How much is done, and the first exercise that is not."""
    done = sum(item.state == "done" for item in items)
    filled = _BAR * done // len(items) if items else 0
    todo = next((item for item in items if item.state != "done"), None)
    text = Text.assemble(("█" * filled, "green"), ("░" * (_BAR - filled), "dim"), f" {done} of {len(items)} done")
    return text.append(f"; next: {todo.name}", "bold") if todo else text.append("; all of it holds", "bold green")


def line(item: Item, widest: int) -> Text:
    """One exercise: its state, name, difficulty and summary."""
    mark, style = _MARKS[item.state]
    stars = "★" * item.difficulty + "☆" * (DIFFICULTIES[-1] - item.difficulty)
    told = "" if item.state in ("done", "untouched") else f" ({item.state})"
    return Text.assemble(
        (f"  {mark} ", style), (f"{item.name:<{widest}}  ", "bold"), f"{stars}  ", (item.summary, "dim"), (told, style)
    )
