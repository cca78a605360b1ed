"""What a wheel carries: every file of every exercise, and every package of ours."""

import tomllib

from grader.exercise import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def test_every_file_of_an_exercise_is_in_the_wheel():
    carried = {
        path
        for pattern in SETUPTOOLS["package-data"]["grader.solutions"]
        for path in (ROOT / "solutions").glob(pattern)
    }
    there = {path for path in (ROOT / "solutions").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert there == carried


def test_every_package_is_in_the_wheel():
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "grader").rglob("__init__.py")}
    assert there | {"grader.solutions"} == set(SETUPTOOLS["packages"])
