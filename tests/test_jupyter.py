"""`check` in a notebook's kernel: the same verdict whatever torch has become there, and nothing of it changed."""

import html as entities
import subprocess
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from grader import jupyter, progress
from grader.exercise import ROOT, find
from grader.judge import grade
from grader.reports.html import html
from grader.reports.text import most_useful, plain
from grader.result import CheckResult, Counterexample, Misconception, Result
from grader.workspace import PROGRESS

FACTS = "t.get_default_dtype(), t.is_grad_enabled(), t.get_num_threads(), t.get_rng_state().sum().item()"


class Page(HTMLParser):
    """What a page holds: its tags, its attributes, its text; and that it is balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], set(), set(), ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=20) | st.sampled_from(
    ["<script>alert(1)</script>", "</pre></div>", '" onclick="x', "&lt;b&gt;", "]]>", "$x$"]
)
CHECKS = st.builds(
    CheckResult,
    name=TEXTS,
    claim=TEXTS,
    weight=st.just(1.0),
    status=st.sampled_from(["pass", "fail", "timeout", "memory", "crash", "not_run", "error"]),
    message=TEXTS,
    counterexample=st.none() | st.builds(Counterexample, TEXTS, TEXTS, TEXTS, TEXTS),
    misconception=st.none() | st.builds(Misconception, TEXTS, TEXTS),
)
RESULTS = st.builds(
    Result,
    exercise=TEXTS,
    submission=TEXTS,
    sha256=st.just(""),
    verdict=st.sampled_from(["pass", "fail", "error"]),
    score=st.floats(0, 1),
    seed=st.just(0),
    seconds=st.just(0.0),
    versions=st.just({}),
    sandbox=st.sampled_from(["none", "landlock"]),
    checks=st.lists(CHECKS, max_size=4).map(tuple),
    output=TEXTS,
)


@given(RESULTS, TEXTS)
def test_html_shows_texts_as_they_are_and_runs_nothing(result, note):
    page = Page(html(result, note))
    assert page.tags <= {"div", "details", "summary", "pre", "span", "b"}
    assert page.attributes <= {"style"}
    assert result.output in page.text
    assert result.exercise in page.text
    for check in result.failed:
        assert all(line in page.text for line in plain(check).split("\n"))


@given(RESULTS)
def test_the_most_useful_failed_check_comes_first(result):
    first = most_useful(result)
    shown = html(result).partition("<details")[0]
    assert first is None or all(entities.escape(line) in shown for line in plain(first).split("\n"))


def test_outside_a_notebook_the_command_is_named():
    with pytest.raises(jupyter.CannotCheck, match="python -m grader huber"):
        jupyter.check("huber")


@pytest.mark.parametrize(
    ("name", "namespace", "words"),
    [
        ("hubre", {}, "did you mean huber"),
        ("huber", {}, "run the cell that defines it"),
        ("huber", {"HuberLos": 1}, "did you mean HuberLoss"),
    ],
)
def test_what_cannot_be_checked_is_told_without_a_traceback(monkeypatch, name, namespace, words):
    monkeypatch.setattr(jupyter, "_shell", lambda: SimpleNamespace(user_ns=namespace))
    with pytest.raises(jupyter.CannotCheck, match=words) as caught:
        jupyter.check(name)
    assert len(caught.value._render_traceback_()) == 1


def test_a_grader_that_fails_is_told_as_such(monkeypatch):
    monkeypatch.setattr(jupyter, "_shell", lambda: shell("HuberLoss = 1"))
    monkeypatch.setattr(jupyter, "_GRADER", "import sys\nsys.exit('oh')")
    with pytest.raises(jupyter.CannotCheck, match="the grader itself failed"):
        jupyter.check("huber")


def shell(*sources: str) -> SimpleNamespace:
    """What `check` needs of IPython's shell."""
    history = SimpleNamespace(input_hist_raw=["", *sources])
    return SimpleNamespace(user_ns={"HuberLoss": object()}, history_manager=history)


def test_cells_count_in_the_order_of_execution(monkeypatch, tmp_path, solution):
    monkeypatch.setattr(
        jupyter, "_shell", lambda: shell(solution, "HuberLoss = 5", "%time 1", solution, "check('huber')")
    )
    monkeypatch.chdir(tmp_path)
    verdict = jupyter.check("huber", seed=3)
    assert (verdict.result.verdict, verdict.result.seed, verdict.result.submission) == ("pass", 3, "this notebook")
    assert verdict.result.checks[0].message.startswith("graded: cell 4 ")


HOSTILE = """\
import torch as t
t.set_default_dtype(t.float64)
t.set_grad_enabled(False)
t.set_num_threads(2)
t.manual_seed(5)
t.equal = t.allclose = lambda *a, **k: True
t.testing.assert_close = lambda *a, **k: None
kept_equal = t.Tensor.__eq__
t.Tensor.__eq__ = lambda *a: t.ones(())
import hypothesis, json, random
hypothesis.given = None
random.seed(9)
"""


def test_a_kernel_whose_torch_is_bent_gets_the_same_verdict_and_keeps_its_state(monkeypatch, tmp_path, solution):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / PROGRESS).touch()
    wrong = find("huber").mistakes["sum"].source
    cells = [
        HOSTILE,
        f"before = {FACTS}, random.getstate(); before[0]",
        "from grader import check",
        wrong + "\n1 / 0",
        "check('huber')",
        "%matplotlib inline\n" + solution,
        "verdict = check('huber')\nprint(verdict)\nverdict",
        f"after = {FACTS}, random.getstate(); (before == after, verdict.result.verdict)",
        "check('hubre')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(book, timeout=300, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    failed, passed = book.cells[4].outputs[-1], book.cells[6].outputs
    expected = grade("huber", written(tmp_path, wrong))
    first = most_useful(expected)
    assert first.misconception.explanation in Page(failed.data["text/html"]).text
    assert "run this in a cell of your notebook" in failed.data["text/plain"]
    assert "All of it holds" in passed[0].text
    assert "All of it holds" in Page(passed[1].data["text/html"]).text
    assert book.cells[7].outputs[0].data["text/plain"] == "(True, 'pass')"
    assert "did you mean huber" in "".join(book.cells[8].outputs[0].traceback)
    entry = progress.read(tmp_path / PROGRESS).of("huber")
    assert entry.state == "done"
    assert entry.failed


def written(folder, source):
    path = folder / "huber.py"
    path.write_text(source)
    return path


def test_loading_check_brings_no_torch_into_the_kernel():
    code = "import sys\nfrom grader import check\nprint('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
