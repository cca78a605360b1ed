"""What grading costs beside `import torch`, as ratios measured in one run: `python benchmarks/speed.py [NAME …]`.

Whole processes, one thread of torch in each. The two commands of a ratio take turns, so that a drift of the machine's
speed reaches both; the figures are medians. Memory is that of the process tree: the sum of resident sets, which counts
shared pages once for each process, and the proportional sum, which counts them once.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
WARM = """
import sys, time, torch
from grader import grade
name, path = sys.argv[1:]
grade(name, path)
for _ in range(3):
    started = time.perf_counter()
    assert grade(name, path).verdict == "pass"
    print(time.perf_counter() - started)
"""


def main(names: list[str]) -> None:
    """Print a line for each exercise."""
    print(f"| {'exercise':<12} | grade / import torch | warm / import torch | peak RSS, MB | peak PSS, MB |")
    print(f"| {'---':<12} | {'--:':>20} | {'--:':>19} | {'--:':>12} | {'--:':>12} |")
    for name in names or [path.parent.name for path in sorted(ROOT.glob("solutions/*/*/checks.py"))]:
        (solution,) = ROOT.glob(f"solutions/*/{name}/solution.py")
        grading = [sys.executable, "-m", "grader", name, str(solution)]
        importing = [sys.executable, "-c", "import torch"]
        ratios, warm = [], []
        timed(grading)
        for _ in range(ROUNDS):
            base = timed(importing)
            ratios.append(timed(grading) / base)
            warm.append(regraded(name, solution) / timed(importing))
        resident, proportional = memory(grading)
        print(
            f"| {name:<12} | {statistics.median(ratios):>20.2f} | {statistics.median(warm):>19.2f} "
            f"| {resident / 1024:>12.0f} | {proportional / 1024:>12.0f} |",
            flush=True,
        )


def timed(command: list[str]) -> float:
    """Seconds of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def regraded(name: str, solution: Path) -> float:
    """Seconds of a grading in a process that has graded before."""
    command = [sys.executable, "-c", WARM, name, str(solution)]
    ended = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return statistics.median(map(float, ended.stdout.split()))


def memory(command: list[str]) -> tuple[int, int]:
    """The peaks of the process tree's resident and proportional sets, in KiB."""
    peaks = [0, 0]
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL) as started:
        while started.poll() is None:
            pids = tree(started.pid)
            for place, field in enumerate(("Rss:", "Pss:")):
                peaks[place] = max(peaks[place], sum(kilobytes(pid, field) for pid in pids))
            time.sleep(0.01)
    return peaks[0], peaks[1]


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = reading(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), [])
    return [pid, *(below for child in found for below in tree(int(child)))]


def kilobytes(pid: int, field: str) -> int:
    """One line of a process's memory map."""
    lines = reading(lambda: Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines(), [])
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)


def reading(read: Callable[[], list[str]], otherwise: list[str]) -> list[str]:
    """What is read, or `otherwise` of a process that has just ended."""
    try:
        return read()
    except OSError:
        return otherwise


if __name__ == "__main__":
    main(sys.argv[1:])
