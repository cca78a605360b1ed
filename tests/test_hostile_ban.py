"""What an exercise takes away cannot be had on any road: one property each."""

from __future__ import annotations

import pytest
from test_hostile import assert_lost, statuses

from grader.exercise import find

ROADS = {
    "functional": "return torch.nn.functional.huber_loss(y_pred, y_true, delta=self.delta)",
    "module": "return torch.nn.HuberLoss(delta=self.delta)(y_pred, y_true)",
    "getattr": "return getattr(torch.nn.functional, 'hub' + 'er_loss')(y_pred, y_true, delta=self.delta)",
    "scaled smooth l1": "return torch.nn.functional.smooth_l1_loss(y_pred, y_true, beta=self.delta) * self.delta",
    "torch.ops": "return torch.ops.aten.huber_loss(y_pred, y_true, 1, self.delta)",
    "overload": "return torch.ops.aten.huber_loss.default(y_pred, y_true, 1, self.delta)",
    "torch._C": "return torch._C._nn.huber_loss(y_pred, y_true, 1, self.delta)",
    "torch._VF": "return torch._VF.huber_loss(y_pred, y_true, 1, self.delta)",
    "refs": "import torch._refs.nn.functional as f\nreturn f.huber_loss(y_pred, y_true, delta=self.delta)",
    "refs unwrapped": (
        "import torch._refs.nn.functional as f, inspect\n"
        "return inspect.unwrap(f.huber_loss)(y_pred, y_true, delta=self.delta)"
    ),
    "refs smooth l1": (
        "import torch._refs.nn.functional as f\nreturn f.smooth_l1_loss(y_pred, y_true, beta=self.delta) * self.delta"
    ),
    "a copy of the refs": (
        "import importlib.util, torch._refs.nn.functional as f\n"
        "spec = importlib.util.spec_from_file_location('copied', f.__file__)\n"
        "copied = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(copied)\n"
        "return copied.huber_loss(y_pred, y_true, delta=self.delta)"
    ),
    "a script": "return _scripted(y_pred, y_true, float(self.delta))",
    "a subclass": "return _Sub(delta=self.delta)(y_pred, y_true)",
    "no dispatch modes": (
        "with torch._C._DisableTorchDispatch():\n"
        "    return torch.nn.functional.huber_loss(y_pred, y_true, delta=self.delta)"
    ),
    "below autograd": (
        "with torch._C._AutoDispatchBelowAutograd():\n"
        "    return torch.nn.functional.huber_loss(y_pred, y_true, delta=self.delta) + 0 * y_pred.sum()"
    ),
    "inference mode": (
        "with torch.inference_mode():\n    value = torch.nn.functional.huber_loss(y_pred, y_true, delta=self.delta)\n"
        "return value.clone() + 0 * y_pred.sum()"
    ),
    "vmap": "return torch.func.vmap(lambda a, b: torch.nn.functional.huber_loss(a, b, delta=self.delta))"
    "(y_pred[None], y_true[None])[0]",
    "out variant": (
        "out = torch.empty(0, dtype=y_pred.dtype)\n"
        "return torch.ops.aten.huber_loss.out(y_pred, y_true, 1, self.delta, out=out)"
    ),
    "at a dispatch key": (
        "key = torch._C.DispatchKey.Functionalize\n"
        "return torch.ops.aten.huber_loss.default._op_dk(key, y_pred, y_true, 1, self.delta)"
    ),
    "the operator's kernel": (
        "keys = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)\n"
        "kernel = torch.library.get_kernel('aten::huber_loss', 'CPU')\n"
        "return kernel.call_boxed(keys, y_pred, y_true, 1, self.delta)"
    ),
    "registered anew": (
        "library = torch.library.Library('aten', 'IMPL')\n"
        "library.impl('huber_loss', lambda *a: torch.ops.aten.huber_loss.out(*a, out=y_pred.sum().detach()), 'CPU')\n"
        "return torch.nn.functional.huber_loss(y_pred, y_true, delta=self.delta)"
    ),
    "Static Runtime": (
        "return torch._C._jit_to_static_module(_scripted.graph)(y_pred.detach(), y_true, float(self.delta))"
    ),
    "Static Runtime within a script": (
        "torch._C._fuse_to_static_module(_scripted.graph, 1)\nreturn _scripted(y_pred, y_true, float(self.delta))"
    ),
    "NNC": (
        "torch._C._jit_set_te_must_use_llvm_cpu(False)\n"
        "return torch._C._te.TensorExprKernel(_scripted.graph).run((y_pred, y_true, self.delta))"
    ),
    "NNC's constructor": (
        "kinds = {kind.__name__: kind for kind in torch._C.Graph.__mro__[-2].__subclasses__()}\n"
        "return kinds['TensorExprKernel'](_scripted.graph).run((y_pred, y_true, self.delta))"
    ),
    "kept at import": "return _kept(y_pred, y_true, delta=self.delta)",
    "undone": (
        "import gc\n"
        "for thing in gc.get_objects():\n"
        "    if type(thing).__name__ in ('_DispatchModule', 'Library'):\n"
        "        getattr(thing, 'reset', getattr(thing, '_destroy', None))()\n"
        "return torch.nn.functional.huber_loss(y_pred, y_true, delta=self.delta)"
    ),
}
SCRIPTED = ("a script", "Static Runtime", "Static Runtime within a script", "NNC", "NNC's constructor")
PREAMBLE = """
import torch
_kept = torch.nn.functional.huber_loss


class _Sub(torch.nn.HuberLoss):
    pass


@torch.jit.script
def _scripted(a: torch.Tensor, b: torch.Tensor, delta: float) -> torch.Tensor:
    return torch.nn.functional.huber_loss(a, b, delta=delta)
"""


