"""`pytest exercises/losses/huber.py`: one test for each check, by the same judge; an installed entry point."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader import launch
from grader.exercise import ROOT, Exercise, Unknown, exercises, find

if TYPE_CHECKING:
    from grader.judge import Grading
    from grader.result import CheckResult


_GRADES = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the grader's options."""
    group = parser.getgroup("grader", "PyTorch exercises")
    group.addoption("--exercise", metavar="NAME", help="grade the given files as submissions for this exercise")
    group.addoption("--grader-seed", type=int, default=0, metavar="N", help="other random cases (default 0)")
    group.addoption("--sandbox", choices=("auto", "require", "off"), default="auto", help="how to confine submissions")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Load no conftest.py when submissions are graded: one planted beside a submission would run in this process.

    Nor obey a configuration that was found beside one: its `addopts` can deselect what fails.
    """
    options = early_config.known_args_namespace
    here = early_config.invocation_params.dir
    named = [here / arg.partition("::")[0] for arg in args if not arg.startswith("-")]
    graded = [path for path in named if (path.is_file() if options.exercise else _own_exercise(path))]
    if not graded and not options.exercise:
        return
    options.noconftest = True
    early_config.stash[_GRADES] = True
    found = early_config.inipath
    if found and not options.inifilename and not _is_trusted(found.parent, here, [path.parent for path in graded]):
        raise pytest.UsageError(
            f"{found} came with the submission and is not obeyed; to use it all the same: -c {found}"
        )


def _is_trusted(folder: Path, here: Path, submissions: list[Path]) -> bool:
    """Whether a configuration in `folder` is the kit's, or the caller's own: at or above where pytest was started."""
    own = folder.resolve()
    if own == ROOT:
        return True
    return own in (here.resolve(), *here.resolve().parents) and own not in [path.resolve() for path in submissions]


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take every folder for a plain one when submissions are graded: of a package, `__init__.py` would be imported."""
    if not parent.config.stash.get(_GRADES, False):
        return None
    made: pytest.Collector = pytest.Dir.from_parent(parent, path=path)
    return made


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an unknown exercise before anything is collected."""
    named = config.getoption("--exercise")
    if named:
        try:
            find(named)
        except Unknown as error:
            raise pytest.UsageError(str(error)) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A submission that pytest would not take for a Python test by itself."""
    if file_path.suffix == ".py" and parent.session.isinitpath(file_path):
        return None
    return _submission(parent, file_path)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A submission that was named on the command line: pytest would import it into this process."""
    return _submission(parent, module_path)


def _submission(parent: pytest.Collector, path: Path) -> SubmissionFile | None:
    exercise = _exercise_of(path, parent)
    if exercise is None:
        return None
    made: SubmissionFile = SubmissionFile.from_parent(parent, path=path)
    made.exercise = exercise
    return made


def _exercise_of(path: Path, parent: pytest.Collector) -> Exercise | None:
    """The exercise that a file is a submission for: `--exercise` for the files named, else by its place."""
    named = parent.config.getoption("--exercise")
    if named:
        return find(named) if parent.session.isinitpath(path) else None
    return _own_exercise(path)


def _own_exercise(path: Path) -> Exercise | None:
    """The exercise of a file that lies as `exercises/<topic>/<name>.py`."""
    exercise = exercises().get(path.stem) if path.suffix == ".py" else None
    return exercise if exercise and path.parts[-3:-1] == ("exercises", exercise.topic) else None


class SubmissionFile(pytest.File):
    """A submission; its items are the exercise's checks."""

    exercise: Exercise

    @cached_property
    def grading(self) -> Grading:
        """The submission's grading, begun at its first check."""
        from grader.judge import Grading
        from grader.submission import read

        config = self.config
        return Grading(
            self.exercise,
            read(str(self.path), self.exercise.entry_points),
            seed=config.getoption("--grader-seed"),
            sandbox=config.getoption("--sandbox"),
        )

    def teardown(self) -> None:
        """End what the grading may have left running."""
        self.grading.close()

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each check, in the order of the report."""
        launch.source(confined=self.config.getoption("--sandbox") != "off", banned=self.exercise.banned)
        for name in self.grading.names:
            yield CheckItem.from_parent(self, name=name)


class CheckItem(pytest.Item):
    """One check."""

    def runtest(self) -> None:
        """Run the check; one that was not run fails, so that selecting it alone cannot look like a pass."""
        assert isinstance(self.parent, SubmissionFile)
        check = self.parent.grading.check(self.name)
        if output := self.parent.grading.output:
            self.add_report_section("call", "stdout", output)
        if check.status != "pass":
            raise CheckFailed(check)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The text that the command line shows."""
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test is: in the submission's file."""
        return self.path, None, self.name


class CheckFailed(Exception):
    """A check did not pass; the text is the report's."""

    def __init__(self, check: CheckResult) -> None:
        from grader.reports.text import plain

        super().__init__(plain(check))
