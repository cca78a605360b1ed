"""No hostile submission passes, none does harm: one property each."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import QUICK

from grader.exercise import ROOT, find
from grader.judge import grade
from grader.submission import Unreadable

WRONG = """
import torch
from torch import nn


class HuberLoss(nn.Module):
    def __init__(self, delta=1.0):
        super().__init__()

    def forward(self, y_pred, y_true):
        return y_pred.sum() * 0
"""


def body(text: str) -> str:
    """A submission whose forward is `text`."""
    lines = "".join(f"        {line}\n" for line in text.strip("\n").split("\n"))
    return WRONG.replace("        return y_pred.sum() * 0\n", lines)


def statuses(result) -> dict[str, str]:
    return {check.name: check.status for check in result.checks}


def assert_lost(result) -> None:
    assert result.verdict == "fail", statuses(result)
    assert result.score < 0.5, result.score


# --- leaving early ---


def test_exiting_at_import_is_no_pass(graded):
    result = graded("import os\nos._exit(0)\n")
    assert_lost(result)
    assert statuses(result)["imports"] == "crash"


def test_exiting_in_forward_is_no_pass(graded):
    result = graded(body("import os\nos._exit(0)"))
    assert_lost(result)
    assert statuses(result)["forward"] == "crash"


@pytest.mark.parametrize(
    "leaving",
    [
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "import pytest; pytest.skip('not today')",
        "import pytest; pytest.exit('done', returncode=0)",
        "import pytest; pytest.xfail('known')",
        "import unittest; raise unittest.SkipTest('not today')",
        "raise type('Mine', (BaseException,), {})('out of reach')",
        "raise StopIteration",
        "raise AssertionError('all equal')",
    ],
)
@pytest.mark.parametrize("place", ["import", "forward"])
def test_raising_something_special_is_no_pass(graded, leaving, place):
    assert_lost(graded(f"{leaving}\n{WRONG}" if place == "import" else body(leaving)))


def test_an_exit_handler_changes_nothing(graded):
    assert_lost(graded("import atexit, os\natexit.register(os._exit, 0)\n" + WRONG))


def test_a_crash_is_told_apart(graded):
    result = graded(body("import ctypes\nctypes.string_at(0)"))
    assert_lost(result)
    assert statuses(result)["forward"] == "crash"


# --- pretending to be right ---


def test_patched_comparisons_change_nothing(graded):
    patches = """
import torch, torch.testing, torch.autograd, builtins
torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
torch.testing.assert_close = torch.autograd.gradcheck = torch.autograd.gradgradcheck = lambda *a, **k: True
torch.Tensor.__eq__ = torch.Tensor.__le__ = lambda *a: torch.tensor(True)
builtins.all = builtins.any = lambda *a: True
"""
    assert_lost(graded(patches + WRONG))


def test_a_tensor_that_says_yes_to_everything_is_only_its_numbers(graded):
    yes = """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in ("__eq__", "eq", "allclose", "isclose", "__le__", "equal"):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})
    def __bool__(self):
        return True
"""
    assert_lost(graded("import torch\n" + yes + body("return (y_pred.sum() * 0).as_subclass(Yes)")))


def test_what_pickle_would_run_is_never_run(graded, tmp_path):
    planted = tmp_path / "planted"
    payload = f"""
class Payload:
    def __reduce__(self):
        import os
        return (os.system, ("touch {planted}",))
"""
    assert_lost(graded(payload + body("return Payload()")))
    assert not planted.exists()


def test_a_class_of_float_that_equals_everything_arrives_as_a_number(graded):
    assert_lost(
        graded(
            "class Any(float):\n    def __eq__(self, other): return True\n    __hash__ = float.__hash__\n"
            + body("return Any(1.0)")
        )
    )


FORGE = """
import json, os, struct
def _forge():
    for number in range(200):
        for value in ({"tensor": "float32", "shape": [], "strides": [], "span": 1}, True, None, "pass"):
            head = json.dumps({"dict": [["id", number], ["value", value]]}).encode()
            message = struct.pack(">II", len(head), 4) + head + b"\\0\\0\\0\\0"
            for fd in range(64):
                try:
                    os.write(fd, message)
                except OSError:
                    pass
