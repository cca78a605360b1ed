"""Of a notebook its answer is graded, whatever else is in it, and places are told as its author counts."""

import contextlib
import io
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.exercise import find
from grader.judge import grade
from grader.notebook import LARGEST, Extract, extract
from grader.submission import Submission, read

NOISE = [
    "%matplotlib inline",
    "!pip install torch",
    "print(f, x, 'and more')",
    "def f(:\n    return 1",
    "%%bash\ndef f(): return 1",
    "x, f = await something()",
    "",
    "# x = 5",
    "f?",
    "?f",
    "files = !ls *.py\nfor name in files:\n    !cat $name\n    print('it''s')",
    "%time f()",
    "return f",
    "%%writefile f.py\nx = 1",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
]


def notebook(*cells, **more) -> bytes:
    """A notebook of code cells, or of (kind, source) pairs."""
    pairs = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    raw = [{"cell_type": kind, "source": source} for kind, source in pairs]
    return json.dumps({"nbformat": 4, "cells": raw} | more).encode()


def answer(*cells, names=("f",)) -> dict:
    """The namespace of what is graded of the cells."""
    found = extract(notebook(*cells), names)
    assert not found.fault
    assert len(found.origins) == found.text.count("\n")
    return run(found.text)


def run(*sources) -> dict:
    """The namespace after running the sources, as a notebook would."""
    names = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in sources:
            exec(compile(source, "cell", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (["def f(): return 1", "def f(): return 2"], 2),
        (["def f(): return 1", "def f( return 2"], 1),
        (["def f(): return x", "x = 1", "x = 2"], 2),
        (["x = 1", "def f(y=x): return y", "x = 2"], 1),
        (["x = 1", "x += 1; print(x)", "f = lambda: x"], 2),
        (["def f(): return g()", "def g(): return 1"], 1),
        (["from math import *", "def f(): return floor(1.5)"], 1),
        (["from math import *", "def floor(x): return 7", "def f(): return floor(1.5)"], 7),
        (["if __name__ == '__main__':\n    def f():\n        return 3\n    undefined()\n    x = 2"], 3),
        (["if '__main__' == __name__: f = lambda: 4"], 4),
        (["try:\n    import missing_module as m\nexcept ImportError:\n    m = 5", "def f(): return m"], 5),
        (["class f:\n    def __new__(cls): return 6", "class f(f): pass"], 6),
        (["class A:\n    def v(self): return 1", "def v(self): return 7", "A.v = v", "f = lambda: A().v()"], 7),
        (["class A: pass", "setattr(A, 'v', 8)", "f = lambda: A.v"], 8),
        (["class A: pass", "for n in ('v', 'w'):\n    setattr(A, n, n)", "f = lambda: A.w"], "w"),
        (["t = {}", "t['k'] = 9", "def f(): return t['k']"], 9),
        (["t = []", "t.append(1)", "t.extend([2])", "def f(): return t"], [1, 2]),
        (["def init():\n    global v\n    v = 10", "init()", "def f(): return v"], 10),
        (
            ["import json", "import json.decoder", "f = lambda: json.dumps(json.decoder.NaN.__class__.__name__)"],
            '"float"',
        ),
        (["import json, missing_module", "def f(): return json.dumps(1)"], "1"),
        (["def deco(g):\n    return lambda: g() + k", "k = 1", "@deco\ndef f(): return 10", "k = 2"], 12),
        (
            ["def make(): return h()", "def h(): return 1", "c = make()", "def h(): return 2", "f = lambda: (c, h())"],
            (1, 2),
        ),
        (["x = 1\nif x:\n    def f(): return 1\nelse:\n    def f(): return 2"], 1),
        (["def f(): return 1", "if 0:\n    def f(): return 2"], 1),
        (["async def helper(): pass", "await helper()", "def f(): return helper.__name__"], "helper"),
        (["%%time\ndef f():\n    return 1"], 1),
        (["%%capture out\n\n%%time\ndef f(): return 1"], 1),
        (["def f():\n    return 1\n%timeit f()\n!echo it's (\n"], 1),
        (["def f():\n    '''\n%not a magic\n    '''\n    return 1\n%magic"], 1),
        (["x = (7\n % 4)\n!ls\ndef f(): return x"], 3),
        (["!pip install a \\\n  'b\ndef f(): return 1"], 1),
        (["  def f():\n      return 1\n  %who"], 1),
        (["x = 1; y = 2; undefined\ndef f(): return y"], 2),
        (["f = 1", "def f(): return 'é'; print('ü')"], "é"),
        (["class A:\n    def x(self): pass\n    y = x", "x = undefined()", "def f(): return A.__name__"], "A"),
        (["def f(): return 1", "del f"], 1),
        (["x = 1\r\ndef f():\r\n    return x"], 1),
        (["def f():\n    from math import floor\n    g = undefined\n", "g = undefined()", "f = lambda: 1"], 1),
    ],
)
def test_the_last_good_binding_before_use_counts(cells, value):
    assert answer(*cells)["f"]() == value


