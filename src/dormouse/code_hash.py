"""Hashes of the code that a job depends on: of its syntax trees, without comments and docstrings.

In our own package a script needs only the definitions that it reaches by name, from module to module; the rest of a module may
change without a job running again. Users' code is hashed by whole modules, because it may do anything.
"""

import ast
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from dormouse.errors import InputError

PACKAGE = Path(__file__).parent
EVERYTHING = "*"  # instead of a name: the whole module
ABOUT_JOBS = ["run", "job"]  # the module that sees to messages and records, which change no result


@dataclass(frozen=True)
class Statement:
    """One top-level statement of a module; an import of several names counts as several statements."""

    digest: str  # of its syntax tree in words, without docstrings and comments
    binds: frozenset[str]
    uses: frozenset[str]
    imports: frozenset[tuple[str, str]]  # (module, name) of every `from module import name` in it


@dataclass(frozen=True)
class Module:
    """The top-level statements of a module, in order, and which of them bind each name."""

    statements: list[Statement]
    binding: dict[str, list[int]]
    always: list[int]  # statements that bind no name but act whenever the module is imported


def script_code(script: str | Path, *names: str) -> dict[str, str]:
    """Return hashes of the statements that a script needs: of the script itself and of every module that it reaches.

    Parameters
    ----------
    names : the definitions of the script that are run; by default the whole script

    Keys are file names; those of modules are paths within the package, the same wherever the project lies. Raises InputError
    for a module that cannot be parsed.
    """
    read = cache(_read)  # each file once
    reached: dict[Path, set[int]] = defaultdict(set)
    todo = [(Path(script), name) for name in names or [EVERYTHING]]
    seen = set(todo)
    while todo:
        file, name = todo.pop()
        for needed in _needs(file, name, read(file), reached[file]):
            if needed not in seen:
                seen.add(needed)
                todo.append(needed)
    return dict(sorted((_name(file), _hash(read(file), places)) for file, places in reached.items()))


def module_code(file: Path) -> str:
    """Return a hash of a whole module."""
    module = _read(file)
    return _hash(module, range(len(module.statements)))


def _needs(file: Path, name: str, module: Module, reached: set[int]) -> Iterator[tuple[Path, str]]:
    """Add the statements of a module that bind a name to `reached`, and yield the names that they need, with their modules."""
    bound = range(len(module.statements)) if name == EVERYTHING else [*module.binding.get(name, ()), *module.always]
    for place in (place for place in bound if place not in reached):
        reached.add(place)
        statement = module.statements[place]
        yield from ((file, used) for used in statement.uses)
        for imported in statement.imports:
            yield from _resolve(*imported)


@cache
def _resolve(module: str, name: str) -> list[tuple[Path, str]]:
    """Return where `from module import name` leads: to a module of the package, to a name in one, or nowhere in it."""
    top, *parts = module.split(".")
    if top == PACKAGE.name and parts != ABOUT_JOBS:
        folder = PACKAGE.joinpath(*parts)
        if (folder / f"{name}.py").is_file():
            return [(folder / f"{name}.py", EVERYTHING)]
        if folder.with_suffix(".py").is_file():
            return [(folder.with_suffix(".py"), name)]
    return []


def _name(file: Path) -> str:
    return file.relative_to(PACKAGE.parent).as_posix() if PACKAGE in file.parents else file.name


def _hash(module: Module, places: Iterable[int]) -> str:
    return sha256("\n".join(module.statements[place].digest for place in sorted(places)).encode()).hexdigest()[:16]


def _read(file: Path) -> Module:
    return _module(file, _text(file))


def parse(file: Path) -> ast.Module:
    """Return the syntax tree of a module; raises InputError if it cannot be parsed."""
    with _readable(file):
        return ast.parse(_text(file))


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error}).") from error


@cache  # the same text in the same file is parsed once
def _module(file: Path, text: bytes) -> Module:
    statements = _kept(file, text) if PACKAGE in file.parents else _statements(file, text)
    binding: dict[str, list[int]] = defaultdict(list)
    for place, statement in enumerate(statements):
        for name in statement.binds:
            binding[name].append(place)
    return Module(statements, dict(binding), [k for k, statement in enumerate(statements) if not statement.binds])


def _kept(file: Path, text: bytes) -> list[Statement]:
    """Return the statements of a module of the package; they are kept beside its compiled code, for the next process."""
    place = file.parent / "__pycache__" / f"{file.stem}.statements.json"
    key = sha256(Path(__file__).read_bytes() + text).hexdigest()  # what this very module does counts, too
    with suppress(OSError, ValueError, TypeError):  # there is none, or it is damaged
        known, statements = json.loads(place.read_bytes())
        if known == key:
            return [
                Statement(digest, frozenset(binds), frozenset(uses), frozenset((module, name) for module, name in imports))
                for digest, binds, uses, imports in statements
            ]
    statements = _statements(file, text)
    if not sys.dont_write_bytecode:
        unfinished = place.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a folder that only others may write to
            place.parent.mkdir(exist_ok=True)
            unfinished.write_text(json.dumps([key, [[part.digest, *map(sorted, _names(part))] for part in statements]]))
            unfinished.replace(place)
    return statements


def _names(statement: Statement) -> tuple[frozenset, ...]:
    return statement.binds, statement.uses, statement.imports


def _statements(file: Path, text: bytes) -> list[Statement]:
    keep = b"__doc__" in text
    with _readable(file):
        nodes = [node for node in ast.parse(text).body if keep or not _is_docstring(node)]
        return [_statement(part, keep) for node in nodes for part in _parts(node)]


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two of expressions that nest too deep
        raise InputError(f"{file}: not readable as Python ({str(error) or 'it nests too deep'}).") from error


def _parts(node: ast.stmt) -> list[ast.stmt]:
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [ast.Import([alias]) for alias in node.names] if isinstance(node, ast.Import) else [node]


def _statement(node: ast.stmt, keep_docstrings: bool) -> Statement:
    """Return what a statement says and names, in one pass through its tree, which is much quicker than `ast.unparse`."""
    words, stores, uses, imports, todo = [], set(), set(), set(), [node]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            part = [item for item in part if keep_docstrings or not _is_docstring(item)]
            words.append(str(len(part)))
            todo += part
        elif isinstance(part, ast.AST):
            if isinstance(part, ast.Name):
                (stores if isinstance(part.ctx, ast.Store) else uses).add(part.id)
            elif isinstance(part, ast.ImportFrom):
                imports |= {(part.module, alias.name) for alias in part.names}
            words.append(type(part).__name__)
            for field in part._fields:
                value = getattr(part, field, None)
                # a field that is empty may be missing in another version of Python; the context follows from the place
                if value is not None and value != [] and field != "ctx":
                    words.append(f".{field}")
                    todo.append(value)
        else:
            words.append(repr(part))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        binds = {node.name}
    elif isinstance(node, ast.Import | ast.ImportFrom):
        binds = {node.names[0].asname or node.names[0].name.partition(".")[0]}
    else:
        binds = stores
    digest = sha256("\n".join(words).encode()).hexdigest()[:32]
    return Statement(digest, frozenset(binds), frozenset((uses | stores) - binds), frozenset(imports))


def _is_docstring(node: ast.AST) -> bool:
    """Return whether a node is a statement of a constant, which does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
