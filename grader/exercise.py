"""An exercise is a folder under `solutions/`, found by being there; runs on our side."""

import ast
import difflib
import inspect
import re
import tomllib
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from grader import stub
from grader.modules import module

ROOT = Path(__file__).resolve().parent.parent
CLONE = ROOT if (ROOT / "solutions").is_dir() and (ROOT / "pyproject.toml").is_file() else None
SOLUTIONS = CLONE / "solutions" if CLONE else ROOT / "grader" / "solutions"
DIFFICULTIES = (1, 2, 3)
_RULE = re.compile(r"^- ([a-z][a-z0-9 -]*): (.*(?:\n(?:  .*|$))*)", re.MULTILINE)
_TRAILER = re.compile(r"^(Rules|Base|Weight|Examples|Stands): *(.+)$", re.MULTILINE)


class Unknown(LookupError):
    """There is no exercise of that name; the message suggests the nearest."""


@dataclass(frozen=True)
class Check:
    """One claim about a submission, with the function that tests it.

    The docstring of the function is the claim, followed by lines such as `Rules: mean, shapes` (which of the stub's
    rules it enforces), `Base: yes` (the checks after it make no sense if it fails), `Weight: 2`, `Examples: 10`, and
    `Stands: …` (why it is here though no misconception needs it).
    """

    name: str
    claim: str
    rules: tuple[str, ...]
    function: Callable[..., None]
    is_base: bool = False
    weight: float = 1.0
    examples: int = 20
    stands: str = ""


@dataclass(frozen=True)
class Mistake:
    """A misconception as a whole wrong submission."""

    name: str
    check: str
    says: str
    source: str


@dataclass(frozen=True)
class Place:
    """Where an exercise stands in the course, as its `exercise.toml` declares.

    Topics come in the order of their first exercises. `difficulty` is 1 (a few lines), 2 (some thought) or 3 (an
    evening); `needs` names exercises that are better done before; `summary` completes "you build …".
    """

    order: int
    difficulty: int
    summary: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """All that the teacher knows about one exercise."""

    folder: Path

    @property
    def name(self) -> str:
        """The exercise's name, `huber`."""
        return self.folder.name

    @property
    def topic(self) -> str:
        """The folder it is in, `losses`."""
        return self.folder.parent.name

    @property
    def stub_path(self) -> Path:
        """Where the kit keeps the derived stub, which authors commit."""
        return self.folder.parents[2] / "exercises" / self.topic / f"{self.name}.py"

    @cached_property
    def place(self) -> Place:
        """Its place in the course; raises ValueError where `exercise.toml` says something else."""
        path = self.folder / "exercise.toml"
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
            return Place(**told | {"needs": tuple(told.get("needs", ()))})
        except (OSError, TypeError, tomllib.TOMLDecodeError) as error:
            raise ValueError(f"{path} has to give order, difficulty, summary and perhaps needs: {error}") from None

    @property
    def statement(self) -> str:
        """What a learner reads first: idea, formula, rules, example."""
        return ast.get_docstring(ast.parse(self.source("solution"))) or ""

    def source(self, part: str) -> str:
        """The text of `solution`, `probes`, `checks` or `variants`."""
        return (self.folder / f"{part}.py").read_text(encoding="utf-8")

    def part(self, part: str) -> types.ModuleType:
        """That text, run as a new module."""
        path = self.folder / f"{part}.py"
        return module(f"exercise.{self.name}.{part}", str(path), self.source(part))

    @cached_property
    def entry_points(self) -> list[str]:
        """The names that a submission must define."""
        return stub.public_names(self.source("solution"))

    @cached_property
    def rules(self) -> dict[str, str]:
        """The contract's rules by name, as the stub states them."""
        return {name: " ".join(text.split()) for name, text in _RULE.findall(self.statement)}

    @cached_property
    def banned(self) -> tuple[str, ...]:
        """Parts of the names of operators that a submission may not use."""
        for node in ast.parse(self.source("probes")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BANNED":
                return tuple(ast.literal_eval(node.value))
        return ()

    @cached_property
    def mistakes(self) -> dict[str, Mistake]:
        """The misconceptions by name."""
        solution = self.source("solution")
        edits = self.part("variants").MISCONCEPTIONS
        return {name: Mistake(name, edit.check, edit.says, edit.apply(solution)) for name, edit in edits.items()}

    @property
    def right(self) -> dict[str, str]:
        """The right variants' texts by name."""
        return {path.stem: path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("right/*.py"))}

    @property
    def hints(self) -> list[str]:
        """The ladder of hints, mildest first."""
        text = (self.folder / "hints.md").read_text(encoding="utf-8")
        return [rung.partition("\n")[2].strip() for rung in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]

    def checks(self) -> list[Check]:
        """The checks in file order; made anew each time, since Hypothesis keeps state on them."""
        return [
            _check(name.removeprefix("test_"), function)
            for name, function in vars(self.part("checks")).items()
            if name.startswith("test_")
        ]

    def check(self, name: str) -> Check:
        """The check of that name, made anew."""
        return next(check for check in self.checks() if check.name == name)

    def derived_stub(self) -> str:
        """What the stub's text has to be."""
        return stub.derive(self.source("solution"))


def exercises() -> dict[str, Exercise]:
    """Every exercise by name, in the order of topics and names."""
    return {path.parent.name: Exercise(path.parent) for path in sorted(SOLUTIONS.glob("*/*/checks.py"))}


def course() -> list[Exercise]:
    """Every exercise in learning order, topic by topic."""
    known = exercises().values()
    first: dict[str, int] = {}
    for exercise in known:
        first[exercise.topic] = min(exercise.place.order, first.get(exercise.topic, exercise.place.order))
    return sorted(known, key=lambda exercise: (first[exercise.topic], exercise.topic, exercise.place.order))


def find(name: str) -> Exercise:
    """The exercise of that name, `-` and `_` being the same; raises Unknown."""
    known = exercises()
    wanted = name.replace("-", "_").lower()
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    suggestion = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
    raise Unknown(f"no exercise is called {name!r}; {suggestion}")


def _check(name: str, function: Any) -> Check:
    inner = function.hypothesis.inner_test if hasattr(function, "hypothesis") else function
    document = inspect.getdoc(inner) or ""
    facts = dict(_TRAILER.findall(document))
    return Check(
        name=name,
        claim=" ".join(_TRAILER.sub("", document).split()),
        rules=tuple(rule.strip() for rule in facts["Rules"].split(",")) if "Rules" in facts else (),
        function=function,
        is_base="Base" in facts,
        weight=float(facts.get("Weight", 1)),
        examples=int(facts.get("Examples", 20)),
        stands=facts.get("Stands", ""),
    )
