"""A learner's session in a real terminal, read screen by screen, from `init` to the next exercise."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pexpect
import pyte
import pytest

from grader.exercise import ROOT, find

ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")} | {
    "TERM": "xterm-256color",
    "PYTHONPATH": str(ROOT),
}
PATIENCE = 120.0


class Terminal:
    """A program in a pseudo-terminal, and the screen that it has drawn."""

    def __init__(self, columns: int, lines: int, folder: Path, *arguments: str, **environment: str) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "grader", *arguments],
            cwd=folder,
            env=ENVIRONMENT | environment,
            dimensions=(lines, columns),
        )

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, *words: str) -> str:
        """Wait until all the words are on the screen."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if all(word in " ".join(self.text.split()) for word in words):
                return self.text
            if not self._read():
                break
        raise AssertionError(f"expected {words} on the screen, which shows:\n{self.text}")

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def ended(self) -> int:
        """Wait for the program's end; its exit status."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._read():
            continue
        self.child.close()
        return self.child.exitstatus

    def _read(self) -> bool:
        try:
            self._stream.feed(self.child.read_nonblocking(1 << 16, timeout=0.2))
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        return True


@pytest.fixture(params=[(80, 24), (200, 60)], ids=["80 columns", "200 columns"])
def size(request):
    return request.param


def test_a_session_from_init_to_the_next_exercise(tmp_path, size):
    columns, lines = size
    assert Terminal(columns, lines, tmp_path, "init").ended() == 0
    path = tmp_path / "exercises/losses/huber.py"
    path.write_text(find("huber").mistakes["sum"].source)

    watch = Terminal(columns, lines, tmp_path, "watch", "huber")
    watch.until("value failed", "This looks like “sum”", "expected:", "got:", "h hint", "q quit")
    assert "n next" not in watch.text
    if lines > 50:
        watch.until("learner = importlib.import_module('huber')")
    watch.child.send("h")
    watch.until("Hint 1 of 3", "parabola")
    path.write_text(find("huber").source("solution"))
    watch.until("All of it holds: huber is done.", "n next")
    watch.child.send("n")
    watch.until("grad_norm", "1 of", "failed")
    watch.child.send("l")
    watch.until("✓ huber", "1 of 5 done")
    watch.child.send("q")
    assert watch.ended() == 0

    listing = Terminal(columns, lines, tmp_path, "list")
    assert listing.ended() == 0
    assert "✓ huber" in listing.text
    assert max(map(len, listing.text.split("\n"))) <= columns


def test_keys_typed_during_a_run_and_a_resize_do_no_harm_without_native_events(tmp_path):
    assert Terminal(80, 24, tmp_path, "init").ended() == 0
    path = tmp_path / "exercises/losses/huber.py"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "watchfiles.py").write_text("raise ImportError")
    watch = Terminal(80, 24, tmp_path, "watch", "huber", PYTHONPATH=f"{tmp_path / 'lib'}{os.pathsep}{ROOT}")
    watch.until("fill in HuberLoss")
    path.write_text("import time\ntime.sleep(1.5)\n")
    watch.until("checking …")
    watch.child.send("xyhn\x1b[A")
    watch.until("imports failed", "does not define HuberLoss")
    time.sleep(0.5)
    assert "Hint" not in watch.until("imports failed")
    assert path.read_text().startswith("import time")
    watch.resize(120, 40)
    watch.until("imports failed")
    watch.child.sendintr()
    watch.ended()
    assert "Traceback" not in watch.text