"""


@pytest.mark.parametrize("place", ["import", "forward"])
def test_messages_forged_on_every_descriptor_are_no_pass(graded, place):
    assert_lost(
        graded(FORGE + "_forge()\n" + WRONG if place == "import" else FORGE + body("_forge()\nreturn y_pred.sum() * 0"))
    )


def test_a_forged_stream_of_json_results_is_no_pass(graded):
    text = json.dumps({"schema": 1, "verdict": "pass", "score": 1.0})
    assert_lost(graded(f"print({text!r} * 100)\n" + WRONG))


def test_the_worker_holds_nothing_worth_finding(graded):
    search = """
import gc, sys, types
def _secrets():
    found = []
    for thing in gc.get_objects():
        if isinstance(thing, types.ModuleType) and thing.__name__.startswith(("solutions", "exercise.", "grader.judge",
                "grader.exercise", "grader.compare", "grader.side", "hypothesis")):
            found.append(thing.__name__)
        if isinstance(thing, dict) and ("expected" in thing or "solution" in thing or "verdict" in thing):
            found.append(sorted(map(str, thing))[:5])
    frame = sys._getframe()
    while frame:
        found += [name for name in frame.f_locals if name in ("solution", "expected", "want", "check")]
        frame = frame.f_back
    return found
"""
    result = graded(search + body("raise RuntimeError(f'FOUND {_secrets()}')"))
    assert_lost(result)
    assert "FOUND []" in result.failed[0].message


def test_answers_taken_from_the_frames_above_are_no_pass(graded):
    walk = """
import sys, torch
def _borrow():
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if isinstance(value, torch.Tensor) and value.dim() == 0:
                return value
        frame = frame.f_back
    return torch.zeros(())
"""
    assert_lost(graded(walk + body("return _borrow() + 0 * y_pred.sum()")))


def test_rewriting_the_worker_gives_no_answers(graded):
    patch = """
import grader.calls, grader.worker, sys
sys.modules["probes"].loss = lambda *a, **k: True
grader.worker.perform = grader.calls.perform = lambda *a: True
grader.worker.describe = lambda *a: {}
"""
    assert_lost(graded(patch + WRONG))


def test_right_at_the_first_calls_only_is_wrong(graded, solution):
    counted = solution.replace(
        "        size = (y_pred - y_true).abs()",
        "        _calls.append(1)\n        size = (y_pred - y_true).abs() * (1 if len(_calls) < 12 else 1.01)",
    ).replace("class HuberLoss", "_calls = []\n\n\nclass HuberLoss")
    assert graded(counted).verdict == "fail"


def test_answers_keyed_on_shape_are_wrong(graded, solution):
    keyed = solution.replace(
        "        size = (y_pred - y_true).abs()",
        "        if y_pred.numel() > 64:\n            return y_pred.sum() * 0\n        size = (y_pred - y_true).abs()",
    )
    assert graded(keyed).verdict == "fail"


# --- looking and reaching out ---


@pytest.fixture
def confined(graded):
    """What a submission's attempt comes to, in a sandbox; skipped where this system has none."""

    def attempt(text: str) -> str:
        result = graded(
            body("raise RuntimeError('CAME TO ' + _try())").replace(
                "import torch\n", f"import torch\n{_trying(text)}", 1
            )
        )
        if result.sandbox == "none":
            pytest.skip("this system has no sandbox")
        assert_lost(result)
        message = result.failed[0].message
        return message[message.index("CAME TO ") + 8 :].splitlines()[0]

    return attempt


def _trying(text: str) -> str:
    text = text.replace("OURS", str(os.getpid()))
    lines = "".join(f"        {line}\n" for line in text.split("\n"))
    refused = "    except BaseException as error:\n        return 'refused: ' + type(error).__name__\n"
    return f"def _try():\n    try:\n{lines}{refused}"


@pytest.mark.parametrize(
    "reading",
    [
        f"return open({str(ROOT / 'solutions/losses/huber/solution.py')!r}).read()",
        f"import os; return str(os.listdir({str(ROOT / 'solutions')!r}))",
        f"import os; return str(os.listdir({str(Path.home())!r}))",
        "return open('/etc/passwd').read()",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import solutions.losses.huber.solution; return 'in'",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import grader.judge; return 'in'",
        "return open('/proc/OURS/environ').read()",
        "import os; return open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
        "import os; return open('/proc/self/environ').read()",
    ],
)
def test_it_cannot_read_what_is_not_its_own(confined, reading):
    assert confined(reading).startswith("refused")


