"""What a worker may see: its environment, its packages, the files it may read; runs on our side, without torch."""

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def environment(scratch: str) -> dict[str, str]:
    """A fixed environment: nothing of ours leaks in, hashing is stable, no accelerator, one thread.

    Huge pages for the heap, where glibc has them, make a fork of the warm process take a third of the time.
    """
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
    }


def package_paths() -> list[str]:
    """The folders that hold torch and numpy; found without importing them."""
    found: list[str] = []
    for name in ("torch", "numpy"):
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            folder = str(Path(spec.origin).parent.parent)
            if folder not in found:
                found.append(folder)
    return found


def readable() -> list[str]:
    """What a worker may read: Python's library, the packages, and the system's shared libraries."""
    python = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), f"{sys.base_prefix}/lib"]
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime"]
    facts = ["/usr/share/zoneinfo", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo"]
    return [*python, *package_paths(), *system, *facts]


def hidden() -> list[str]:
    """What lies in readable folders and is not for a submission: the kit, and torch's Python twins of its operators."""
    kit = PACKAGE.parent
    ours = [PACKAGE, *(kit / name for name in ("solutions", "exercises", "tests", "benchmarks", ".git"))]
    references = ["testing/_internal/common_nn.py", "testing/_internal/common_methods_invocations.py"]
    twins = ["_refs/nn", "_decomp/decompositions.py", "_decomp/__pycache__", "testing/_internal/opinfo", *references]
    return [str(path) for path in [*ours, *(Path(p) / "torch" / twin for p in package_paths() for twin in twins)]]
