"""Which statements of a notebook its answer needs; pure, runs on our side, and never runs what it reads."""

import ast
import bisect
import dis
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_STORES = {"STORE_NAME", "STORE_GLOBAL"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
_OWN_SCOPE = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_STEPS = 1_000_000
STAR = "*"


class Tangled(ValueError):
    """The statements depend on each other in more ways than are worth following."""


@dataclass(frozen=True)
class Uses:
    """What a statement does to module-level names, and which ones it reads.

    `binds` replaces whatever the names were before; `may_bind` perhaps does (a loop, a condition, `import a.b`, the
    function that says `global`); `patches` changes the objects behind them (`A.f = g`, `t[0] = 1`, `setattr(A, …)`);
    `calls` may do so (`t.append(1)`). `at_once` is read when the statement runs, `later` when what it defines is
    called.
    """

    binds: frozenset[str] = frozenset()
    may_bind: frozenset[str] = frozenset()
    patches: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    at_once: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    declares: frozenset[str] = frozenset()
    is_import: bool = False


def uses(node: ast.stmt) -> Uses:
    """What the statement binds and reads; raises SyntaxError for one that cannot stand in a module (it awaits)."""
    code = compile(ast.Module([node], []), "cell", "exec", dont_inherit=True)
    own, *inner = [_Names(one) for one in (code, *_nested(code))]
    stored = own.stores.union(*(one.stores for one in inner if one.is_comprehension))
    binds = stored & {*_bound(node)}
    now = own.loads.union(*(one.reads_first for one in inner if one.is_class))
    later = frozenset[str]().union(*(one.loads for one in inner if not one.is_class))
    is_plain = isinstance(node, _FUNCTIONS) and not node.decorator_list
    named = {node.name} if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) else set()
    return Uses(
        binds=binds,
        may_bind=stored - binds | ({STAR} if _is_star(node) else frozenset()),
        patches=frozenset(_patched(node)),
        calls=frozenset(_called(node)),
        at_once=now if is_plain else now | (later - named),
        later=later,
        declares=frozenset[str]().union(*(one.stores for one in inner if not one.is_class)),
        is_import=isinstance(node, (ast.Import, ast.ImportFrom)),
    )


@dataclass
class Needs:
    """The statements that names need, out of all, in the order in which they run.

    What is chosen is a part of the notebook that does to the names wanted what running all of it from top to bottom
    does. A name bound several times means, when a statement runs (bases, decorators, defaults, constants, class
    bodies), the last binding before that statement, and, when a function is called, the last binding before the call:
    before the end for the grader's own calls, before the statement for what a statement needs at once. An earlier
    binding that nothing needs any more is left out, so that a first try that fails when it is defined does no harm.
    A binding that may not happen (a loop, a condition, `try`) is kept together with the ones before it. Assignments to
    attributes and items, `setattr`, method calls as statements (`TABLE.append(1)`) and functions that say `global`
    count from where they stand on; other calls do not (`print(f)`, `train(f)`, `plt.show()`, `torch.manual_seed(0)`),
    nor does `del name`, since a name that is deleted would only be missed. Star imports count for every name that is
    not bound after them. What is reached through strings alone (`eval`, `globals()["f"]`), or changed through a second
    name for the same object (`A = HuberLoss`, then `A.f = g`), is not seen.
    """

    statements: Sequence[Uses]
    _places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list), init=False)
    _steps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        declares: dict[str, frozenset[str]] = defaultdict(frozenset)
        for one in self.statements:
            for name in one.binds if one.declares else ():
                declares[name] |= one.declares
        self._bound = [
            one.binds | one.may_bind | {given for name in one.at_once & declares.keys() for given in declares[name]}
            for one in self.statements
        ]
        for index, (one, bound) in enumerate(zip(self.statements, self._bound, strict=True)):
            for name in bound | one.patches | one.calls:
                self._places[name].append(index)

    def of(self, names: Iterable[str]) -> list[int]:
        """The indices of what `names` need at the end; raises Tangled."""
        end = len(self.statements)
        pending = [(name, end) for name in names]
        asked: set[tuple[str, int]] = set()
        seen: set[tuple[int, int]] = set()
        while pending:
            name, before = pending.pop()
            if (name, before) in asked:
                continue
            asked.add((name, before))
            for index in self._reaching(name, before):
                if (index, before) in seen:
                    continue
                seen.add((index, before))
                one = self.statements[index]
                pending += [(read, index) for read in one.at_once]
                pending += [(read, when) for read in one.later for when in {before, end}]
                self._count(len(one.at_once) + len(one.later))
        return sorted({index for index, _ in seen})

    def _reaching(self, name: str, before: int) -> list[int]:
        """The statements that make the name what it is just before the one at that index."""
        found: list[int] = []
        calls: list[int] = []
        for index in self._earlier(name, before):
            self._count(1)
            one = self.statements[index]
            is_bound = name in self._bound[index]
            (found if is_bound or name in one.patches or STAR in one.may_bind else calls).append(index)
            if is_bound:
                found += [] if one.is_import else calls
                calls = []
            if name in one.binds:
                break
        return found

    def _earlier(self, name: str, before: int) -> Iterator[int]:
        """Where the name was touched before, last first, star imports among them."""
        own, stars = self._places.get(name, []), self._places.get(STAR, [])
        i, j = bisect.bisect_left(own, before), bisect.bisect_left(stars, before)
        while i or j:
            if j and (not i or stars[j - 1] > own[i - 1]):
                j -= 1
                yield stars[j]
            else:
                i -= 1
                yield own[i]

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _STEPS:
            raise Tangled


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _nested(constant)


class _Names:
    """The module-level names that a code object reads and writes, as its instructions tell."""

    def __init__(self, code: types.CodeType) -> None:
        loads, stores, first = set[str](), set[str](), set[str]()
        for one in dis.get_instructions(code):
            if one.opname in _LOADS:
                loads.add(str(one.argval))
                first |= {str(one.argval)} - stores
            elif one.opname in _STORES:
                stores.add(str(one.argval))
        self.loads, self.stores, self.reads_first = frozenset(loads), frozenset(stores), frozenset(first)
        self.is_class = "__module__" in code.co_names[:2]
        self.is_comprehension = code.co_name in _COMPREHENSIONS


def _bound(node: ast.stmt) -> Iterator[str]:
    """Names that are new for certain once the statement has run."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from (a.asname or a.name for a in node.names if a.asname or isinstance(node, ast.ImportFrom))
        case ast.Assign():
            plain = (part for target in node.targets for part in ast.walk(target))
            yield from (part.id for part in plain if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _patched(node: ast.stmt) -> Iterator[str]:
    """Names whose objects the statement changes, or may."""
    for part in _outside_functions(node):
        match part:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                yield from _root(part)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[target, *_]):
                yield from _root(target)


def _called(node: ast.stmt) -> Iterator[str]:
    """Names whose methods the statement calls and throws the answer away."""
    for part in _outside_functions(node):
        match part:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner))):
                yield from _root(owner)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    pending = [node]
    while pending:
        part = pending.pop()
        if not isinstance(part, _OWN_SCOPE):
            yield part
            pending += ast.iter_child_nodes(part)


def _root(node: ast.expr) -> Iterator[str]:
    """The name that `a.b[0].c` begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_star(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.ImportFrom) and part.names[0].name == STAR for part in ast.walk(node))
