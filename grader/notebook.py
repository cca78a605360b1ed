"""A notebook as the source text of its answer, with where each line comes from; pure, runs on our side.

The entry points are taken out of it with all that they need (`needs` says what that is), statement by statement and in
cell order, so that training, plots and prints between the definitions cost a submission nothing.
"""

import ast
import difflib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from grader import cells
from grader.cells import Cell, NotANotebook, Skipped
from grader.needs import STAR, Needs, Tangled, Uses, uses

LARGEST = 1 << 20
_MOST_SHOWN = 8
_MOST_STATEMENTS = 20_000


@dataclass(frozen=True)
class Extract:
    """The answer's text; for each of its lines the cell and the line there; what to tell of it; or `fault`."""

    text: str = ""
    origins: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class _Statement:
    cell: int
    line: int
    lines: tuple[str, ...]
    uses: Uses
    is_future: bool = False


@dataclass
class _Reading:
    """What the code cells hold: the statements, and the cells that give none, with the reason."""

    statements: list[_Statement] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)


def extract(data: bytes, entry_points: Sequence[str]) -> Extract:
    """The answer in the notebook `data`; what stands in the way of one is told in `fault`."""
    try:
        found = cells.cells(data)
    except NotANotebook as error:
        return Extract(fault=str(error))
    size = sum(len(cell.source) for cell in found if cell.kind == "code")
    if size > LARGEST:
        return Extract(
            fault=f"the code cells hold {size} characters, and at most {LARGEST} are read: keep data out of the code"
        )
    try:
        reading = _read(found)
        chosen = Needs([one.uses for one in reading.statements]).of(entry_points)
    except Tangled:
        return Extract(fault="the cells hold too many statements to follow what needs what: hand in a .py file instead")
    kept = [one for one in reading.statements if one.is_future]
    kept += [reading.statements[i] for i in chosen if not reading.statements[i].is_future]
    return Extract(
        text="".join(f"{line}\n" for one in kept for line in one.lines),
        origins=tuple((one.cell, max(1, one.line + i)) for one in kept for i in range(len(one.lines))),
        notes=tuple(_notes(found, reading, kept, entry_points)),
    )


def _read(found: Sequence[Cell]) -> _Reading:
    """The statements of the code cells; raises Tangled for more than are worth it."""
    reading = _Reading()
    for cell in found:
        if cell.kind != "code":
            continue
        try:
            text, tree = cells.python(cell.source)
        except Skipped as why:
            reading.skipped[cell.number] = str(why)
            continue
        lines = text.split("\n")
        for node, is_guarded in _unfolded(tree):
            try:
                reading.statements.append(_statement(cell.number, lines, node, is_guarded))
            except SyntaxError:
                reading.skipped[cell.number] = f"awaits in line {node.lineno}, outside of any function"
            except (RecursionError, MemoryError):
                reading.skipped[cell.number] = f"is nested too deeply in line {node.lineno}"
            if len(reading.statements) > _MOST_STATEMENTS:
                raise Tangled
    return reading


