"""What every command shares: exit statuses, how wrong arguments are told, what the terminal can show."""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn, TextIO

from grader.harmless import inert

PASS, FAIL, WRONG_CALL, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130
LOG_WIDTH = 100


class WrongCall(Exception):
    """The user asked for what cannot be done; the message is one line that names the remedy."""


class Parser(argparse.ArgumentParser):
    """Wrong arguments cost one line, not the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on."""
        raise WrongCall(f"{message}; see `python -m {self.prog} --help`")


def say(message: str) -> None:
    """One line on standard error."""
    print(f"grader: {inert(message)}", file=sys.stderr)


def shown(path: Path) -> str:
    """The path as the reader would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def has_color(stream: TextIO) -> bool:
    """Whether the stream is a terminal whose user wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Columns of the terminal; of a log, a fixed number."""
    return shutil.get_terminal_size().columns if stream.isatty() else LOG_WIDTH


def confirmed(question: str, flag: str) -> bool:
    """The user's answer to a yes-or-no question; raises WrongCall where there is nobody to ask, and names the flag."""
    if not sys.stdin.isatty():
        raise WrongCall(f"there is no terminal to ask on; add {flag}")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
