"""What can happen while `watch` waits, in one queue: keys, saves, a resized window; runs on our side."""

import contextlib
import os
import queue
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.1
_POLL_BESIDE_NATIVE = 1.0


@dataclass(frozen=True)
class Key:
    """One key of a letter, digit or sign; the end of input counts as `q`."""

    text: str


@dataclass(frozen=True)
class Changed:
    """Files may have changed."""


@dataclass(frozen=True)
class Resized:
    """The terminal has another size."""


Event = Key | Changed | Resized


class Events:
    """A queue of events, filled by threads while the context lasts.

    `path` tells which file to look at: a save is noticed by the system's own events, where `watchfiles` is installed
    and they work, and by looking at the file in any case.
    """

    def __init__(self, folder: Path, path: Callable[[], Path]) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._folder, self._path = folder, path
        self._stopped = threading.Event()
        self._native = threading.Event()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Events":
        self._stack.enter_context(_quiet_terminal())
        self._stack.enter_context(_on_resize(lambda: self._queue.put(Resized())))
        for body in (self._follow_keys, self._follow_file, self._follow_system):
            threading.Thread(target=body, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._stack.close()

    def get(self) -> Event:
        """The next event; waits in short turns, so that Ctrl-C is heard on every system."""
        while True:
            try:
                return self._queue.get(timeout=1.0)
            except queue.Empty:
                continue

    def drop_keys(self) -> None:
        """Forget the keys typed so far, but for a wish to quit."""
        kept = []
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._queue.get_nowait()
                kept += [] if isinstance(event, Key) and event.text != "q" else [event]
        for event in kept:
            self._queue.put(event)

    def _follow_keys(self) -> None:
        for text in _keys(self._stopped):
            self._queue.put(Key(text))

    def _follow_file(self) -> None:
        seen = _signature(self._path())
        while not self._stopped.wait(_POLL_BESIDE_NATIVE if self._native.is_set() else _POLL):
            now = _signature(self._path())
            if now != seen:
                seen = now
                self._queue.put(Changed())

    def _follow_system(self) -> None:
        try:
            from watchfiles import watch
        except ImportError:
            return
        try:
            self._native.set()
            for _ in watch(self._folder, stop_event=self._stopped, debounce=100, step=20, raise_interrupt=False):
                self._queue.put(Changed())
        except (OSError, RuntimeError):
            return
        finally:
            self._native.clear()


def _signature(path: Path) -> tuple[Path, int, int, int]:
    """What a save changes, and a rename too."""
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0, 0
    return path, found.st_mtime_ns, found.st_size, found.st_ino


def _keys(stopped: threading.Event) -> Iterator[str]:
    """What is typed, character by character, without the sequences that arrows and their like send."""
    if sys.platform == "win32":
        import msvcrt

        while not stopped.is_set():
            if msvcrt.kbhit():
                yield msvcrt.getwch().lower()
            else:
                time.sleep(_POLL)
        return
    while not stopped.is_set():
        if not select.select([sys.stdin], [], [], _POLL)[0]:
            continue
        typed = os.read(sys.stdin.fileno(), 64)
        if not typed:
            yield "q"
            return
        if not typed.startswith(b"\x1b"):
            yield from typed.decode("utf-8", errors="ignore").lower()


@contextlib.contextmanager
def _quiet_terminal() -> Iterator[None]:
    """Keys arrive at once and are not echoed; what was typed and not read is dropped at the end."""
    if sys.platform == "win32":
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


@contextlib.contextmanager
def _on_resize(act: Callable[[], None]) -> Iterator[None]:
    if not hasattr(signal, "SIGWINCH"):
        yield
        return
    before = signal.signal(signal.SIGWINCH, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
