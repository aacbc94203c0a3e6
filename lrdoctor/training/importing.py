"""From a class path in a spec to the object it names. A spec is trusted code: resolving it runs it."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from lrdoctor.errors import LrdoctorError, WorkloadError

MOST_NAMES = 12
"""Names of a module that a message lists."""

RELATIVE_IMPORT = "; a file that is part of a package is named as a module, such as my_pkg.nets:Net"


FILE_MODULE = "lrdoctor_spec_"
"""What the names of modules begin with that are made of files the spec names."""


def resolve(class_path: str, folder: str) -> Any:
    """The object named by `module:attr`, `module.attr` or `./file.py:attr`.

    Args:
        class_path: as written in the spec.
        folder: the spec's folder: files are relative to it, and modules beside the spec can be imported.

    Raises:
        WorkloadError: the module or file does not import, or has no such attribute.
    """
    module_name, _, attribute = class_path.rpartition(":")
    if not module_name:
        module_name, _, attribute = class_path.rpartition(".")
    try:
        module = _from_file(Path(folder) / module_name) if module_name.endswith(".py") else _named(module_name, folder)
    except WorkloadError:
        raise
    except (Exception, SystemExit) as error:  # a training script without a main guard exits when it is imported
        is_relative = isinstance(error, ImportError) and "no known parent package" in words_of(error)
        hint = RELATIVE_IMPORT if module_name.endswith(".py") and is_relative else ""
        raise WorkloadError(f"{class_path}: `{module_name}` does not import: {blame(error)}{hint}") from error
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise WorkloadError(
                f"{class_path}: `{module_name}` has no `{attribute}`; {_of_version(module_name, attribute)}"
                f"{_alternatives(found, part)}"
            )
        found = getattr(found, part)
    return found


NEWER = {"torch.optim.Muon": "2.9"}
"""Optimizers that came after the lowest torch that lrdoctor takes, with the torch that they came with (its release
notes)."""


def _of_version(module_name: str, attribute: str) -> str:
    """Which torch is installed and which is needed, where that is known."""
    since = NEWER.get(f"{module_name}.{attribute}")
    if since is None:
        return ""
    return f"torch {torch.__version__} is installed; {since} and newer have it: pip install 'torch>={since}'; "


def _alternatives(owner: Any, name: str) -> str:
    public = sorted(n for n in vars(owner) if not n.startswith("_")) if hasattr(owner, "__dict__") else []
    near = difflib.get_close_matches(name, public, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"it has {', '.join(public[:MOST_NAMES]) or 'no public name'}"


def build(block: Mapping[str, Any], folder: str, role: str, *args: Any, **kwargs: Any) -> Any:
    """Calls the factory of a `{class_path, init_args}` block.

    Args:
        block: the block as the spec holds it.
        folder: the spec's folder.
        role: the spec's key, for the message.
        args, kwargs: what lrdoctor itself passes, before `init_args`.

    Raises:
        WorkloadError: the factory cannot be found, is not callable, or raises.
    """
    factory = resolve(block["class_path"], folder)
    if not callable(factory):
        raise WorkloadError(
            f"{role}: {block['class_path']} is {type(factory).__name__}, expected a class or a function to call"
        )
    try:
        return factory(*args, **kwargs, **block.get("init_args", {}))
    except WorkloadError:
        raise
    except (Exception, SystemExit) as error:
        raise WorkloadError(f"{role}: {block['class_path']} raised {blame(error)}") from error


def parameters_of(factory: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of a class or function by name; none where it does not tell them, as some written in C do not."""
    try:
        return inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return {}


def blame(error: BaseException) -> str:
    """`ValueError: text (file.py:12, in forward)`: the error and the innermost line of the user's own code."""
    own = _own_frames(error)
    said = words_of(error)
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if not own:
        return text
    last = own[-1]
    return f"{text} ({Path(last.filename).name}:{last.lineno}, in {last.name})"


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The lines of the user's own code that the error came through, the innermost last."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]


def is_of_user(error: BaseException) -> bool:
    """Whether the user's own code raised it, or called what did."""
    return not isinstance(error, LrdoctorError) and bool(_own_frames(error))


def words_of(error: BaseException) -> str:
    """The error's own text; that it has none where making the text raises, which is the user's code too."""
    try:
        return str(error)
    except (Exception, SystemExit) as failure:
        return f"its text cannot be read, that raised {type(failure).__name__}"


def user_modules() -> dict[str, str]:
    """`module NAME` -> sha256 of its file, for every imported module that is the user's own: not of the standard
    library, not installed, not lrdoctor's, and not a file that the spec itself names (the spec's identity has it)."""
    digests = {}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or name.startswith((FILE_MODULE, "__m")) or _is_library(file) or not file.endswith(".py"):
            continue
        if name.partition(".")[0] != "lrdoctor" and Path(file).is_file():
            digests[f"module {name}"] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return digests


@cache
def is_users(module_name: str) -> bool:
    """Whether the imported module of that name is the user's own: a file outside the libraries and of lrdoctor."""
    if module_name.partition(".")[0] == "lrdoctor":
        return False
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return file is not None and not _is_library(file)


def _is_library(filename: str) -> bool:
    parts = Path(filename).parts
    roots = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "<")
    return filename.startswith(roots) or "site-packages" in parts or "importlib" in parts


def _from_file(path: Path) -> ModuleType:
    """The module of a file, imported once a process under a name of its own."""
    path = path.resolve()
    name = f"{FILE_MODULE}{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise WorkloadError(f"{path}: no such file; class paths of files are relative to the spec's folder")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WorkloadError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    # registered before it runs, so that dataclasses and pickles inside the file find their module
    sys.modules[name] = module
    _import_beside(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _named(module_name: str, folder: str) -> ModuleType:
    if not module_name:
        raise WorkloadError("a class path needs a module, such as `my_pkg.nets:Net` or `./nets.py:Net`")
    _import_beside(folder)
    return importlib.import_module(module_name)


def _import_beside(folder: str) -> None:
    # last, so that a user's file never hides an installed package of the same name
    if folder not in sys.path:
        sys.path.append(folder)