def test_annotations_of_the_future_stay_in_force():
    found = answer("x = 1", "from __future__ import annotations\ndef f(a: undefined): return 1")
    assert found["f"](0) == 1


def test_what_nothing_needs_is_not_run():
    found = extract(notebook("import torch", "x = 1", "print(x)", "train()", "def f(): return x", "f()"), ["f"])
    assert (found.text, found.origins) == ("x = 1\ndef f(): return x\n", ((2, 1), (5, 1)))
    assert found.notes == (
        "graded: cells 2, 5 (f and what belongs to it)",
        "left out: nothing of cells 1, 3–4, 6 is needed",
    )


@pytest.mark.parametrize("value", [0, 1])
def test_a_binding_that_may_not_happen_is_kept_with_the_one_before(value):
    cells = [f"k = {value}", "def f(): return 0", "if k:\n    def f(): return 1"]
    assert answer(*cells)["f"]() == value


def test_a_first_try_that_fails_does_no_harm():
    assert answer("class f(undefined.Module): pass", "class f:\n    def m(self): return super(f, self)")["f"]().m()


NAMES = st.sampled_from("xyz")
STATEMENTS = st.one_of(
    st.builds("{} = {}".format, NAMES, st.integers(0, 9)),
    st.builds("{} = {} + 1".format, NAMES, NAMES),
    st.builds("{} += {}".format, NAMES, NAMES),
    st.builds("def g(a={}): return (a, {}, h())".format, NAMES, NAMES),
    st.builds("def h(): return {}".format, NAMES),
    st.builds("def f(): return ({}, g(), T, C.v, C().m())".format, NAMES),
    st.builds("def f(): return {}, D()".format, NAMES),
    st.builds("def f(): return {}".format, NAMES),
    st.just("D = h"),
    st.builds("def D(): return h(), {}".format, NAMES),
    st.builds("def f(a=g()): return a, f.__defaults__, {}".format, NAMES),
    st.builds("class C:\n    v = {}\n    def m(self): return {}, h()".format, NAMES, NAMES),
    st.builds("class C(C):\n    w = v = {}".format, NAMES),
    st.builds("C.v = {}".format, NAMES),
    st.builds("T.append({})".format, NAMES),
    st.builds("T[0] = {}".format, NAMES),
    st.builds("T = [h(), {}]".format, NAMES),
    st.builds("for {} in T:\n    {} = 1".format, NAMES, NAMES),
    st.builds("if {} > 3:\n    {} = 2\nelse:\n    def h(): return 5".format, NAMES, NAMES),
    st.builds("{} = [{} + i for i in range(2)][1]".format, NAMES, NAMES),
    NAMES.map(lambda name: f"def s():\n    global {name}\n    {name} = 7"),
    st.just("s()"),
    st.just("C, D = C, h"),
    st.builds("if {} > {}:\n    {} = 8".format, NAMES, NAMES, NAMES),
    st.just("h = (lambda k: lambda: k())(h)"),
    st.just("@(lambda k: lambda: (k(), y))\ndef h(): return x"),
)
START = """\
x = 1
y = 2
z = 3
T = [0]
def h(): return x
D = h
def g(): return h()
class C:
    v = y
    def m(self): return g()
def f(): return g()
def s(): pass"""
PROGRAMS = st.lists(STATEMENTS, max_size=12)