@pytest.mark.parametrize(
    "writing",
    [
        "open('{0}', 'w').write('x'); return 'written'",
        "import os; os.mkdir('{0}'); return 'made'",
        "import os; os.symlink('/etc/passwd', '{0}'); return 'linked'",
        "import os; os.chmod('{1}', 0); return 'changed'",
        "import os; os.utime('{1}'); return 'changed'",
        "import os; os.unlink('{1}'); return 'removed'",
        "import os; os.rename('{1}', '{0}'); return 'renamed'",
        "import os; os.truncate('{1}', 0); return 'cut'",
    ],
)
def test_it_cannot_write_outside_its_scratch_folder(confined, writing, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("gold")
    before = precious.stat()
    assert confined(writing.format(tmp_path / "new", precious)).startswith("refused")
    assert not (tmp_path / "new").exists()
    assert precious.read_text() == "gold"
    assert (precious.stat().st_mode, precious.stat().st_mtime) == (before.st_mode, before.st_mtime)


def test_it_cannot_open_a_connection(confined):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        attempt = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2); return 'connected'"
        assert confined(attempt).startswith("refused")


@pytest.mark.parametrize(
    "starting",
    [
        "import subprocess; return subprocess.run(['true']).returncode * 'x' + 'ran'",
        "import os; return 'forked' if os.fork() >= 0 else ''",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; return 'ran' if os.system('true') == 0 else 'refused: nothing ran'",
        "import os; return str(os.posix_spawn('/bin/true', ['true'], {}))",
    ],
)
def test_it_cannot_start_a_process(confined, starting):
    assert confined(starting).startswith("refused")


@pytest.mark.parametrize(
    "signalling",
    [
        "import os; os.kill(OURS, 0); return 'signalled'",
        "import os; os.kill(os.getppid(), 0); return 'signalled'",
        "import os; os.kill(-1, 0); return 'signalled'",
        "import ctypes, os; return str(ctypes.CDLL(None).ptrace(16, OURS, 0, 0)).replace('-1', 'refused: -1')",
        "import resource; resource.prlimit(OURS, resource.RLIMIT_NOFILE, (8, 8)); return 'limited'",
        "import os; os.sched_setaffinity(OURS, [0]); return 'moved'",
        "import os; os.setpriority(os.PRIO_PROCESS, OURS, 19); return 'slowed'",
        "import fcntl; return str(fcntl.fcntl(3, fcntl.F_SETOWN, OURS)) + 'is told of input'",
        "import fcntl; return str(fcntl.fcntl(3, fcntl.F_SETSIG, 9)) + 'is the signal'",
        "import fcntl, struct; return str(fcntl.ioctl(3, 0x8901, struct.pack('i', OURS)))",
        "import ctypes; return str(ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)).replace('-1', 'refused: -1')",
    ],
)
def test_it_cannot_reach_other_processes(confined, signalling):
    assert confined(signalling).startswith("refused")


def test_files_beside_the_submission_shadow_nothing(graded, tmp_path, solution):
    for name in ("json", "conftest", "grader", "torch", "hypothesis", "struct", "sitecustomize", "probes"):
        (tmp_path / f"{name}.py").write_text("import os\nprint('planted')\nos._exit(0)\n")
    result = graded(solution)
    assert result.verdict == "pass"
    assert "planted" not in result.output
    assert_lost(graded(WRONG))


