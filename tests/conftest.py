"""Shared by all tests: where the kit is, and gradings of inline submissions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.exercise import ROOT, find
from grader.judge import grade
from grader.limits import Limits
from grader.result import Result

pytest_plugins = ["pytester"]
QUICK = Limits(cpu_seconds=2, call_seconds=4.0, total_seconds=12.0, memory_bytes=512 << 20)


@pytest.fixture
def graded(tmp_path: Path) -> Callable[..., Result]:
    """Grade source text as a submission, under limits that do not keep a test waiting."""

    def run(source: str, exercise: str = "huber", **options) -> Result:
        path = tmp_path / f"{exercise}.py"
        path.write_text(source, encoding="utf-8")
        return grade(exercise, path, **{"limits": QUICK} | options)

    return run


@pytest.fixture
def solution() -> str:
    """A right answer's text."""
    return find("huber").source("solution")


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m grader` as a user would."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "grader", *arguments],
            **{"cwd": ROOT, "capture_output": True, "text": True, "timeout": 120} | options,
        )

    return run
