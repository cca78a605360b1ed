"""Run source text as a module; runs on both sides, and needs the standard library alone."""

import linecache
import sys
import types


def module(name: str, filename: str, source: str) -> types.ModuleType:
    """A module made of `source`, known to `sys.modules` and, for tracebacks, to linecache."""
    made = types.ModuleType(name)
    made.__file__ = filename
    sys.modules[name] = made
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    exec(compile(source, filename, "exec", dont_inherit=True), vars(made))
    return made
