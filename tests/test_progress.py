"""The progress file: mergeable, safe with two commands at once, and never a line lost."""

import os
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import progress
from grader.progress import Entry, Progress

MOMENTS = st.integers(0, 999).map(lambda ms: f"2026-01-01T00:00:00.{ms:03}Z")
ENTRIES = st.builds(Entry, st.one_of(st.just(""), MOMENTS), st.one_of(st.just(""), MOMENTS), st.integers(0, 3))
PROGRESS = st.dictionaries(st.sampled_from(["huber", "glu", "lr_finder"]), ENTRIES).map(
    lambda entries: Progress({name: entry for name, entry in entries.items() if entry != Entry()})
)


@given(PROGRESS)
def test_what_is_written_is_read_again(told):
    assert progress.parse(told.text()) == told


@given(PROGRESS, PROGRESS, st.randoms())
def test_two_files_merge_as_their_lines_in_any_order(one, other, order):
    lines = [*one.text().splitlines(), "<<<<<<< HEAD", "=======", *other.text().splitlines(), ">>>>>>> theirs"]
    order.shuffle(lines)
    names = {*one.entries, *other.entries}
    assert progress.parse("\n".join(lines)) == Progress({name: one.of(name).merged(other.of(name)) for name in names})


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (Entry(), "untouched"),
        (Entry(hints=2), "untouched"),
        (Entry(failed="2026-01-01T00:00:00.000Z"), "tried"),
        (Entry("2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z"), "done"),
        (Entry("2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"), "broken again"),
    ],
)
def test_the_last_verdict_decides_the_state(entry, state):
    assert entry.state == state


def test_passing_failing_and_passing_again_are_told_apart_at_once(tmp_path):
    path = tmp_path / "progress.txt"
    states = []
    for passed in (False, True, False, True):
        assert progress.note(path, "huber", passed=passed) == ""
        states.append(progress.read(path).of("huber").state)
    assert states == ["tried", "done", "broken again", "done"]


def test_a_hint_seen_stays_seen(tmp_path):
    path = tmp_path / "progress.txt"
    for hints in (1, 3, 2):
        progress.note(path, "huber", hints=hints)
    assert progress.read(path).of("huber").hints == 3


def test_commands_at_once_lose_nothing(tmp_path):
    path = tmp_path / "progress.txt"
    names = [f"exercise_{number}" for number in range(12)]
    threads = [threading.Thread(target=progress.note, args=(path, name, True)) for name in names]
    random.shuffle(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(progress.read(path).entries) == sorted(names)
    assert [other.name for other in tmp_path.iterdir()] == ["progress.txt"]


def test_a_damaged_file_is_kept_aside_and_what_can_be_read_stays(tmp_path):
    path = tmp_path / "progress.txt"
    damaged = b"glu passed 2026-01-01T00:00:00.000Z\n\xff\xfe\x00 nonsense\nhuber passed yesterday\n"
    path.write_bytes(damaged)
    told = progress.note(path, "huber", passed=True)
    assert "kept as progress.txt.damaged-1" in told
    assert (tmp_path / "progress.txt.damaged-1").read_bytes() == damaged
    assert {name: entry.state for name, entry in progress.read(path).entries.items()} == {
        "glu": "done",
        "huber": "done",
    }
    assert progress.note(path, "huber", passed=True) == ""


@pytest.mark.parametrize("failing", ["mkstemp", "fsync", "replace"])
def test_a_full_or_read_only_disk_costs_one_line_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "progress.txt"
    progress.note(path, "glu", passed=True)
    before = path.read_bytes()

    def broken(*_, **__):
        raise OSError(28, "No space left on device")

    from grader import files

    monkeypatch.setattr(files.tempfile if failing == "mkstemp" else os, failing, broken)
    assert "No space left" in progress.note(path, "huber", passed=True)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [other.name for other in tmp_path.iterdir()] == ["progress.txt"]
