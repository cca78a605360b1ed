"""Write a file as a whole or not at all, and find names that are still free; runs on our side."""

import contextlib
import os
import re
import tempfile
from pathlib import Path


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`; whatever goes wrong, the old file or the new one is there. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def numbered(path: Path, what: str) -> Path:
    """A path beside `path` that is still free: `name.what-1`, `name.what-2`, …"""
    pattern = re.compile(re.escape(f"{path.name}.{what}-") + r"(\d+)")
    taken = [int(found[1]) for other in path.parent.iterdir() if (found := pattern.fullmatch(other.name))]
    return path.with_name(f"{path.name}.{what}-{max(taken, default=0) + 1}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
