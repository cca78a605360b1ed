"""A result for a notebook: one piece of HTML, without scripts, that takes its colours from the page around it."""

from collections.abc import Iterable
from html import escape
from itertools import groupby

from grader.reports.text import Line, explain, most_useful
from grader.result import CheckResult, Result

_GREEN, _RED, _GREY = "#1a8a3c", "#d9363e", "#808080"
_MARKS = {"pass": ("✓", _GREEN), "not_run": ("·", _GREY)}
_FAILED = ("✗", _RED)
_BOX = "border-left: 4px solid {color}; padding: 2px 0 2px 12px; margin: 8px 0; max-width: 60em; line-height: 1.45"
_CODE = (
    "background: rgba(128, 128, 128, 0.14); color: inherit; padding: 8px; margin: 4px 0; overflow-x: auto;"
    " white-space: pre; font-family: monospace"
)
_STYLES = {
    "title": "font-weight: bold; margin: 4px 0",
    "body": "margin: 4px 0",
    "rule": "margin: 4px 0; font-style: italic",
    "thought": "margin: 6px 0; padding: 4px 8px; background: rgba(230, 170, 0, 0.18)",
    "label": _CODE,
    "code": _CODE,
}


def html(result: Result, note: str = "") -> str:
    """The verdict, the failed check that is most worth reading, then the others and what was printed, folded."""
    first = most_useful(result)
    others = [check for check in result.failed if check is not first]
    parts = [
        _head(result),
        _explained(first) if first else _styled("div", "margin: 4px 0", f"All of it holds: {result.exercise} is done."),
        _folded("Every check", "".join(map(_line, result.checks))),
        *(_folded(f"{check.name} as well", _explained(check)) for check in others),
        _folded("Your code printed", _styled("pre", _CODE, result.output)) if result.output else "",
        *(_styled("div", "margin: 4px 0", line) for line in _asides(result, note)),
    ]
    return f'<div style="{_BOX.format(color=_RED if first else _GREEN)}">{"".join(parts)}</div>'


def _head(result: Result) -> str:
    passed = sum(check.status == "pass" for check in result.checks)
    text = f"{result.exercise}: {passed} of {len(result.checks)} checks passed, score {result.score:.2f}"
    return _styled("div", "font-weight: bold; font-size: 115%", text)


def _explained(check: CheckResult) -> str:
    """The lines told of a check; lines of one kind that belong together in one block."""
    blocks = groupby(explain(check), key=lambda line: line.role)
    return "".join(_block(role, list(lines)) for role, lines in blocks)


def _block(role: str, lines: list[Line]) -> str:
    if role in ("label", "code"):
        return _styled("pre", _STYLES[role], "\n".join(line.text for line in lines))
    return "".join(_styled("div", _STYLES[role], line.text) for line in lines)


def _line(check: CheckResult) -> str:
    sign, color = _MARKS.get(check.status, _FAILED)
    told = check.message if check.status == "not_run" else check.claim
    mark = _styled("span", f"color: {color}; font-weight: bold", sign)
    return f"<div>{mark} {_styled('b', '', check.name)} {_styled('span', 'opacity: 0.8', told)}</div>"


def _asides(result: Result, note: str) -> Iterable[str]:
    """What is to be known besides: which cells were graded, the learner's progress, and the sandbox."""
    yield from (line for check in result.checks[:1] if check.status == "pass" for line in check.message.splitlines())
    yield from note.splitlines()
    if result.sandbox == "none":
        yield "No sandbox: the submission ran with your own rights, under time and memory limits alone."


def _folded(title: str, inner: str) -> str:
    return f'<details style="margin: 4px 0"><summary>{escape(title)}</summary>{inner}</details>'


def _styled(tag: str, style: str, text: str) -> str:
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'
