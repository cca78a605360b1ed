"""What a submission may use, and who watches that it does not use more; runs on our side."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a submission may use: its worker's seconds and bytes in each check, `total_seconds` in all."""

    cpu_seconds: int = 8
    call_seconds: float = 20.0
    total_seconds: float = 60.0
    memory_bytes: int = 1 << 30
    file_bytes: int = 16 << 20
    open_files: int = 128
    output_bytes: int = 16 << 10
    answer_bytes: int = 16 << 20
    threads: int = 256


class Lost(BaseException):
    """The worker is gone. A BaseException, so that nothing tries the call again or makes it smaller."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Watchdog:
    """Kill when a deadline has passed or something is overrun; setting a deadline costs no thread.

    The one thread looks every so often, and only while a deadline is set.
    """

    _LOOK = 0.2

    def __init__(self, overrun: Callable[[], Lost | None], kill: Callable[[], None]) -> None:
        self.expired = False
        self.overrun: Lost | None = None
        self._look, self._kill = overrun, kill
        self._deadline: float | None = None
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def set(self, seconds: float) -> None:
        """Kill in so many seconds, unless cleared before."""
        self._deadline = time.monotonic() + seconds

    def clear(self) -> None:
        """Forget the deadline."""
        self._deadline = None

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._LOOK):
            deadline = self._deadline
            if deadline is None:
                continue
            self.expired = time.monotonic() > deadline
            self.overrun = None if self.expired else self._look()
            if self.expired or self.overrun:
                self._kill()
                return


class Clock:
    """The submission's budget over all its checks."""

    def __init__(self, seconds: float) -> None:
        self._start, self._seconds = time.monotonic(), seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the grading began."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the budget is used up; 0 where it is."""
        return max(0.0, self._seconds - self.elapsed)

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.elapsed > self._seconds
