"""Checks PyTorch exercises: `grade(name, path)` returns a frozen `Result`; `check(name)`, in a notebook, shows one."""

import os
import sys

# `python -m grader` puts the folder that it is started from before the standard library. Where that is not the kit's,
# it may be a submission's, and a json.py in it would be run here. (Both modules above are there already at this point.)
if sys.argv[:1] == ["-m"] and sys.path[:1] == [os.getcwd()] != [os.path.dirname(os.path.dirname(__file__))]:
    del sys.path[0]

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.judge import grade
    from grader.jupyter import check
    from grader.result import CheckResult, Counterexample, Misconception, Result

__version__ = "0.1.0"
__all__ = ["CheckResult", "Counterexample", "Misconception", "Result", "check", "grade"]


def __getattr__(name: str) -> Any:
    """Load on first use: `python -m grader --help` and the worker shall not pay for torch's import here."""
    if name == "grade":
        from grader.judge import grade

        return grade
    if name == "check":
        from grader.jupyter import check

        return check
    if name in __all__:
        from grader import result

        return getattr(result, name)
    raise AttributeError(f"module 'grader' has no attribute {name!r}")
