"""The command line: arguments, which report, exit status; nothing else decides these."""

import argparse
import io
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from grader import __version__, launch
from grader.harmless import inert

if TYPE_CHECKING:
    from grader.result import Result

PASS, FAIL, WRONG_CALL, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130
_LOG_WIDTH = 100
_SANDBOXES = ("auto", "require", "off")


def entry() -> None:
    """The console script."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        _say("interrupted; nothing was left running")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return FAIL
    except Exception:
        return _our_fault()


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command in COMMANDS:
        return COMMANDS[command](arguments[1:])
    return _grade(arguments)


def _grade(arguments: list[str]) -> int:
    options = _grade_parser().parse_args(arguments)
    from grader.exercise import Unknown, find
    from grader.submission import Unreadable, read

    try:
        exercise = find(options.name)
        submission = read(options.path or _shown(exercise.stub_path))
    except (Unknown, Unreadable) as error:
        return _wrong_call(str(error))
    launch.source(confined=options.sandbox != "off", banned=exercise.banned)
    from grader.judge import NoSandbox, grade_text

    try:
        result = grade_text(exercise, submission, seed=options.seed, sandbox=options.sandbox)
    except NoSandbox as error:
        _say(str(error))
        return OUR_FAULT
    if options.json == "-":
        print(result.to_json())
    else:
        _print_report(result, options.all)
        if options.json:
            try:
                Path(options.json).write_text(result.to_json() + "\n", encoding="utf-8")
            except OSError as error:
                return _wrong_call(f"the result cannot be written to {options.json}: {error.strerror}")
    return {"pass": PASS, "fail": FAIL, "error": OUR_FAULT}[result.verdict]


def _print_report(result: "Result", all_code: bool) -> None:
    from grader.reports.terminal import terminal

    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _LOG_WIDTH
    sys.stdout.write(terminal(result, width=width, color=color, all_code=all_code))
    sys.stdout.flush()


def _stub(arguments: list[str]) -> int:
    parser = _Parser("grader stub", description="Write the stubs that are derived from the solutions.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="exercises; all, if none is named")
    names = parser.parse_args(arguments).names
    from grader.exercise import Unknown, exercises, find

    try:
        for exercise in map(find, names or exercises()):
            exercise.stub_path.parent.mkdir(parents=True, exist_ok=True)
            exercise.stub_path.write_text(exercise.derived_stub(), encoding="utf-8")
            print(_shown(exercise.stub_path))
    except Unknown as error:
        return _wrong_call(str(error))
    return PASS


def _selfcheck(arguments: list[str]) -> int:
    parser = _Parser("grader selfcheck", description="Prove the house rules of exercises.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="exercises; all, if none is named")
    parser.add_argument("--seeds", type=_positive, default=1, metavar="N", help="grade with the seeds 0 to N - 1")
    parser.add_argument("--twice", action="store_true", help="grade everything two times, and compare")
    options = parser.parse_args(arguments)
    from grader.exercise import Unknown, exercises, find
    from grader.reports.table import heading, line
    from grader.selfcheck import selfcheck

    try:
        names = [find(name).name for name in options.names] or list(exercises())
    except Unknown as error:
        return _wrong_call(str(error))
    print(heading())
    findings = 0
    for row in selfcheck(names, options.seeds, options.twice):
        print(line(row), flush=True)
        for finding in row.findings:
            print(f"    {finding}", flush=True)
        findings += len(row.findings)
    return FAIL if findings else PASS


COMMANDS: dict[str, Callable[[list[str]], int]] = {"selfcheck": _selfcheck, "stub": _stub}


class _Parser(argparse.ArgumentParser):
    """Wrong arguments cost one line, not the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on."""
        _say(f"{message}; see `python -m {self.prog} --help`")
        sys.exit(WRONG_CALL)


def _grade_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "grader",
        description="Grade a submission for an exercise: your own file under exercises/, or the one at PATH.",
        epilog=f"other commands: {', '.join(COMMANDS)}; each has its own --help",
    )
    parser.add_argument("name", metavar="NAME", help="the exercise, such as huber")
    parser.add_argument("path", metavar="PATH", nargs="?", help="the submission's file")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="other random cases (default 0)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON too; - for standard output alone")
    parser.add_argument("--sandbox", choices=_SANDBOXES, default="auto", help="how to confine the submission")
    parser.add_argument("--all", action="store_true", help="show every counterexample as code, not only the first")
    parser.add_argument("--version", action="version", version=f"grader {__version__}")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number


def _shown(path: Path) -> str:
    """The path as the reader would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _wrong_call(message: str) -> int:
    _say(message)
    return WRONG_CALL


def _say(message: str) -> None:
    print(f"grader: {inert(message)}", file=sys.stderr)


def _our_fault() -> int:
    import platform
    import traceback

    traceback.print_exc()
    _say("the grader itself failed; this says nothing about the submission")
    versions = f"grader {__version__}, Python {platform.python_version()}, {platform.platform()}"
    _say(f"please report the lines above with: {versions}")
    return OUR_FAULT
