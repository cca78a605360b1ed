"""Run source text as a module; runs on both sides, and needs the standard library alone."""

import linecache
import sys
import types
from functools import cache


def module(name: str, filename: str, source: str) -> types.ModuleType:
    """A module made of `source`, known to `sys.modules` and, for tracebacks, to linecache."""
    made = types.ModuleType(name)
    made.__file__ = filename
    sys.modules[name] = made
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    exec(_compiled(source, filename), vars(made))
    return made


@cache
def _compiled(source: str, filename: str) -> types.CodeType:
    return compile(source, filename, "exec", dont_inherit=True)
