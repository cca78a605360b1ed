"""Take operators away from a submission, at torch's dispatcher; runs in the worker's process alone.

Every road to an operator (functional, module, alias, `torch.ops`, `torch._C`, a script, a fused kernel that
calls it, a backward pass) ends at its dispatcher entry, so the entry is what raises. Python twins
(`torch._refs`, `torch._decomp`) never reach it: their code objects are replaced. Nor do the engines that run a whole
graph on kernels of their own (Static Runtime, NNC, nativert, oneDNN Graph): they are put out of service.
"""

import ctypes
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

_KEYS = ("CPU", "MkldnnCPU", "QuantizedCPU")
_TWINS = ("torch._refs", "torch._decomp", "torch._prims")
_ENGINES = (
    "_jit_to_static_module",
    "_fuse_to_static_module",
    "_jit_set_te_must_use_llvm_cpu",
    "_jit_set_texpr_fuser_enabled",
    "_jit_pass_fuse_tensorexprs",
    "_jit_set_llga_enabled",
    "_te",
    "_nativert",
)


class NotAllowed(RuntimeError):
    """The submission used what the exercise asks it to build."""


def forbid(names: Sequence[str]) -> None:
    """Make every operator whose name holds one of `names` raise NotAllowed, in this process and all that it forks.

    This comes before any submission's first line: what it could still find is a function that raises.
    """
    if not names:
        return
    for qualified in holding(names, _operators()):
        _override(qualified)
    twins = _twins()
    for name in holding(names, twins):
        for function in twins[name]:
            function.__code__ = _refusal(name).__code__
    getattr(torch._C, "_jit_set_texpr_fuser_enabled", bool)(False)  # before the switch itself goes
    for name in _ENGINES:
        _put_out_of_service(torch._C, name)


def refusal(name: str) -> str:
    """What a submission is told that used the operator."""
    return f"{name} may not be used in this exercise"


def holding(names: Sequence[str], lines: Iterable[str]) -> list[str]:
    """The lines that hold one of `names`, not as the end of a longer word."""
    near = [line for line in lines if any(name in line for name in names)]
    exact = re.compile("|".join(rf"(?<![a-z]){re.escape(name)}" for name in names))
    return [line for line in near if exact.search(line)]


def _operators() -> list[str]:
    """Every operator that torch knows."""
    return sorted(torch._C._dispatch_get_all_op_names())


def _twins() -> dict[str, list[types.FunctionType]]:
    """Every plain function in the modules that hold Python twins, decorators taken off, by name."""
    found: dict[str, dict[int, types.FunctionType]] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(_TWINS):
            for value in list(vars(module).values()):
                for function in _unwrapped(value):
                    found.setdefault(function.__name__, {})[id(function)] = function
    return {name: list(functions.values()) for name, functions in found.items()}


def _override(qualified: str) -> None:
    """Register a refusing kernel, and keep no handle by which a submission could take it back."""
    namespace, _, name = qualified.partition("::")
    library = torch._C._dispatch_library("IMPL", namespace, "", __file__, 0)
    refuse = _refusal(qualified.partition(".")[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key in _KEYS:
            library.impl(name, key, refuse)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))


def _put_out_of_service(owner: Any, name: str) -> None:
    """Replace a native function, or all functions and constructors of a native module; a torch may be without it."""
    found = getattr(owner, name, None)
    refuse = _refusal(f"{owner.__name__}.{name}")
    if isinstance(found, types.ModuleType):
        for inner in [inner for inner in vars(found) if not inner.startswith("__")]:
            _put_out_of_service(found, inner)
    elif isinstance(found, type):
        found.__init__ = refuse  # type: ignore[misc]  # the class itself can be had from `object` by its subclasses
    elif callable(found):
        setattr(owner, name, refuse)


def _refusal(name: str) -> Callable[..., Any]:
    """A function without free variables that raises NotAllowed: its code can stand in for another's."""
    source = (
        "def refuse(*args, **kwargs):\n"
        "    from grader.ban import NotAllowed\n"
        f"    raise NotAllowed({refusal(name)!r})\n"
    )
    scope: dict[str, Any] = {}
    exec(compile(source, "<ban>", "exec"), scope)
    refuse: Callable[..., Any] = scope["refuse"]
    return refuse


def _unwrapped(value: Any) -> Iterator[types.FunctionType]:
    while callable(value):
        if isinstance(value, types.FunctionType) and not value.__closure__:
            yield value
        value = getattr(value, "__wrapped__", None)
