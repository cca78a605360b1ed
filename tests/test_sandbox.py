"""Workers under limits, with and without fork, and what the judge makes of them."""

import os
import sys
import threading
from pathlib import Path

import pytest

from grader import confine, launch, seccomp
from grader.exercise import find
from grader.judge import grade
from grader.limits import Limits, Lost
from grader.sandbox import Load, Worker

LOAD = Load("mine", "mine.py", "def f(): return 1\n", "def p(learner):\n    return learner.f()\n")


@pytest.fixture
def spawner(monkeypatch):
    """Workers as systems without fork have them."""
    made = launch.Spawner()
    monkeypatch.setattr(launch, "source", lambda confined, banned=(): made)
    yield made
    made.close()


def test_without_fork_the_verdicts_are_the_same(spawner, tmp_path):
    path = tmp_path / "huber.py"
    path.write_text(find("huber").mistakes["sum"].source)
    limits = Limits(total_seconds=300.0)
    here = grade("huber", path, limits=limits)
    assert here.sandbox == "none"
    forked = {"imports", "forward", "inputs_untouched", "refused_delta", "refused_shapes"}
    assert {check.name for check in here.checks if check.status == "pass"} == forked
    assert here.failed[0].misconception.name == "sum"


def test_without_fork_an_endless_loop_ends(spawner):
    endless = Load("mine", "mine.py", "while True: pass\n", "")
    with Worker(spawner, Limits(call_seconds=1.0), endless) as worker, pytest.raises(Lost) as lost:
        worker.loaded()
    assert lost.value.status == "timeout"


def test_one_server_serves_several_threads():
    source = launch.source(confined=True)
    answers = []

    def ask():
        with Worker(source, Limits(), LOAD) as worker:
            answers.append([worker.ask({"probe": "p", "args": ()})["value"] for _ in range(20)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    source.settle()
    assert answers == [[1] * 20] * 4


def test_a_server_that_is_gone_is_started_anew():
    first = launch.source(confined=True)
    assert first.sandbox
    first._process.kill()
    first._process.wait()
    second = launch.source(confined=True)
    assert second is not first
    with Worker(second, Limits(), LOAD) as worker:
        assert worker.loaded()["value"] == ["f"]


def test_hidden_files_are_not_in_what_may_be_read(tmp_path):
    for name in ("seen/deep/a", "seen/b", "seen/deep/secret/c", "other/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "seen/link").symlink_to(tmp_path / "other")
    found = confine.visible([str(tmp_path / "seen")], [str(tmp_path / "seen/deep/secret")])
    assert {str(path.relative_to(tmp_path)) for path in found} == {"seen/deep/a", "seen/b"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_whose_jumps_stay_inside(machine):
    program = seccomp.program(machine, os.getpid())
    steps = [program[i : i + 8] for i in range(0, len(program), 8)]
    assert 20 < len(steps) < 4096
    for place, step in enumerate(steps):
        assert place + 1 + max(step[2], step[3]) < len(steps) or step[0] == 0x06


def test_a_package_installed_meanwhile_does_not_make_imports_fail(monkeypatch):
    from importlib.machinery import FileFinder

    from grader.forkserver import _keep_listings

    folder = str(launch.policy.PACKAGE.parent / "tests")
    finder = FileFinder(folder, *[])
    monkeypatch.setitem(sys.path_importer_cache, folder, finder)
    _keep_listings([Path(folder)])
    kept = set(finder._path_cache)
    finder._path_mtime = -1
    monkeypatch.setattr(os, "listdir", lambda path: [])
    finder.find_spec("anything")
    assert kept == set(finder._path_cache) != set()


def test_the_folders_that_are_opened_up_are_those_above_what_is_hidden(tmp_path):
    assert confine.opened_up([str(tmp_path / "a")], [str(tmp_path / "a/b/c"), str(tmp_path / "d/e")]) == {
        tmp_path / "a",
        tmp_path / "a/b",
    }