@given(PROGRAMS)
def test_the_answer_is_what_running_the_notebook_makes_it(statements):
    expected = run(START, *statements)["f"]()
    assert repr(answer(START, *statements)["f"]()) == repr(expected)


@given(PROGRAMS, st.data())
def test_neither_splitting_nor_noise_changes_the_answer(statements, data):
    joined = extract(notebook("\n".join([START, *statements])), ["f"])
    cells = [START]
    for statement in statements:
        if data.draw(st.booleans()):
            cells.append(statement)
        else:
            cells[-1] += "\n" + statement
    for noise in data.draw(st.lists(st.sampled_from(NOISE), max_size=5)):
        cells.insert(data.draw(st.integers(0, len(cells))), noise)
    assert extract(notebook(*cells), ["f"]).text == joined.text


@given(st.data())
def test_a_cell_twice_is_a_cell_once_where_it_only_defines(data):
    definitions = ["x = 3", "def g(a): return a * x", "class C:\n    v = x", "def f(): return g(C.v)"]
    repeated = data.draw(st.lists(st.sampled_from(definitions), max_size=6))
    assert answer(*definitions, *repeated)["f"]() == 9


@given(st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)))
def test_any_json_is_a_notebook_or_told_in_one_line(value):
    for data in (value, {"cells": [value]}, {"cells": [{"cell_type": "code", "source": value}]}):
        found = extract(json.dumps(data).encode(), ["f"])
        assert "\n" not in found.fault


@given(st.binary(max_size=60) | st.text().map(lambda text: notebook(text)))
def test_any_bytes_are_told_or_read(data):
    assert isinstance(extract(data, ["f"]), Extract)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"import torch\n", "not JSON (line 1"),
        (b"<!DOCTYPE html>", "web page"),
        (b'{"cells": [\n<<<<<<< HEAD\n', "merge"),
        (b"[1, 2]", "list of cells"),
        (b'{"cells": 3}', "list of cells"),
        (b'{"cells": []}', "none of them is a code cell"),
        (notebook(("markdown", "# f")), "none of them is a code cell"),
        (b"[" * 100_000, "not JSON"),
        (notebook("#" * (LARGEST + 1)), "keep data out"),
        (notebook("x = 1\n" * 30_000), "too many statements"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
)
def test_what_is_no_notebook_is_told_in_a_sentence(data, words):
    found = extract(data, ["f"])
    assert words in found.fault
    assert (found.text, found.origins) == ("", ())


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + notebook("def f(): return 1"),
        notebook("def f(): return 1").decode().encode("utf-16"),
        json.dumps({"cells": [{"source": ["def f():\n", "    return 1"]}]}).encode(),
        json.dumps({"cells": [7, {}, {"cell_type": "code"}, {"source": "def f(): return 1"}]}).encode(),
        json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": "def f(): return 1"}]}]}).encode(),
        notebook("def f(): return 1", cell_type=None, metadata=[]),
    ],
)
def test_old_and_incomplete_notebooks_are_read(data):
    assert run(extract(data, ["f"]).text)["f"]() == 1


@pytest.mark.parametrize(
    "source", ["(" * 5000, "-" * 100_000 + "1", "x = " + "1 + " * 5000 + "1", "\ud800", "x = '\0'"]
)
def test_a_cell_that_python_cannot_stomach_is_left_out(source):
    assert answer(source, "def f(): return 1")["f"]() == 1


