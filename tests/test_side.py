"""Probes are differentiable functions across the process border, to any order."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from grader import launch
from grader.calls import Call
from grader.limits import Limits
from grader.modules import module
from grader.sandbox import Load, Worker
from grader.side import Raised, Side, local

PROBES = """
def both(learner, x, y, power=3):
    return learner.cubed(x, power) * y, x.sum()

def told(learner, x):
    return {"mean": float(x.mean()), "name": str(x.dtype)}

def cut(learner, x):
    return x.detach() * 2

def drawn(learner):
    import random
    return float(torch_rand()), random.random()

def fails(learner):
    class Special(ValueError):
        pass
    raise Special("with a text")

from torch import rand as _rand

def torch_rand():
    return _rand(())
"""
LEARNER = "def cubed(x, power):\n    return x ** power\n"


@pytest.fixture(params=["worker", "local"])
def side(request):
    probes = module("probes_under_test", "probes.py", PROBES)
    if request.param == "local":
        yield Side(local(module("learner_under_test", "l.py", LEARNER), probes), probes)
        return
    with Worker(launch.source(confined=True), Limits(), Load("learner", "learner.py", LEARNER, PROBES)) as worker:

        def ask(call: Call):
            reply = worker.ask(call.as_data())
            if "raised" in reply:
                raise Raised.of(reply["raised"])
            return reply["value"]

        yield Side(ask, probes)


def test_first_and_second_derivatives_pass_gradcheck(side):
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([0.5, -2.0], [1.5, 3.0]))
    assert gradcheck(lambda x, y: side.both(x, y), (x, y))
    assert gradgradcheck(lambda x, y: side.both(x, y)[0], (x, y))


def test_third_derivatives_are_right(side):
    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    value = side.both(x, torch.ones(1, dtype=torch.float64))[0]
    for _ in range(3):
        (value,) = torch.autograd.grad(value, x, torch.ones(1, dtype=torch.float64), create_graph=True)
    assert value.tolist() == [6.0]


def test_data_comes_back_as_it_was_returned(side):
    assert side.told(torch.tensor([1.0, 3.0])) == {"mean": 2.0, "name": "torch.float32"}


def test_a_result_without_a_graph_is_told(side):
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="no graph"):
        side.cut(x).sum().backward()


def test_generators_are_seeded_for_each_call(side):
    assert side.drawn(seed=3) == side.drawn(seed=3) != side.drawn(seed=4)


def test_what_was_raised_is_of_the_built_in_kind_too(side):
    with pytest.raises(ValueError, match="with a text") as caught:
        side.fails()
    assert type(caught.value).__name__ == "Special"


def test_the_record_keeps_what_was_asked_though_the_tensor_changes(side):
    x = torch.ones(2)
    side.told(x)
    x.zero_()
    assert side.record[0].call.args[0].tolist() == [1.0, 1.0]
