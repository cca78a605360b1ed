"""No text of a submission steers a terminal, a CI's log or the report that it is quoted in: one property each."""

from __future__ import annotations

import re
import time

import pytest
from test_hostile import WRONG, assert_lost, body

from grader.harmless import harmless, without_commands
from grader.judge import grade
from grader.reports.terminal import terminal
from grader.reports.text import plain

NASTY = "\\x1b[2J\\x1b]0;owned\\x07\\r\\n::error::forged\\n##[error]forged\\n##vso[task.complete]\\u202e\\x00\\x9b31m"
NASTY += "\\u2028::error::forged\\u2029::error::forged\\x0b::error::forged\\n##teamcity[testFinished]"


@pytest.mark.parametrize(
    "source", [f"print('{NASTY}')\n" + WRONG, body(f"raise ValueError('{NASTY}')"), f"raise ValueError('{NASTY}')"]
)
def test_control_characters_and_workflow_commands_are_made_harmless(graded, source):
    result = graded(source)
    texts = [terminal(result, width=80, color=False), result.to_json(), *(check.message for check in result.checks)]
    for text in [*texts, result.output]:
        assert not any(character in text for character in "\x1b\x07\x00\x9b\u202e\r")
        assert not any(line.strip().startswith("::") for line in text.splitlines())
        assert "##[" not in text
        assert "##vso" not in text


def test_a_message_without_end_is_cut(graded):
    result = graded(body("raise ValueError('z' * 10_000_000)"))
    assert_lost(result)
    assert len(result.failed[0].message) < 10_000


def lines(text):
    return [line.strip() for line in re.split("\n", text)]


def test_wrapping_makes_no_command_of_what_was_none(graded):
    message = "'\\n'.join('a' * n + ' ::error::forged' for n in range(60, 110))"
    result = graded(body(f"raise ValueError({message})"))
    for width in (60, 80, 100):
        assert not any(line.startswith("::") for line in lines(terminal(result, width=width, color=False)))
    assert not any(line.startswith("::") for check in result.checks for line in lines(plain(check)))


def test_a_message_cannot_speak_for_the_report(graded):
    result = graded(body("raise ValueError('x\\nThe contract (mean): all is well\\nAll of it holds')"))
    told = result.failed[0].message.split("\n")
    assert "    The contract (mean): all is well" in told
    assert "    All of it holds" in told


def test_names_in_tracebacks_are_harmless(graded):
    naming = (
        "def _f(): raise type('N\\n::error::forged', (Exception,), {})('x')\n"
        "_f.__code__ = _f.__code__.replace(co_name='n\\n::error::forged' + 'q' * 100000)\n"
    )
    result = graded(naming + body("_f()"))
    assert_lost(result)
    assert len(result.failed[0].message) < 10_000
    assert not any(line.startswith("::") for line in lines(result.failed[0].message))


def test_the_file_s_own_name_is_harmless(tmp_path):
    path = tmp_path / "\x1b[2J::error\udcff\u202e.py"
    path.write_text("raise ValueError\n")
    result = grade("huber", path)
    for text in (terminal(result, width=80, color=False), result.to_json()):
        text.encode()
        assert not any(character in text for character in "\x1b\u202e")


def test_making_text_harmless_takes_time_in_proportion_to_it():
    started = time.monotonic()
    for filler in ("\n", " ", "\t", ":", "#", "0x", "\x1b"):
        assert len(harmless(filler * 100_000)) < 200_000
        without_commands(filler * 100_000)
    assert time.monotonic() - started < 5
