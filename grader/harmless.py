"""Make text that is not ours fit to print: terminals and CI systems obey what they are shown; runs on our side."""

import re

_LONGEST = 20_000
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_OLD_COMMAND = re.compile(r"##(?=\w*\[)")


def harmless(text: str) -> str:
    """Text from a submission, fit to print anywhere: no control characters, commands to a CI's log, or addresses."""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return inert(_ADDRESS.sub("0x…", text.replace("\r\n", "\n").expandtabs(4)))


def inert(text: str) -> str:
    """Text with what steers a terminal, or a CI that reads its log, written out or broken up."""
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return without_commands(text)


def without_commands(text: str) -> str:
    """Lines that a CI would take for commands, broken up; to be done again where lines have been wrapped."""
    return _OLD_COMMAND.sub("# #", _COMMAND.sub(r"\1: ", text))
