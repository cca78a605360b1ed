"""Keep torch's compiler from loading in processes that only run eagerly; runs on both sides.

The first optimiser of a process imports torch._dynamo (0.9 s, 80 MB), the first vector-Jacobian product
imports sympy (0.5 s); eager code needs two trivial functions of each. A stand-in offers these, and becomes
the real module the moment anything else is asked of it.
"""

import importlib
import sys
import types
from typing import Any

_PACKAGES = ("torch._dynamo",)
_NOT_ASKING_FOR_THE_MODULE = ("__spec__", "__file__", "__loader__")


class _StandIn(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name in _NOT_ASKING_FOR_THE_MODULE or (name == "__path__" and self.__name__ not in _PACKAGES):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def hold_off_compiler() -> None:
    """Put the stand-ins in place; a module that is loaded already stays as it is."""
    _stand_in("torch._dynamo", disable=_unchanged, graph_break=_nothing)
    _stand_in("torch.fx.experimental.symbolic_shapes", expect_true=bool, sym_eq=_equal)


def _stand_in(name: str, **offered: Any) -> None:
    if name in sys.modules:
        return
    parent, _, child = name.rpartition(".")
    module = _StandIn(name)
    vars(module).update(offered)
    sys.modules[name] = module
    setattr(importlib.import_module(parent), child, module)


def _unchanged(function: Any, *_: Any, **__: Any) -> Any:
    return function


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right)
