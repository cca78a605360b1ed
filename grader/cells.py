"""A notebook's bytes as cells, and a cell's text as Python; runs on our side, and never runs what it reads."""

import ast
import json
import re
import warnings
from dataclasses import dataclass
from typing import Any

_PYTHON_MAGICS = {"time", "capture", "prun", "debug", "snakeviz"}
_MOST_MAGICS = 4
_CELL_MAGIC = re.compile(r"%%(\w*)")
_MAGIC = re.compile(
    r"""\s*(?: [%!] | \?\??\S | [,;/][A-Za-z_]              # %matplotlib, !pip, ?torch, autocall
             | [^\W\d][\w.,\ \[\]*]*=\s*[!%][A-Za-z(]        # files = !ls
             | [%\w.*\[\]'"()]+\?\??\s*(?:[;\#].*)?$ )       # torch.where?
    """,
    re.VERBOSE,
)
_LEXEME = re.compile(
    r"""(?P<triple>\"""|''') | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*') | (?P<comment>\#.*)
      | (?P<open>[(\[{]) | (?P<close>[)\]}])""",
    re.VERBOSE,
)
_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


class NotANotebook(ValueError):
    """The file is no notebook; the message says what it is instead."""


class Skipped(ValueError):
    """The cell defines nothing; the message says why."""


@dataclass(frozen=True)
class Cell:
    """A cell: its number, counting every cell from 1, its kind (`code`, `markdown`, …) and its text."""

    number: int
    kind: str
    source: str


def cells(data: bytes) -> list[Cell]:
    """The cells of a notebook of nbformat 3 or 4, however incomplete; raises NotANotebook."""
    if not data.strip():
        raise NotANotebook("the file is empty: save the notebook, and hand it in again")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotANotebook(_instead(data, error)) from None
    found = [Cell(number, *_cell(raw)) for number, raw in enumerate(_raw_cells(told), start=1)]
    if not any(cell.kind == "code" for cell in found):
        raise NotANotebook(f"the notebook has {len(found)} cells, and none of them is a code cell")
    return found


def python(source: str) -> tuple[str, ast.Module]:
    """The cell's text as Python, line for line, with `pass` for every magic line, and its tree; raises Skipped."""
    text = "\n".join(re.split(r"\r\n|\r|\n", source))
    for _ in range(_MOST_MAGICS):
        found = _CELL_MAGIC.match(text.lstrip())
        if not found:
            break
        if found[1] not in _PYTHON_MAGICS:
            raise Skipped(f"is %%{found[1]}")
        blank = text[: len(text) - len(text.lstrip())]
        text = blank + "\n" + text.lstrip().partition("\n")[2]
    try:
        return text, _parsed(text)
    except _NOT_PYTHON:
        text = _without_magics(text)
    try:
        return text, _parsed(text)
    except SyntaxError as error:
        raise Skipped(f"does not parse (line {error.lineno or 1}: {error.msg})") from None
    except _NOT_PYTHON as error:
        raise Skipped(f"does not parse ({str(error) or type(error).__name__})") from None


def _parsed(text: str) -> ast.Module:
    """The tree, if Jupyter would run the text: `await` may stand outside of functions, `return` may not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        return ast.parse(text)


def _without_magics(text: str) -> str:
    """The text with `pass` for each line that is IPython's alone, wherever a statement can begin."""
    lines = text.split("\n")
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    lines = [line.removeprefix(indent) for line in lines]
    inside, depth, is_continued, is_magic = "", 0, False, False
    for number, line in enumerate(lines):
        if is_magic and is_continued:
            lines[number] = ""
        elif not inside and not depth and not is_continued and _MAGIC.match(line):
            lines[number] = line[: len(line) - len(line.lstrip())] + "pass"
            is_magic = True
        else:
            inside, depth = _scanned(line, inside, depth)
            is_magic = False
        is_continued = line.endswith("\\")
    return "\n".join(lines)


def _scanned(line: str, inside: str, depth: int) -> tuple[str, int]:
    """After the line: the quotes of a string that goes on, and how many brackets are open."""
    place = 0
    while True:
        if inside:
            end = re.compile(rf"(?:\\.|[^\\])*?{inside}").match(line, place)
            if not end:
                return inside, depth
            inside, place = "", end.end()
        found = _LEXEME.search(line, place)
        if not found:
            return "", depth
        place = found.end()
        inside = found["triple"] or ""
        depth = max(0, depth + bool(found["open"]) - bool(found["close"]))


def _raw_cells(told: Any) -> list[Any]:
    if isinstance(told, dict) and isinstance(told.get("cells"), list):
        return list(told["cells"])
    if isinstance(told, dict) and isinstance(told.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in told["worksheets"] if isinstance(sheet, dict)]
        return [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    raise NotANotebook("the file is JSON, but no notebook: a notebook is an object with a list of cells")


def _cell(raw: Any) -> tuple[str, str]:
    """A raw cell's kind and text; one that says nothing of its kind is code."""
    if not isinstance(raw, dict):
        return "unknown", ""
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return str(raw.get("cell_type", "code")), source if isinstance(source, str) else ""


def _instead(data: bytes, error: Exception) -> str:
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:9].lower()
    if start.startswith(b"<<<<<<<") or b"\n<<<<<<< " in data:
        return "the notebook holds the marks of a merge (<<<<<<<): resolve it, or check out one of the two sides"
    if start.startswith(b"<"):
        return "the file is a web page, not a notebook: download the notebook itself, and not the page that shows it"
    where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)[:100]
    return f"the file is not a notebook, for it is not JSON ({where}): save it again from Jupyter or Colab"
