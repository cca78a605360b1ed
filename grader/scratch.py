"""A worker's scratch folder: how full it is, and emptying it, whatever was left in it; runs on both sides.

What lies there was made to be awkward: folders that may not be read, thousands of levels, more files than one wants to
count. So nothing here recurses, or follows a link.
"""

import contextlib
import os
import secrets

MOST_BYTES = 64 << 20
MOST_ENTRIES = 2000


def is_too_full(folder: str) -> bool:
    """Whether there is more than a submission may keep; a folder that cannot be looked into counts as such."""
    entries, size, waiting = 0, 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    size += getattr(entry.stat(follow_symlinks=False), "st_blocks", 0) * 512
                    if entries > MOST_ENTRIES or size > MOST_BYTES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def empty(folder: str) -> None:
    """Remove all that is in the folder.

    Folders within folders are moved up first, so that no path grows longer than the system allows.
    """
    while nested := _without_files(folder):
        for path in nested:
            for deeper in _without_files(path):
                with contextlib.suppress(OSError):
                    os.chmod(deeper, 0o700)
                    os.rename(deeper, os.path.join(folder, secrets.token_hex(8)))
            try:
                os.rmdir(path)
            except FileNotFoundError:
                continue
            except OSError:  # something is still writing there, which only an unconfined submission can leave behind
                return


def remove(folder: str) -> None:
    """Remove the folder and all that is in it, as far as that can be done."""
    with contextlib.suppress(OSError):
        empty(folder)
        os.rmdir(folder)


def _without_files(folder: str) -> list[str]:
    """Remove the files of a folder; the paths of the folders in it."""
    nested = []
    with contextlib.suppress(FileNotFoundError):
        os.chmod(folder, 0o700)
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    nested.append(entry.path)
                else:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(entry.path)
    return nested
