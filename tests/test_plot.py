"""Pictures: the learner's curves beside the reference's, as files that others can read."""

from __future__ import annotations

import math
import sys
import xml.etree.ElementTree

import pytest

from grader import cli, console
from grader.exercise import ROOT, exercises, find
from grader.picture import Curve, Panel, Picture
from grader.plot import NoPicture, draw, picture_of, write_events
from grader.submission import Submission

WITH_PICTURE = [name for name, exercise in exercises().items() if (exercise.folder / "picture.py").exists()]
SMALL = Picture("Small", [Panel("P", "x", "y (m)", [Curve("yours", [0.0, 1.0, 2.0], [1.0, math.nan, 3.0])])])


def of(name: str, text: str) -> Picture:
    return picture_of(find(name), Submission(f"{name}.py", f"{name}.py", "", text))


@pytest.mark.parametrize("name", WITH_PICTURE)
def test_a_right_answers_curves_lie_on_the_references(name, tmp_path):
    picture = of(name, find(name).source("solution"))
    for panel in picture.panels:
        assert panel.x_label
        assert panel.y_label
        yours = [curve for curve in panel.curves if curve.whose == "yours"]
        reference = [curve for curve in panel.curves if curve.whose == "reference"]
        assert len(yours) == len(reference) > 0
        for one, other in zip(yours, reference, strict=True):
            assert list(one.x) == list(other.x)
            assert one.y == pytest.approx(other.y, nan_ok=True)
    draw(picture, tmp_path / "picture.svg")
    xml.etree.ElementTree.parse(tmp_path / "picture.svg")


def test_the_five_of_the_core_have_pictures():
    assert {"huber", "glu", "gelu", "lr_finder", "grad_norm"} <= set(WITH_PICTURE)


def test_a_mistake_shows():
    (loss, _) = of("huber", find("huber").mistakes["no half"].source).panels
    yours, reference = loss.curves[:2]
    assert yours.y != pytest.approx(reference.y)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_picture_gives_the_same_file(tmp_path, suffix):
    paths = [tmp_path / f"{number}.{suffix}" for number in (1, 2)]
    for path in paths:
        draw(SMALL, path)
    data = [path.read_bytes() for path in paths]
    assert len(data[0]) > 1000
    assert suffix == "pdf" or data[0] == data[1]


def test_tensorboards_own_reader_finds_the_curves(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (run,) = write_events(SMALL, tmp_path)
    events = EventAccumulator(run)
    events.Reload()
    assert events.Tags()["scalars"] == ["P/y (m)"]
    assert [(event.step, event.value) for event in events.Scalars("P/y (m)")] == [(0, 1.0), (2, 3.0)]


def test_without_matplotlib_or_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NoPicture, match=r"torch-exercise-grader\[plot\]"):
        draw(SMALL, tmp_path / "x.png")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(NoPicture, match=r"torch-exercise-grader\[tensorboard\]"):
        write_events(SMALL, tmp_path)


@pytest.fixture
def said(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = cli.main(["plot", *arguments])
        return status, *capsys.readouterr()

    return run


def test_the_command_writes_what_it_says(said, tmp_path):
    solution = str(find("glu").folder / "solution.py")
    assert said("glu", solution) == (console.PASS, "glu.png\n", "")
    assert (tmp_path / "glu.png").read_bytes().startswith(b"\x89PNG")
    status, out, _ = said("glu", solution, "--tensorboard", "events")
    assert status == console.PASS
    assert all((tmp_path / run).is_dir() for run in out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hubre"], "did you mean huber"),
        (["huber", "nowhere.py"], "does not exist"),
        (["huber", str(ROOT / "solutions/losses/huber/solution.py"), "--out", "x.jpeg"], ".png, .svg or .pdf"),
        (["huber", str(ROOT / "solutions/losses/huber/solution.py"), "--out", "no/x.png"], "cannot be written"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(said, arguments, words):
    status, out, err = said(*arguments)
    assert (status, out, err.count("\n")) == (console.WRONG_CALL, "", 1)
    assert words in err


def test_code_that_does_not_run_is_told_with_its_line(said, tmp_path):
    (tmp_path / "huber.py").write_text(find("huber").derived_stub())
    status, _, err = said("huber", "huber.py")
    assert status == console.FAIL
    assert "fill in HuberLoss.__init__" in err
    assert "python -m grader huber" in err
    assert not (tmp_path / "huber.png").exists()
