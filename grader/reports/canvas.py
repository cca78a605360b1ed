"""A rich console that writes into a string: how every terminal report is made."""

import io

from rich.console import Console


def canvas(width: int, color: bool) -> Console:
    """A console of `width` columns, with ANSI colours or without; nothing in its text is taken for markup."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        force_jupyter=False,  # in a kernel rich would show each line itself, and write none of them
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def finished(console: Console) -> str:
    """What was printed, without blanks at the ends of lines."""
    assert isinstance(console.file, io.StringIO), "the console is one of `canvas`"
    return "\n".join(line.rstrip() for line in console.file.getvalue().split("\n"))
