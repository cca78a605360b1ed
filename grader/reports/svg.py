"""A terminal report as a picture: SVG that any browser shows, with nothing to fetch."""

import io
import re

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def svg(report: str, width: int, title: str) -> str:
    """The report's text with its ANSI colours, `width` columns wide, under a window title."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.from_ansi(report.rstrip("\n")), soft_wrap=False)
    picture = console.export_svg(title=title, theme=MONOKAI, unique_id="report")
    return _FONT.sub("", picture).replace("Fira Code, monospace", "monospace")
