"""Dependencies point one way: the arrows, as data."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from grader.exercise import ROOT

WORKER_SIDE = {
    "ban",
    "calls",
    "confine",
    "eager",
    "forkserver",
    "landlock",
    "modules",
    "scratch",
    "seccomp",
    "wire",
    "worker",
}
ALLOWED = {
    "__init__": {"judge", "jupyter", "result"},
    "__main__": {"cli"},
    "authoring": {"compare", "picture"},
    "ban": set(),
    "bench": {
        "diagnosis",
        "examples",
        "exercise",
        "harmless",
        "launch",
        "limits",
        "result",
        "sandbox",
        "show",
        "side",
        "submission",
    },
    "calls": set(),
    "cells": set(),
    "cli": {"console", "exercise", "progress", "submission", "workspace"},
    "commands.__init__": set(),
    "commands.grade": {
        "console",
        "exercise",
        "judge",
        "launch",
        "progress",
        "reports.svg",
        "reports.terminal",
        "result",
        "submission",
        "workspace",
    },
    "commands.hint": {"console", "exercise", "progress", "reports.statement", "workspace"},
    "commands.init": {"console", "progress", "stubs", "workspace"},
    "commands.list": {"console", "listing", "reports.listing", "workspace"},
    "commands.plot": {
        "console",
        "exercise",
        "harmless",
        "launch",
        "limits",
        "plot",
        "show",
        "side",
        "submission",
        "workspace",
    },
    "commands.reset": {"console", "exercise", "stubs", "workspace"},
    "commands.selfcheck": {"console", "exercise", "reports.table", "selfcheck"},
    "commands.show": {"console", "exercise", "progress", "reports.statement", "workspace"},
    "commands.stub": {"console", "exercise"},
    "commands.watch": {
        "console",
        "events",
        "exercise",
        "judge",
        "launch",
        "listing",
        "reports.watching",
        "submission",
        "watch",
        "workspace",
    },
    "compare": set(),
    "confine": {"landlock", "seccomp"},
    "console": {"harmless"},
    "diagnosis": {
        "ban",
        "bench",
        "calls",
        "compare",
        "examples",
        "exercise",
        "harmless",
        "limits",
        "modules",
        "result",
        "show",
        "side",
        "stub",
    },
    "eager": set(),
    "events": set(),
    "examples": {"exercise", "side"},
    "exercise": {"modules", "stub"},
    "files": set(),
    "forkserver": {"ban", "confine", "eager", "scratch", "wire", "worker"},
    "handle": {"policy"},
    "harmless": set(),
    "judge": {"bench", "calls", "eager", "exercise", "harmless", "launch", "limits", "result", "sandbox", "submission"},
    "jupyter": {"exercise", "progress", "reports.html", "reports.terminal", "result", "workspace"},
    "landlock": set(),
    "launch": {"handle", "policy", "scratch", "spawn"},
    "limits": set(),
    "listing": {"exercise", "progress", "workspace"},
    "modules": set(),
    "needs": set(),
    "notebook": {"cells", "needs"},
    "picture": set(),
    "plot": {"bench", "calls", "eager", "exercise", "launch", "limits", "picture", "sandbox", "side", "submission"},
    "policy": set(),
    "progress": {"files"},
    "pytest_plugin": {"exercise", "judge", "launch", "reports.text", "result", "submission"},
    "reports.__init__": set(),
    "reports.canvas": set(),
    "reports.html": {"reports.text", "result"},
    "reports.listing": {"exercise", "listing", "reports.canvas"},
    "reports.statement": {"reports.canvas"},
    "reports.svg": set(),
    "reports.table": {"selfcheck"},
    "reports.terminal": {"harmless", "reports.canvas", "reports.text", "result"},
    "reports.text": {"result"},
    "reports.watching": {"reports.canvas", "reports.listing", "reports.terminal", "reports.text", "result", "watch"},
    "result": set(),
    "sandbox": {"handle", "launch", "limits", "scratch", "wire"},
    "scratch": set(),
    "seccomp": set(),
    "selfcheck": {"bench", "exercise", "judge", "result", "submission", "trivial"},
    "show": {"calls", "compare", "side"},
    "side": {"calls", "wire"},
    "spawn": {"handle", "policy", "scratch"},
    "stub": set(),
    "stubs": {"exercise", "files", "workspace"},
    "submission": {"notebook"},
    "trivial": {"calls", "compare", "examples", "exercise", "side"},
    "watch": {"events", "exercise", "listing", "progress", "result", "stubs", "submission", "workspace"},
    "wire": set(),
    "worker": {"calls", "modules", "wire"},
    "workspace": {"exercise"},
}
FILES = {
    ".".join(path.relative_to(ROOT / "grader").with_suffix("").parts): path for path in (ROOT / "grader").rglob("*.py")
}


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "grader":
            found |= {alias.name for alias in node.names} & set(FILES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("grader."):
            found.add(node.module.removeprefix("grader."))
    return found


def test_every_file_is_in_the_table():
    assert set(FILES) == set(ALLOWED)


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_what_the_table_allows(name):
    assert imported(FILES[name]) <= ALLOWED[name]


@pytest.mark.parametrize("name", sorted(WORKER_SIDE))
def test_what_runs_in_the_worker_imports_nothing_of_our_side(name):
    assert ALLOWED[name] <= WORKER_SIDE


def test_nothing_of_the_grader_imports_a_solution():
    for path in FILES.values():
        assert "solutions" not in {
            (node.module or "").partition(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }


def test_the_worker_loads_no_module_of_our_side():
    code = "import sys, grader.forkserver, grader.worker\nprint(*(n for n in sys.modules if n.startswith('grader.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert {name.removeprefix("grader.") for name in loaded.split()} <= WORKER_SIDE


STARTED = ["grader.cli", "grader.pytest_plugin", "grader.exercise", "grader.launch", "grader.jupyter"]


@pytest.mark.parametrize("module", STARTED)
def test_what_every_start_loads_does_without_torch(module):
    code = f"import sys, {module}\nprint(sorted({{'torch', 'hypothesis', 'rich', 'numpy'}} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.strip() == "[]"
