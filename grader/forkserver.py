"""Hold torch warm and fork one confined worker for each check; runs beside us, and never runs a submission itself."""

import array
import gc
import io
import json
import os
import pkgutil
import signal
import socket
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import FileFinder
from pathlib import Path
from typing import Any

from grader import ban, confine, eager, wire
from grader.scratch import remove

_WARM = """
import copy
import torch
from torch import Tensor, nn

def f(x):
    return nn.functional.linear(x, x).abs().mean(dim=0)

def train(x):
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU(), nn.Dropout(0.0), nn.Linear(2, 2))
    for kind in (torch.optim.SGD, torch.optim.Adam):
        optimizer = kind(model.parameters(), lr=0.0)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), torch.tensor([0, 1]))
        loss.backward()
        optimizer.step()
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    model.load_state_dict(copy.deepcopy(model.state_dict()))
    return loss.detach()
"""
_WARM_PROBE = "def probe(learner, x): return learner.f(x)\ndef train(learner, x): return learner.train(x)\n"

_MOST_FDS = 4096
_PATIENCE = 10.0


def main(
    control: socket.socket,
    confined: bool,
    banned: tuple[str, ...],
    readable: list[str],
    hidden: list[str],
    scratch: str,
) -> None:
    """Say what confinement there is, then fork and end workers on demand until our side is gone."""
    alive: set[int] = set()
    server = os.getpid()
    try:
        worker = _warm_worker()
        ban.forbid(banned)
        sandbox = confine.prepare(readable, hidden, scratch) if confined else None
        _keep_listings(confine.opened_up(readable, hidden))
        confine.adopt_orphans()
        gc.collect()
        gc.freeze()
        _say(control, {"sandbox": sandbox.name if sandbox else "none"})
        _attend(control, alive, lambda fds, limits: _become_worker(worker, control, fds, sandbox, limits, scratch))
    except BrokenPipeError:
        return
    finally:
        if os.getpid() == server:
            for pid in alive:
                _end(pid, set())
            remove(scratch)


def _keep_listings(folders: Iterable[Path]) -> None:
    """Remember for good what is in the folders that a worker may not list, of which it sees only what is not hidden.

    Python lists a folder anew when a package is installed in it, and would find nothing there.
    """
    for folder in folders:
        finder = pkgutil.get_importer(str(folder))
        if isinstance(finder, FileFinder):
            finder.find_spec("a module that is not there")
            vars(finder)["_fill_cache"] = lambda: None


def _attend(
    control: socket.socket, alive: set[int], become_worker: Callable[[list[int], dict[str, int]], None]
) -> None:
    for request, fds in _requests(control):
        if "fork" in request:
            pid = _fork()
            if not pid:
                become_worker(fds, request["fork"])
            for fd in fds:
                os.close(fd)
            alive.add(pid)
            _say(control, {"pid": pid})
        else:
            alive.discard(request["end"])
            _say(control, _end(request["end"], alive))


def _fork() -> int:
    """Fork, and wait for room where the one before had filled the process table: it is dying, and gone in a moment."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return os.fork()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _warm_worker() -> types.ModuleType:
    """The worker's module, with torch loaded and used once."""
    import torch

    from grader import worker

    eager.hold_off_compiler()
    torch.set_num_threads(1)
    _warm(worker)
    return worker


def _warm(worker: types.ModuleType) -> None:
    """Serve a trivial submission once, so that what its first use loads is not loaded in each fork again."""
    import torch

    x = torch.ones(2, 2)
    calls = [
        {"probe": "probe", "args": (x,), "kwargs": {}},
        {"probe": "train", "args": (x,), "kwargs": {}},
        {"probe": "probe", "args": (x, x), "kwargs": {}, "needs_grad": (True,), "orders": (1,)},
    ]
    asked, answered = io.BytesIO(), io.BytesIO()
    hello = {
        "name": "warm",
        "filename": "warm.py",
        "submission": _WARM,
        "probes": _WARM_PROBE,
    }
    wire.send(asked, hello)
    for number, call in enumerate(calls):
        wire.send(asked, {"id": number, "call": call})
    asked.seek(0)
    try:
        worker.serve(asked, answered)
    except EOFError:
        del sys.modules["warm"], sys.modules["probes"]


def _become_worker(
    worker: types.ModuleType, control: socket.socket, fds: list[int], sandbox: Any, limits: dict[str, int], scratch: str
) -> None:
    """In the fork: drop all that is ours, enter the confinement, serve; never returns."""
    is_ready = False
    try:
        os.setsid()
        channel, output = fds
        null = os.open(os.devnull, os.O_RDWR)
        for source, target in ((null, 0), (output, 1), (output, 2), (channel, 3)):
            os.dup2(source, target)
        control.detach()
        kept = sandbox.ruleset if sandbox else 3
        os.closerange(4, kept)
        os.closerange(kept + 1, _MOST_FDS)
        os.chdir(scratch)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        confine.limit(limits)
        if sandbox:
            sandbox.enter()
        worker.say_ready(os.fdopen(3, "wb", closefd=False))
        is_ready = True
        worker.serve(os.fdopen(3, "rb", closefd=False), os.fdopen(3, "wb", closefd=False))
    except (EOFError, BrokenPipeError):
        pass
    except BaseException as error:
        if not is_ready:  # afterwards it is the submission's doing, and our side sees that the process is gone
            print(f"the worker could not start: {error!r}", file=sys.stderr)
    finally:
        os._exit(0)


def _end(pid: int, others: set[int]) -> dict[str, Any]:
    """Kill a worker and all that it started, and say how it ended."""
    try:
        os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return {"status": 0, "cpu": 0.0}
    confine.kill_orphans(keep=others)
    return {"status": os.waitstatus_to_exitcode(status), "cpu": usage.ru_utime + usage.ru_stime}


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


def _requests(control: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """The requests with the descriptors that came along, until our side is gone.

    Requests may arrive together; the kernel ends a read after descriptors, so that these are the last one's.
    """
    while True:
        try:
            text, ancillary, _, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(2 * array.array("i").itemsize))
        except (InterruptedError, ConnectionResetError):
            return
        if not text:
            return
        fds = array.array("i")
        for _level, kind, data in ancillary:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        *earlier, last = text.splitlines()
        for line in earlier:
            yield json.loads(line), []
        yield json.loads(last), list(fds)
