"""Which code a job rests on, and what it means: syntax trees without comments and docstrings, as hashes.

Of our own package a script needs those definitions that it reaches by name, from module to module; the rest of a module may
change without a job running again. Code of users is followed module by module, because they may do what they like in it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from dormouse.errors import InputError

PACKAGE = Path(__file__).parent
EVERYTHING = "*"  # in the place of a name: all of a module


@dataclass(frozen=True)
class Statement:
    """One statement at the top of a module; one that imports several names counts as several."""

    text: str  # without docstrings and comments
    binds: frozenset[str]
    uses: frozenset[str]
    imports: frozenset[tuple[str, str]]  # (module, name) of every `from module import name` in it


def script_code(script: str | Path, name: str = EVERYTHING) -> dict[str, str]:
    """Return a hash for a script and for every module of the package that it reaches, of the statements that it needs.

    Parameters
    ----------
    name : of a definition in it that is run; by default all of it

    The names are those of files, of modules within the package, so that they are the same wherever the project lies. Raises
    InputError for a module that cannot be parsed.
    """
    reached: dict[Path, set[int]] = defaultdict(set)
    todo = [(Path(script), name)]
    seen = set(todo)
    while todo:
        for needed in _needs(*todo.pop(), reached):
            if needed not in seen:
                seen.add(needed)
                todo.append(needed)
    return dict(sorted((_name(file), _hash(file, places)) for file, places in reached.items()))


def module_code(file: Path) -> str:
    """Return a hash of all of a module."""
    return _hash(file, range(len(statements(file))))


def _needs(file: Path, name: str, reached: dict[Path, set[int]]) -> Iterator[tuple[Path, str]]:
    """Note the statements of a module that bind a name, and yield the names that these need, each with its module."""
    for place, statement in enumerate(statements(file)):
        # what binds nothing acts whenever the module is imported
        if place not in reached[file] and (name == EVERYTHING or name in statement.binds or not statement.binds):
            reached[file].add(place)
            yield from ((file, used) for used in statement.uses)
            for module, imported in statement.imports:
                yield from _resolve(module, imported)


def _resolve(module: str, name: str) -> Iterator[tuple[Path, str]]:
    """Yield where `from module import name` leads: to a module of the package, or to a name in one."""
    top, *parts = module.split(".")
    if top == PACKAGE.name:
        folder = PACKAGE.joinpath(*parts)
        if (folder / f"{name}.py").is_file():
            yield folder / f"{name}.py", EVERYTHING
        elif folder.with_suffix(".py").is_file():
            yield folder.with_suffix(".py"), name


def _name(file: Path) -> str:
    return file.relative_to(PACKAGE.parent).as_posix() if PACKAGE in file.parents else file.name


def _hash(file: Path, places: Iterable[int]) -> str:
    read = statements(file)
    return sha256("\n".join(read[place].text for place in sorted(places)).encode()).hexdigest()[:16]


def statements(file: Path) -> list[Statement]:
    """Return the statements at the top of a module."""
    return _statements(file, _text(file))


def parse(file: Path) -> ast.Module:
    """Return the syntax tree of a module without docstrings; raises InputError where there is none."""
    return _parse(file, _text(file))


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error}).") from error


@cache  # the same text in the same file is parsed once
def _statements(file: Path, text: bytes) -> list[Statement]:
    return [_statement(part) for node in _parse(file, text).body for part in _parts(node)]


@cache
def _parse(file: Path, text: bytes) -> ast.Module:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: not readable as Python ({error}).") from error
    return tree if b"__doc__" in text else _WithoutDocstrings().visit(tree)


class _WithoutDocstrings(ast.NodeTransformer):
    """Takes away statements that are a constant alone, which nothing comes of."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node


def _parts(node: ast.stmt) -> list[ast.stmt]:
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [ast.Import([alias]) for alias in node.names] if isinstance(node, ast.Import) else [node]


def _statement(node: ast.stmt) -> Statement:
    inside = list(ast.walk(node))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        binds = {node.name}
    elif isinstance(node, ast.Import | ast.ImportFrom):
        binds = {node.names[0].asname or node.names[0].name.partition(".")[0]}
    else:
        binds = {part.id for part in inside if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    uses = {part.id for part in inside if isinstance(part, ast.Name)} - binds
    imports = {(part.module, alias.name) for part in inside if isinstance(part, ast.ImportFrom) for alias in part.names}
    return Statement(ast.unparse(node), frozenset(binds), frozenset(uses), frozenset(imports))
