"""Code of users: calls it by name, finds the modules that it rests on, and sees whether it reached any that is not named."""

import ast
import importlib
import importlib.util
import os
import re
import site
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

from dormouse.code_hash import PACKAGE, module_code, parse
from dormouse.content_hash import is_made
from dormouse.errors import InputError

FUNCTION = re.compile(r"(?=.{1,200}$)[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")  # module:function
# folders of installed packages, which their versions identify
INSTALLED = [Path(path).resolve() for path in (*sysconfig.get_paths().values(), *site.getsitepackages())]


def check_name(name: str, place: str) -> None:
    """Raise InputError naming a place in the configuration where a name is not module:function."""
    if not FUNCTION.fullmatch(name):
        raise InputError(
            f"{place}: {name[:100]!r}; expected module:function. For `def build()` in nets/mine.py, write nets.mine:build."
        )


class _Torchvision(MetaPathFinder):
    """Makes torchvision importable just before something imports it."""

    def find_spec(self, name: str, path=None, target=None) -> None:
        """Leave finding it to others."""
        if name == "torchvision":
            from dormouse.models.torchvision_import import make_torchvision_importable

            make_torchvision_importable()


def import_function(name: str) -> Callable:
    """Return the function `module:function`, found from the working directory.

    Raises InputError where there is none.
    """
    module, _, function = name.partition(":")
    if str(Path.cwd()) not in sys.path:  # where it stays, for what is imported later
        sys.path.insert(0, str(Path.cwd()))
    if not any(isinstance(finder, _Torchvision) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Torchvision())
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"{name}: cannot be called ({error}). Is {module} in {Path.cwd()} or installed?") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"{name}: cannot be imported: {failure(error)}") from error
    ours, there = _files(module).get(module), getattr(imported, "__file__", None)
    if ours and there and not ours.samefile(there):
        raise InputError(f"{name}: {ours} has the name of another module, {there}. Rename it, and `name` with it.")
    found = getattr(imported, function, None)
    if not callable(found):
        what = (
            f"{function} is of type {type(found).__name__}" if hasattr(imported, function) else f"{module} has no {function}"
        )
        raise InputError(f"{name}: cannot be called ({what}).")
    return found


def failure(error: BaseException) -> str:
    """Return on one line what an error in others' code says, and the last line of the user's own that led to it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(Path(frame.filename))]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}."


def _is_users(file: Path) -> bool:
    return file.is_file() and not _is_installed(file) and PACKAGE not in file.resolve().parents


def user_code(name: str) -> dict[str, str]:
    """Return a hash for every module of the user's that `module:function` rests on, by the names of the modules.

    Imports are followed at any depth, those inside functions too, without running anything. An installed package counts
    only if it holds the function itself; the record of its files then stands for all of them.

    Raises InputError where the module is not there, has the name of one of Python's own, or a module cannot be parsed.
    """
    module = name.partition(":")[0]
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and PathFinder.find_spec(top, [str(Path.cwd())]):
        raise InputError(
            f"config: {name}: Python has a module {top!r} of its own, which would be taken for that in {Path.cwd()}. Rename "
            "yours, and `name` with it."
        )
    found: dict[str, Path] = {}
    todo = [module]
    while todo:
        for part, file in _files(todo.pop()).items():
            if part not in found:
                found[part] = file
                todo += [] if _is_installed(file) else _imports(part, file)
    if module not in found:
        raise InputError(f"config: {name}: no module {module!r} in {Path.cwd()}, and none is installed.")
    if _is_installed(found[module]):
        return _record(top)
    return {part: module_code(file) for part, file in sorted(found.items()) if not _is_installed(file)}


def _record(package: str) -> dict[str, str]:
    """Return a hash of the list of files, each with its own hash, that came with an installed package."""
    names = metadata.packages_distributions().get(package, [])
    records = {name: metadata.distribution(name).read_text("RECORD") or "" for name in names}
    return {f"{name}, as installed": sha256(text.encode()).hexdigest()[:16] for name, text in sorted(records.items())}


def _files(module: str) -> dict[str, Path]:
    """Return the files that `import module` runs, by the names of the modules: those of its packages, and its own."""
    top, *rest = module.split(".")
    places = sys.path if top in sys.stdlib_module_names else [str(Path.cwd()), *sys.path]
    spec = PathFinder.find_spec(top, places) or _installed_spec(top)
    found = {}
    for depth in range(len(rest) + 1):
        if spec is None:
            break
        if spec.origin and spec.origin.endswith(".py"):
            found[".".join([top, *rest[:depth]])] = Path(spec.origin)
        if depth < len(rest):
            folders = spec.submodule_search_locations
            spec = PathFinder.find_spec(rest[depth], list(folders)) if folders else None
    return found


def _installed_spec(top: str):
    try:
        return importlib.util.find_spec(top)  # of a package that was installed to be edited
    except (ImportError, ValueError):
        return None


def _imports(module: str, file: Path) -> Iterator[str]:
    """Yield the names of modules that a module may import."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)  # a module of a package, or a name in one


def _is_installed(file: Path) -> bool:
    return any(folder in file.resolve().parents for folder in INSTALLED)


@contextmanager
def watched(spec: Mapping) -> Iterator[None]:
    """Refuse what a network of the user's reaches while it is built and runs, if a change of it would go unnoticed.

    These are modules that `user_code` did not find, such as those imported by a computed name, and files of the working
    directory that the configuration does not name. Files that are not opened by Python are not seen.

    Raises InputError naming the first of them.
    """
    if spec["source"] != "python":
        yield
        return
    opened: list[str] = []
    watching, before = [True], set(sys.modules)
    sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and watching and _reads(args) else None)
    yield
    watching.clear()
    for name in sorted(set(sys.modules) - before - spec["code"].keys()):
        if file := getattr(sys.modules[name], "__file__", None):
            _check_named(Path(file), spec, f"imports {name}")
    for file in opened:
        if not file.endswith((".py", ".pyc")):
            _check_named(Path(file), spec, f"opens {file}")


def _reads(args: tuple) -> bool:
    path, mode, flags = args
    return isinstance(path, str) and ("r" in mode if mode else flags & (os.O_WRONLY | os.O_RDWR) == 0)


def _check_named(file: Path, spec: Mapping, what: str) -> None:
    here, file = Path.cwd().resolve(), file.resolve()
    named = [Path(name).resolve() for name in (*spec["files"], *filter(None, [spec["file"]]))]
    if here not in file.parents or _is_installed(file) or PACKAGE in file.parents or file in named:
        return
    name = file.relative_to(here).as_posix()
    if not is_made(name) and not name.startswith("."):
        raise InputError(
            f"{spec['name']}: {what}, which the configuration does not name, so that a change of it would go unnoticed. Add "
            f"files: [{name}] to its line."
        )