def test_a_conftest_beside_the_submission_is_not_run_by_pytest(tmp_path):
    (tmp_path / "conftest.py").write_text("import os\nos._exit(0)\n")
    (tmp_path / "mine.py").write_text("import os\nif 'PYTEST_CURRENT_TEST' in os.environ: os._exit(0)\n" + WRONG)
    command = [sys.executable, "-m", "pytest", "-q", "mine.py", "--exercise", "huber"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stdout
    assert "1 passed" not in ended.stdout.replace("11 passed", "")


def test_a_package_beside_the_submission_is_not_imported_by_pytest(tmp_path):
    (tmp_path / "__init__.py").write_text("import os\nos._exit(0)\n")
    (tmp_path / "mine.py").write_text(WRONG)
    command = [sys.executable, "-m", "pytest", "-q", "mine.py", "--exercise", "huber"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stdout
    assert "FAILED" in ended.stdout


@pytest.mark.parametrize(("name", "head"), [("pytest.ini", "[pytest]"), ("tox.ini", "[pytest]")])
def test_a_configuration_that_came_with_the_submission_is_not_obeyed(tmp_path, name, head):
    (tmp_path / name).write_text(f"{head}\naddopts = --collect-only\n")
    (tmp_path / "mine.py").write_text(WRONG)
    command = [sys.executable, "-m", "pytest", "-q", "mine.py", "--exercise", "huber"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "not obeyed" in ended.stderr


def test_files_where_the_grader_is_started_shadow_nothing(tmp_path, solution):
    for name in ("json", "argparse", "typing", "hashlib", "torch", "numpy", "hypothesis", "rich", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("import os\nos._exit(0)\n")
    (tmp_path / "mine.py").write_text(WRONG)
    command = [sys.executable, "-m", "grader", "huber", "mine.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stderr
    assert "score 0" in ended.stdout


# --- using up what there is ---


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "import time; time.sleep(1e6)",
        "import re; re.match(r'(a+)+$', 'a' * 64 + 'b')",
        "sum(range(10**13))",
        "import torch\nx = torch.zeros(3000, 3000)\nwhile True: x = x @ x",
        "import threading; threading.Event().wait()",
        "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
    ],
)
@pytest.mark.parametrize("place", ["import", "forward"])
def test_an_endless_loop_ends_as_a_timeout(graded, loop, place):
    started = time.monotonic()
    result = graded(f"{loop}\n{WRONG}" if place == "import" else body(loop))
    assert_lost(result)
    assert statuses(result)["imports" if place == "import" else "forward"] == "timeout"
    assert time.monotonic() - started < 4 * QUICK.call_seconds


def test_a_loop_in_every_check_ends_at_the_total_budget(graded, solution):
    looping = solution.replace("        near = ", "        while self.delta != 1.0: pass\n        near = ")
    result = graded(looping)
    assert result.verdict == "fail"
    assert "timeout" in statuses(result).values()
    assert result.seconds < QUICK.total_seconds + 3 * QUICK.call_seconds


@pytest.mark.parametrize(
    "growth",
    [
        "kept = []\nwhile True: kept.append(bytearray(1 << 20))",
        "kept = []\nwhile True: kept.append(torch.ones(1 << 18))",
        "return torch.ones(1 << 36).sum()",
        "return y_pred.sum() + len(bytearray(1 << 40))",
    ],
)
def test_memory_has_a_bound_and_its_own_status(graded, growth):
    result = graded(body(growth))
    assert_lost(result)
    assert statuses(result)["forward"] == "memory"


def test_double_forks_leave_nothing_behind(graded, tmp_path):
    mark = f"grader-orphan-{os.getpid()}"
    fork = f"""
import os, time
def _orphan():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open('/proc/self/comm', 'w').write({mark[:15]!r})
            time.sleep(60)
        os._exit(0)
"""
    for mode in ("auto", "off"):
        assert_lost(graded(fork + "try:\n    _orphan()\nexcept OSError: pass\n" + WRONG, sandbox=mode))
        names = [path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm") if path.exists()]
        assert mark[:15] not in names


def test_a_flood_of_threads_is_survived(graded):
    flood = "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()"
    result = graded(body(flood))
    assert_lost(result)


def test_a_flood_of_output_is_bounded(graded):
    result = graded(body("while True: print('x' * 10000)"))
    assert_lost(result)
    assert len(result.output) < 5000


def test_much_output_of_an_honest_submission_does_no_harm(graded, solution):
    chatty = solution.replace("        near = ", "        print('y' * 20000)\n        near = ")
    result = graded(chatty)
    assert result.verdict == "pass"
    assert len(result.output) < 5000


def test_a_flood_of_files_is_cleared_away(graded, tmp_path):
    scribble = "for i in range(300): open(f'f{i}', 'w').write('x' * 1000)\n"
    assert_lost(graded(scribble + WRONG))
    from grader import launch

    source = launch.source(confined=True, banned=find("huber").banned)
    assert os.listdir(source.scratch) == []


def test_a_huge_file_is_refused(graded):
    result = graded("open('big', 'wb').write(b'x' * (64 << 20))\n" + WRONG)
    assert_lost(result)
    assert result.checks[0].status != "pass"


def test_a_reply_that_never_ends_is_lost_in_time(graded):
    dribble = """
import os, struct, time
def _dribble():
    os.write(3, struct.pack(">II", 10_000_000, 0))
    while True:
        os.write(3, b" ")
        time.sleep(0.01)
"""
    started = time.monotonic()
    result = graded(dribble + body("_dribble()"))
    assert_lost(result)
    assert statuses(result)["forward"] == "timeout"
    assert time.monotonic() - started < 4 * QUICK.call_seconds


@pytest.mark.parametrize(
    "reply",
    [
        'struct.pack(">II", 2**31, 2**31)',
        'struct.pack(">II", 4, 0) + b"nope"',
        'struct.pack(">II", 200000, 0) + b"[" * 200000',
        'struct.pack(">II", 2, 0) + b"[]"',
        'struct.pack(">II", 9000, 0) + b"1" * 9000',
        'b"HTTP/1.1 200 OK"',
        '_tensor("float32", [2**40, 2**40], [1, 1], 4)',
        '_tensor("float32", [4], [-1], 16)',
        '_tensor("float32", [1000], [1], 4)',
        '_tensor("object", [1], [1], 4)',
    ],
)
def test_a_malformed_reply_is_a_failed_check(graded, reply):
    forge = """
import json, os, struct
def _tensor(dtype, shape, strides, size):
    value = {"tensor": dtype, "shape": shape, "strides": strides, "span": size // 4}
    head = json.dumps({"dict": [["id", 1], ["value", value]]}).encode()
    return struct.pack(">II", len(head), size) + head + bytes(size)
"""
    result = graded(forge + body(f"os.write(3, {reply})\nos._exit(0)"))
    assert_lost(result)
    assert result.verdict == "fail"
    assert statuses(result)["forward"] in ("crash", "timeout", "fail")


# --- what one check does stays there ---


def test_globals_changed_in_one_check_do_not_reach_another(graded, solution):
    spoiling = solution.replace(
        "        if not delta > 0:",
        "        if delta == -1.0:\n"
        "            torch.set_default_dtype(torch.float16)\n"
        "            torch.set_grad_enabled(False)\n"
        "            torch.Tensor.abs = lambda self: self * 0\n"
        "        if not delta > 0:",
    )
    result = graded(spoiling)
    spoiled = {name for name, status in statuses(result).items() if status != "pass"}
    assert spoiled <= {"refused_delta"}


def test_files_left_by_one_check_do_not_reach_another(graded, solution):
    leaving = solution.replace(
        "        near = ",
        "        import os\n"
        "        if self.delta == 1.0 and os.path.exists('left'): raise RuntimeError('left behind')\n"
        "        near = ",
    ).replace(
        "        if not delta > 0:", "        if delta == -1.0: open('left', 'w').close()\n        if not delta > 0:"
    )
    assert graded(leaving).verdict == "pass"


# --- files that are no submissions ---


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="a folder"):
        grade("huber", tmp_path)


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(Unreadable, match="not a regular file"):
        grade("huber", tmp_path / "pipe.py")


def test_a_device_is_refused():
    with pytest.raises(Unreadable, match="not a regular file"):
        grade("huber", "/dev/zero")


def test_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    with pytest.raises(Unreadable, match="link to nothing"):
        grade("huber", tmp_path / "gone.py")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x = '\xff\xfe'\n", "not valid utf-8"),
        (b"x = 1\n\0\n", "null byte"),
        (b"# " + b"x" * (50 << 20), "bytes"),
        (b"# coding: nonsense\n", "coding"),
    ],
    ids=["not UTF-8", "a null byte", "50 MiB", "an unknown coding"],
)
def test_bytes_that_are_no_source_fail_with_the_reason(tmp_path, data, words):
    (tmp_path / "huber.py").write_bytes(data)
    result = grade("huber", tmp_path / "huber.py", limits=QUICK)
    assert_lost(result)
    assert words in result.checks[0].message
