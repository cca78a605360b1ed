"""The command line: which command, and the exit status of what goes wrong; each command is a module of its own."""

import argparse
import importlib
import io
import sys
from collections.abc import Sequence

from grader import __version__, progress
from grader.console import FAIL, INTERRUPTED, OUR_FAULT, PASS, WRONG_CALL, WrongCall, say
from grader.exercise import Unknown
from grader.submission import Unreadable
from grader.workspace import NoWorkspace

COMMANDS = {
    "list": "the exercises, and what you have done of them",
    "watch": "grade your file each time that you save it",
    "hint": "one hint more",
    "show": "the statement; the solution, once you have passed",
    "reset": "begin anew; your file is kept as a backup",
    "init": "copy the exercises into a folder of yours",
    "plot": "a picture made with your code",
    "stub": "(authors) write the stubs that are derived from the solutions",
    "selfcheck": "(authors) prove the house rules of exercises",
}
_USAGE = "grader NAME [PATH] [options] | grader COMMAND …"


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
    except (WrongCall, Unknown, Unreadable, progress.Unreadable, NoWorkspace) as error:
        say(str(error))
        return WRONG_CALL
    except KeyboardInterrupt:
        say("interrupted; nothing was left running")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return FAIL
    except Exception:
        return _our_fault()


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help"):
        print(_help(), end="")
        return PASS
    if first == "--version":
        print(f"grader {__version__}")
        return PASS
    command = first if first in COMMANDS else "grade"
    run = importlib.import_module(f"grader.commands.{command}").run
    status: int = run(arguments[1:] if first in COMMANDS else arguments)
    return status


def _help() -> str:
    parser = argparse.ArgumentParser(
        "grader",
        usage=_USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Grade an answer to an exercise: `grader huber` takes your own file, `grader huber PATH` another.",
        epilog="commands:\n"
        + "".join(f"  {name:<11}{summary}\n" for name, summary in COMMANDS.items())
        + "\nEach has its own --help; `grader NAME --help` tells the options of grading.",
    )
    return parser.format_help()


def _our_fault() -> int:
    import platform
    import traceback

    traceback.print_exc()
    say("the grader itself failed; this says nothing about the submission")
    versions = f"grader {__version__}, Python {platform.python_version()}, {platform.platform()}"
    say(f"please report the lines above with: {versions}")
    return OUR_FAULT