def _unfolded(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements, and whether each is from an `if __name__ == "__main__":`, which holds in a notebook.

    Imports are told apart, so that one for plotting beside one for the answer need not be there when it is graded.
    """
    for node in tree.body:
        if isinstance(node, ast.If) and _is_main(node.test):
            yield from ((inner, True) for inner in node.body)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                part = ast.Import([alias]) if isinstance(node, ast.Import) else _from(node, alias)
                yield ast.copy_location(part, node), False
        else:
            yield node, False


def _is_main(test: ast.expr) -> bool:
    match test:
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return True
        case ast.Compare(ast.Constant("__main__"), [ast.Eq()], [ast.Name("__name__")]):
            return True
    return False


def _from(node: ast.ImportFrom, alias: ast.alias) -> ast.ImportFrom:
    return ast.ImportFrom(node.module, [alias], node.level)


def _statement(cell: int, text: list[str], node: ast.stmt, is_guarded: bool) -> _Statement:
    """The statement with its own lines; the ones of a guard keep their indentation, below an `if`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        does = uses(node)
    is_import = isinstance(node, (ast.Import, ast.ImportFrom))
    lines = [ast.unparse(node)] if is_import and not is_guarded else _segment(text, node, is_guarded)
    first = _first_line(node)
    is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    if is_guarded:
        return _Statement(cell, first - 1, ("if True:", *lines), does)
    return _Statement(cell, first, tuple(lines), does, is_future)


def _segment(text: list[str], node: ast.stmt, is_guarded: bool) -> list[str]:
    """The node's text, decorators included, without what else is on its first and its last line."""
    lines = text[_first_line(node) - 1 : node.end_lineno]
    lines[-1] = lines[-1].encode()[: node.end_col_offset].decode()
    before, rest = lines[0].encode()[: node.col_offset].decode(), lines[0].encode()[node.col_offset :].decode()
    lines[0] = (before if not before.strip() else " " if is_guarded else "") + rest
    return lines


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(part.lineno for part in decorators)])


def _notes(
    found: Sequence[Cell], reading: _Reading, kept: Sequence[_Statement], entry_points: Sequence[str]
) -> Iterator[str]:
    """What was graded and what was left out, in a line each; and what may be wrong with an entry point."""
    bound = {name: one.cell for one in reading.statements for name in one.uses.binds | one.uses.may_bind}
    used = {one.cell for one in kept}
    doubts = [doubt for name in entry_points for doubt in _doubts(name, found, reading, bound)]
    yield from doubts
    if used:
        yield f"graded: {_listed(used)} ({', '.join(entry_points)} and what belongs to it)"
    unneeded = {one.cell for one in reading.statements} - used - reading.skipped.keys()
    skipped = [f"cell {number} {why}" for number, why in reading.skipped.items()]
    told = [text for text in skipped if not any(doubt.startswith(text) for doubt in doubts)]
    told[_MOST_SHOWN:] = [f"{len(told) - _MOST_SHOWN} more cells are skipped"] if len(told) > _MOST_SHOWN else []
    told += [f"nothing of {_listed(unneeded)} is needed"] if unneeded else []
    if told:
        yield f"left out: {'; '.join(told)}"


def _doubts(name: str, found: Sequence[Cell], reading: _Reading, bound: dict[str, int]) -> Iterator[str]:
    """What a learner should know of an entry point that is not there, or not the one that is read last."""
    definition = re.compile(
        rf"^\s*(?:class|(?:async\s+)?def)\s+{re.escape(name)}\b|^\s*{re.escape(name)}\s*=", re.MULTILINE
    )
    alike = [cell for cell in found if definition.search(cell.source)]
    if name in bound:
        later = [cell.number for cell in alike if cell.number in reading.skipped and cell.number > bound[name]]
        for number in later[:_MOST_SHOWN]:
            yield f"cell {number} {reading.skipped[number]}: the {name} that is graded is the one of cell {bound[name]}"
        return
    for cell in alike[:_MOST_SHOWN]:
        if cell.kind != "code":
            kind = f"a {cell.kind.title()} cell"
            yield f"cell {cell.number} is {kind} that reads like code: change its type to Code, for it defines {name}"
        elif cell.number in reading.skipped:
            yield f"cell {cell.number} {reading.skipped[cell.number]}, so that it does not define {name}"
    near = difflib.get_close_matches(name, bound.keys() - {STAR}, n=1)
    if near and not alike:
        yield f"cell {bound[near[0]]} defines {near[0]}: did you mean {name}?"


def _listed(numbers: set[int]) -> str:
    """`cells 1, 3–5`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    more = ["…"] if len(texts) > _MOST_SHOWN else []
    return f"cell{'s' if len(numbers) > 1 else ''} {', '.join([*texts[:_MOST_SHOWN], *more])}"
