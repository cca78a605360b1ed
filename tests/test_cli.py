"""The command line: exit status, one helpful line for a wrong call, and JSON alone where it was asked for."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader import cli, console
from grader.exercise import ROOT, find
from grader.result import Result


@pytest.fixture
def right(tmp_path, solution):
    path = tmp_path / "huber.py"
    path.write_text(solution)
    return path


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "huber.py"
    path.write_text(find("huber").mistakes["sum"].source)
    return path


def test_a_right_submission_ends_with_status_0(command, right):
    ended = command("huber", str(right))
    assert ended.returncode == console.PASS
    count = 1 + len(find("huber").checks())
    assert f"{count} of {count} checks passed" in ended.stdout
    assert ended.stderr == ""
    assert "\x1b" not in ended.stdout


def test_a_wrong_submission_ends_with_status_1_and_teaches(command, wrong):
    ended = command("huber", str(wrong))
    assert ended.returncode == console.FAIL
    for part in ("The loss is the mean over all elements, not their sum.", "expected:", "got:", "The contract (mean)"):
        assert part in ended.stdout


def test_the_untouched_stub_fails_and_says_what_to_fill_in(command, tmp_path):
    stub = tmp_path / "huber.py"
    stub.write_text(find("huber").derived_stub())
    ended = command("huber", str(stub))
    assert ended.returncode == console.FAIL
    assert "fill in HuberLoss" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hubre"], "did you mean huber"),
        (["huber", "nowhere.py"], "nowhere.py does not exist"),
        (["huber", "grader"], "a folder"),
        (["huber", "--wild"], "--wild"),
        (["huber", "--seed", "x"], "--seed"),
        (["huber", "--sandbox", "maybe"], "--sandbox"),
        ([], "NAME"),
        (["selfcheck", "hubre"], "did you mean huber"),
        (["selfcheck", "--seeds", "0"], "--seeds"),
        (["stub", "hubre"], "did you mean huber"),
    ],
)
def test_a_wrong_call_ends_with_status_2_and_one_helpful_line(command, arguments, words):
    ended = command(*arguments)
    assert ended.returncode == console.WRONG_CALL
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_an_unreadable_file_ends_with_status_2(command, right):
    if os.geteuid() == 0:
        right.unlink()
        right.symlink_to(right)
    else:
        right.chmod(0)
    ended = command("huber", str(right))
    assert ended.returncode == console.WRONG_CALL
    assert ended.stderr.count("\n") == 1


def test_json_to_standard_output_is_all_there_is(command, wrong):
    ended = command("huber", str(wrong), "--json", "-")
    result = Result.from_json(ended.stdout)
    assert (result.verdict, result.exercise, result.submission) == ("fail", "huber", str(wrong))
    assert ended.returncode == console.FAIL


def test_json_to_a_file_comes_beside_the_report(command, right, tmp_path):
    ended = command("huber", str(right), "--json", str(tmp_path / "out.json"), "--seed", "3")
    assert json.loads((tmp_path / "out.json").read_text())["seed"] == 3
    assert "checks passed" in ended.stdout


def test_a_file_that_cannot_be_written_is_told_after_the_report(command, right):
    ended = command("huber", str(right), "--json", "/nowhere/out.json")
    assert ended.returncode == console.WRONG_CALL
    assert "/nowhere/out.json" in ended.stderr
    assert "checks passed" in ended.stdout


def test_hyphens_and_underscores_are_the_same():
    assert find("lr-finder") == find("lr_finder")


def test_a_fault_of_ours_ends_with_status_3_and_asks_for_a_report(monkeypatch, capsys):
    def broken(arguments):
        raise ZeroDivisionError("ours")

    from grader.commands import grade

    monkeypatch.setattr(grade, "run", broken)
    assert cli.main(["huber"]) == console.OUR_FAULT
    told = capsys.readouterr().err
    assert "ZeroDivisionError: ours" in told
    assert "please report" in told


def test_a_sandbox_that_is_required_and_missing_ends_with_status_3(monkeypatch, capsys, right):
    from grader import launch

    monkeypatch.setattr(launch, "source", lambda confined, banned=(): launch.Spawner())
    assert cli.main(["huber", str(right), "--sandbox", "require"]) == console.OUR_FAULT
    assert "no sandbox" in capsys.readouterr().err


def test_without_a_sandbox_one_line_says_so(command, right):
    ended = command("huber", str(right), "--sandbox", "off")
    assert ended.returncode == console.PASS
    assert ended.stdout.count("No sandbox") == 1


def test_interrupting_leaves_nothing_running(tmp_path):
    path = tmp_path / "huber.py"
    path.write_text("import time\ntime.sleep(60)\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    started = subprocess.Popen(
        [sys.executable, "-m", "grader", "huber", str(path)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(scratch)},
    )
    descendants = waited_for(started.pid)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=30)
    assert started.returncode == console.INTERRUPTED
    assert b"Traceback" not in errors
    assert gone(descendants)
    assert list(scratch.iterdir()) == []


def test_being_killed_leaves_nothing_running(tmp_path):
    path = tmp_path / "huber.py"
    path.write_text("import time\ntime.sleep(60)\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    started = subprocess.Popen(
        [sys.executable, "-m", "grader", "huber", str(path)], cwd=ROOT, env=os.environ | {"TMPDIR": str(scratch)}
    )
    descendants = waited_for(started.pid)
    started.kill()
    started.wait()
    assert gone(descendants)
    assert list(scratch.iterdir()) == []


def waited_for(pid: int) -> list[int]:
    """The server and the worker that it has forked, once both are there."""
    for _ in range(600):
        servers = children(pid)
        workers = [worker for server in servers for worker in children(server)]
        if workers:
            return servers + workers
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def gone(pids: list[int]) -> bool:
    for _ in range(200):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_colour_unless_no_color_is_set(wrong, no_color):
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    environment |= {"NO_COLOR": "1"} if no_color else {}
    with subprocess.Popen(
        [sys.executable, "-m", "grader", "huber", str(wrong)], cwd=ROOT, stdout=theirs, env=environment
    ) as started:
        os.close(theirs)
        shown = b""
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:
                break
            shown += data
            if not data:
                break
        started.wait()
    os.close(ours)
    assert (b"\x1b[" in shown) is not no_color