@pytest.mark.parametrize("road", ROADS)
def test_the_forbidden_operator_is_refused_on_every_road(graded, solution, road):
    preamble = PREAMBLE if road in SCRIPTED or road in ("a subclass", "kept at import") else ""
    head, _, _ = solution.partition("        size = (y_pred")
    lines = "".join(f"        {line}\n" for line in ROADS[road].split("\n"))
    source = head.replace("class HuberLoss", preamble + "\n\nclass HuberLoss", 1) + lines
    result = graded(source)
    assert_lost(result)
    assert statuses(result)["forward"] == "fail"


def test_unbanning_before_the_ban_is_too_late(graded, solution):
    patch = "import grader.ban\ngrader.ban.forbid = grader.ban._override = lambda *a: None\n"
    borrowed = find("huber").mistakes["borrowed"].source
    assert_lost(graded(borrowed.replace("import torch\n", "import torch\n" + patch, 1)))


def test_a_name_in_a_comment_or_behind_main_is_no_offence(graded, solution):
    demo = "\n# not nn.functional.huber_loss\nif __name__ == '__main__':\n    print(nn.functional.huber_loss(1, 2))\n"
    assert graded(solution + demo).verdict == "pass"


GELU = """
import torch


class GELUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, approximate):
        return _value(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class _Scripted(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        return torch.nn.functional.gelu(x).clone()


def gelu(x, approximate="none"):
    return GELUFunction.apply(x, approximate)


def _value(x):
"""
ENGINES = {
    "Static Runtime": (
        "frozen = torch.jit.freeze(torch.jit.script(_Scripted().eval()))\n"
        "return torch._C._jit_to_static_module(frozen._c)(x)"
    ),
    "NNC": (
        "torch._C._jit_set_te_must_use_llvm_cpu(False)\n"
        "kind = 'Double(2, strides=[1], requires_grad=0, device=cpu)'\n"
        "text = 'graph(%x : KIND):\\n  %s : str = prim::Constant[value=\"none\"]()\\n'\n"
        "text += '  %r : KIND = aten::gelu(%x, %s)\\n  return (%r)'\n"
        "graph = torch._C.parse_ir(text.replace('KIND', kind))\n"
        "return torch._C._te.TensorExprKernel(graph).run((x,))"
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_with_kernels_of_its_own_runs_no_forbidden_operator(graded, engine):
    lines = "".join(f"    {line}\n" for line in ENGINES[engine].split("\n"))
    result = graded(GELU + lines, "gelu")
    assert_lost(result)
    assert "may not be used in this exercise" in result.failed[0].message