def test_very_many_cells_are_read():
    cells = [f"def g{i}(): return g{i - 1}() + 1\nprint({i})" for i in range(1, 800)]
    assert answer("g0 = lambda: 0", *cells, "def f(): return g799()")["f"]() == 799


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        ([("markdown", "def f():\n    return 1"), "x = 1"], "cell 1 is a Markdown cell that reads like code"),
        ([("raw", "class f:\n    pass"), "x = 1"], "cell 1 is a Raw cell that reads like code"),
        (["def ff(): pass"], "cell 1 defines ff: did you mean f?"),
        (["x = 1", "f = (1"], "cell 2 does not parse"),
        (["%%writefile a.py\ndef f(): pass"], "cell 1 is %%writefile, so that it does not define f"),
        (
            ["def f(): pass", "def f(x:\n  pass"],
            "cell 2 does not parse (line 1: '(' was never closed): the f that is graded",
        ),
        (["def f(): pass", "a = 1\nawait a"], "left out: cell 2 awaits in line 2"),
    ],
)
def test_what_may_be_wrong_with_an_entry_point_is_told(cells, note):
    assert any(told.startswith(note) for told in extract(notebook(*cells), ["f"]).notes)


def test_notes_stay_short_for_long_notebooks():
    cells = ["def f(): return 1"] + ["def f(" if i % 2 else "print()" for i in range(1000)]
    assert sum(map(len, extract(notebook(*cells), ["f"]).notes)) < 2000


def test_places_are_told_as_cell_and_line():
    submission = Submission("a/my.ipynb", "my.ipynb", "", "", origins=((2, 1), (5, 3)))
    assert submission.place(2) == "my.ipynb, cell 5, line 3"
    assert submission.place(3) == "my.ipynb, line 3"
    assert submission.placed('  File "my.ipynb", line 1, in f') == "  File my.ipynb, cell 2, line 1, in f"
    assert submission.placed("my.ipynb:2: UserWarning") == "my.ipynb, cell 5, line 3: UserWarning"
    assert Submission("huber.py", "huber.py", "", "").place(4) == "huber.py, line 4"


def written(path, *cells):
    path.write_bytes(notebook(*cells))
    return path


def test_a_right_notebook_passes(tmp_path, solution, command):
    path = written(
        tmp_path / "my.ipynb", "%matplotlib inline", ("markdown", "# Huber"), solution, "1 / 0", "def broken("
    )
    ended = command("huber", str(path))
    assert ended.returncode == 0, ended.stdout
    assert "graded: cell 3 (HuberLoss and what belongs to it)" in ended.stdout
    assert read(str(path), ["HuberLoss"]).sha256 == grade("huber", path).sha256


def test_what_a_notebook_raises_is_placed_in_its_cell(tmp_path):
    source = "class HuberLoss(nn.Module):\n    def __init__(self, delta):\n        raise KeyError('hm')"
    path = written(tmp_path / "my.ipynb", "from torch import nn", "1 / 0", source)
    failed = grade("huber", path).failed[0]
    assert "my.ipynb, cell 3, line 3, in __init__\n    raise KeyError('hm')" in failed.message


def test_a_notebook_without_the_answer_fails_and_says_where_it_may_be(tmp_path, solution):
    checks = grade("huber", written(tmp_path / "my.ipynb", ("markdown", solution), "x = 1")).checks
    assert checks[0].status == "fail"
    assert checks[0].message.splitlines()[:2] == [
        "the file does not define HuberLoss",
        "cell 1 is a Markdown cell that reads like code: change its type to Code, for it defines HuberLoss",
    ]


@pytest.mark.parametrize(("name", "mistake"), [("huber", "sum"), ("gelu", next(iter(find("gelu").mistakes)))])
def test_the_code_of_a_counterexample_runs_in_a_cell_of_the_notebook(tmp_path, name, mistake):
    source = find(name).mistakes[mistake].source
    failed = grade(name, written(tmp_path / "my.ipynb", "loss = 3", source)).failed
    shown = next(check for check in failed if check.counterexample).counterexample
    (tmp_path / "cells.py").write_text(f"{source}\n\n{shown.reproduce}\nassert 'args' not in globals()\n")
    ended = subprocess.run([sys.executable, "cells.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0 or ended.stderr.strip().splitlines()[-1].partition(":")[0] in shown.got
    assert "grader" not in shown.reproduce


def test_pytest_grades_a_notebook(pytester, solution):
    written(pytester.path / "my.ipynb", solution)
    ended = pytester.runpytest_subprocess("my.ipynb", "--exercise", "huber")
    ended.assert_outcomes(passed=1 + len(find("huber").checks()))
