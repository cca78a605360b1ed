"""Turn a solution's text into the stub that a learner opens: signatures and docstrings stay, answers go."""

import ast

FILL_IN = "fill in "
_ALWAYS = {"torch", "nn", "Tensor"}


def derive(solution: str) -> str:
    """The stub: public names with their docstrings, bodies that raise NotImplementedError, the imports they need."""
    tree = ast.parse(solution)
    lines: list[str | None] = list(solution.splitlines())
    _hollow(tree, lines, "")
    text = "\n".join(line for line in lines if line is not None)
    text = _without_unused_imports(text)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text.rstrip() + "\n"


def public_names(solution: str) -> list[str]:
    """The entry points: top-level classes and functions without a leading underscore, in file order."""
    return [
        node.name
        for node in ast.parse(solution).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    ]


def _hollow(tree: ast.Module | ast.ClassDef, lines: list[str | None], owner: str) -> None:
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and _is_private(node.name):
            _remove(lines, min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno)
        elif isinstance(node, ast.ClassDef):
            _hollow(node, lines, f"{owner}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            _hollow_function(node, lines, owner)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_private(_target(node)):
            _remove(lines, node.lineno, node.end_lineno)


def _hollow_function(node: ast.FunctionDef, lines: list[str | None], owner: str) -> None:
    """Replace the body, but for the docstring, by one line that raises."""
    refusal = " " * (node.col_offset + 4) + f'raise NotImplementedError("{FILL_IN}{owner}{node.name}")'
    start = node.body[0]
    end = node.end_lineno or node.lineno
    if ast.get_docstring(node):
        kept = start.end_lineno or start.lineno
        head = lines[kept - 1]
    else:
        kept = start.lineno - 1 if _is_first_on_its_line(start, lines) else start.lineno
        head = lines[kept - 1] if kept < start.lineno else (lines[kept - 1] or "")[: start.col_offset].rstrip()
    _remove(lines, kept + 1, end)
    lines[kept - 1] = f"{head}\n{refusal}"


def _is_first_on_its_line(node: ast.stmt, lines: list[str | None]) -> bool:
    return not (lines[node.lineno - 1] or "")[: node.col_offset].strip()


def _remove(lines: list[str | None], first: int, last: int | None) -> None:
    for number in range(first, (last or first) + 1):
        lines[number - 1] = None


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return target.id if isinstance(target, ast.Name) else ""


def _without_unused_imports(text: str) -> str:
    """Leave the imports that signatures use, and torch's own; what else the answer needs is the learner's to find."""
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | _ALWAYS
    lines: list[str | None] = list(text.splitlines())
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            kept = [alias for alias in node.names if (alias.asname or alias.name).partition(".")[0] in used]
            _remove(lines, node.lineno, node.end_lineno)
            if kept:
                node.names = kept
                lines[node.lineno - 1] = ast.unparse(node)
    return "\n".join(line for line in lines if line is not None)
