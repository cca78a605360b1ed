"""What a submission uses up and sends back is bounded, and nothing of it breaks our side: one property each."""

from __future__ import annotations

import os
import time

import pytest
from conftest import QUICK
from test_hostile import assert_lost, body, statuses

from grader import launch, scratch
from grader.exercise import find
from grader.reports.terminal import terminal
from grader.submission import read

SEND = """
import json, os, struct


def _send(value, data=b"", key="value"):
    head = json.dumps({"dict": [["id", 1], [key, value]]}).encode()
    rest = struct.pack(">II", len(head), len(data)) + head + data
    while rest:
        rest = rest[os.write(3, rest):]
    os._exit(0)


def _raised(**changes):
    told = {"type": "E", "message": "m", "kinds": {"list": ["ValueError"]}, "frames": {"list": []}, **changes}
    _send({"dict": list(told.items())}, key="raised")
"""


# --- what comes back ---


@pytest.mark.parametrize(
    "sending",
    [
        'value = {"tensor": "uint8", "shape": [1 << 22], "strides": [1], "span": 1 << 22}\n'
        '_send({"list": [value] * 2000}, bytes(1 << 22))',
        'value = {"tensor": "uint8", "shape": [4000, 4000], "strides": [0, 1], "span": 4000}\n'
        '_send({"dict": [[str(i), value] for i in range(20000)]}, bytes(4000))',
        '_send("z" * (1 << 25))',
        'value = 1\nfor _ in range(200): value = {"list": [value]}\n_send(value)',
        '_raised(message="m" * (1 << 20))',
        '_raised(type="T" * (1 << 20))',
        '_raised(frames={"list": [{"list": [1, "f", "l"]}] * 10000})',
    ],
    ids=["bytes named again", "unfolded", "a long text", "deep", "a long message", "a long name", "many frames"],
)
def test_a_reply_costs_our_side_no_more_than_an_honest_one(graded, sending):
    started = time.monotonic()
    result = graded(SEND + body(sending))
    assert_lost(result)
    assert statuses(result)["forward"] in ("crash", "memory", "fail")
    assert len(terminal(result, width=80, color=False)) < 60_000
    assert time.monotonic() - started < QUICK.total_seconds


def test_answers_that_add_up_are_bounded(graded, solution):
    wide = solution.replace(".mean()", ".mean() + torch.zeros(1 << 19, dtype=y_pred.dtype)")
    result = graded(wide.replace("near / 2)).mean() +", "near / 2)).mean() if y_pred.numel() == 2 else 0 *"))
    assert result.verdict == "fail"
    assert "error" not in statuses(result).values()


def test_a_long_answer_is_quoted_in_part(graded):
    result = graded(body("return 'z' * 2_000_000"))
    assert_lost(result)
    assert len(result.failed[0].message) < 10_000


# --- what is raised ---

RAISED = {
    "more than a message": "raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')",
    "a group": "raise ExceptionGroup('several', [ValueError('one')])",
    "a class whose name is no name": "raise _named('a\\0b\\ud800')",
    "a class without end": "raise type('N' * 1_000_000, (Exception,), {})('x')",
    "a class that hides its name": "raise _Nameless('x')",
    "a text of its own kind": "raise ValueError(_Text('x'))",
    "a syntax error without a line": "raise _syntax_error",
}
KINDS = """
class _Meta(type):
    @property
    def __name__(cls):
        return cls.told


def _named(name):
    return _Meta("_Named", (Exception,), {"told": name})("x")


class _Nameless(Exception, metaclass=_Meta):
    @property
    def told(self):
        raise KeyboardInterrupt


class _Text(str):
    def __str__(self):
        return self

    def __getitem__(self, _):
        return "z" * 10_000_000


_syntax_error = SyntaxError("x")
_syntax_error.filename, _syntax_error.lineno, _syntax_error.text = "huber.py", "::error::", 3
"""


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("place", ["import", "forward"])
def test_whatever_is_raised_is_told_as_the_submission_s_own(graded, kind, place):
    raising = RAISED[kind]
    result = graded(f"{KINDS}\n{raising}\n" if place == "import" else KINDS + body(raising))
    assert_lost(result)
    failed = result.failed[0]
    assert failed.status == "fail"
    assert "could not be used" not in failed.message
    assert len(failed.message) < 10_000
    result.to_json().encode()


def test_an_error_that_was_asked_for_may_be_a_more_special_one(graded, solution):
    special = solution.replace('raise ValueError(f"shapes differ', 'raise UnicodeDecodeError("x", b"", 0, 1, f"shapes')
    assert statuses(graded(special))["refused_shapes"] == "pass"


# --- what is used up ---


def test_sleeping_through_the_calls_ends_at_the_total_budget(graded, solution):
    started = time.monotonic()
    sleepy = solution.replace("        near = ", "        __import__('time').sleep(1.5)\n        near = ")
    result = graded(sleepy)
    assert result.verdict == "fail"
    assert time.monotonic() - started < QUICK.total_seconds + QUICK.call_seconds


@pytest.mark.parametrize(
    ("flood", "words"),
    [
        ("i = 0\nwhile True: i += 1; open(f'f{i}', 'w').close()", "files were written"),
        ("i = 0\nwhile True: i += 1; open(f'f{i}', 'wb').write(b'x' * (8 << 20))", "MiB or"),
        ("import os\nwhile True: os.mkdir('d' * 200); os.chdir('d' * 200)", "were written"),
        (
            "import threading, time\nthreading.stack_size(1 << 15)\n"
            "while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
            # Which comes first depends on how fast the machine is: our look at the threads, or the end of their memory.
            ("threads were started", "can't start new thread"),
        ),
    ],
    ids=["files", "bytes", "folders in folders", "threads"],
)
def test_a_flood_is_stopped_with_its_reason(graded, flood, words):
    result = graded(f"{flood}\n{body('return 0')}")
    assert_lost(result)
    told = result.checks[0].message
    assert any(each in told for each in ([words] if isinstance(words, str) else words)), told
    source = launch.source(confined=True, banned=find("huber").banned)
    assert os.listdir(source.scratch) == []


def test_a_scratch_folder_is_emptied_whatever_is_in_it(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("gold")
    folder = tmp_path / "scratch"
    folder.mkdir()
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(1200):
            os.mkdir("d" * 20)
            os.chdir("d" * 20)
            os.close(os.open("file", os.O_CREAT))
    finally:
        os.chdir(here)
    (folder / "link").symlink_to(outside)
    (folder / "closed").mkdir()
    (folder / "closed" / "inner").mkdir()
    (folder / "closed" / "inner").chmod(0)
    (folder / "closed").chmod(0o300)
    (folder / os.fsdecode(b"\xff\n\x1b")).write_text("x")
    scratch.empty(str(folder))
    assert os.listdir(folder) == []
    assert (outside / "precious").read_text() == "gold"


def test_a_sparse_file_of_terabytes_is_read_in_part(tmp_path):
    with open(tmp_path / "huber.py", "wb") as stream:
        stream.truncate(1 << 40)
    assert "or more" in read(str(tmp_path / "huber.py"), ()).fault


@pytest.mark.parametrize("coding", ["rot13", "hex", "undefined", "punycode", "idna", "zlib"])
def test_a_coding_that_no_source_has_is_a_fault(tmp_path, coding):
    (tmp_path / "huber.py").write_bytes(f"# coding: {coding}\nx = 1\n".encode())
    assert read(str(tmp_path / "huber.py"), ()).fault
