"""Waits until the process imports torch (or Keras' optimizers), and begins to record then.

Loaded by its file at the start of every Python process of a recorded command, so it imports little and nothing of
lrdoctor: most of these processes never train.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

AFTER = {"torch": "patch_torch", "keras.src.optimizers.base_optimizer": "patch_keras"}
"""Module -> the function of `lrdoctor.recording.patches` that is called once it has been imported."""
PACKAGE = "lrdoctor"


def wait(package: str) -> None:
    """Puts a finder before the others that sees these modules being imported.

    Args:
        package: the folder of the package lrdoctor.
    """
    sys.meta_path.insert(0, _Watcher(package))
    directory = _directory()
    if directory is not None:
        try:
            os.close(os.open(os.path.join(directory, ".hooked"), os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            _say(f"{directory} cannot be written: {error.strerror}")


def _directory() -> str | None:
    import json

    try:
        return str(json.loads(os.environ["LRDOCTOR_RECORDING"])["directory"])
    except (KeyError, TypeError, ValueError):
        return None


class _Watcher(MetaPathFinder):
    """Finds nothing by itself, but for lrdoctor; what the others find is watched."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.waiting = dict(AFTER)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == PACKAGE:
            # the one that records, which the Python of the command need not have installed
            init = os.path.join(self.package, "__init__.py")
            return spec_from_file_location(PACKAGE, init, submodule_search_locations=[self.package])
        name = self.waiting.pop(fullname, None)
        if name is None:
            return None
        spec = self._found_by_others(fullname, path, target)
        if spec is not None and spec.loader is not None:
            _call_after(spec.loader, name)
        return spec

    def _found_by_others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


def _call_after(loader: Loader, function: str) -> None:
    """Has the loader call the function with the module that it has run."""
    run: Callable[[ModuleType], Any] = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        run(module)
        try:
            from lrdoctor.recording import patches

            getattr(patches, function)(module)
        except Exception as error:  # noqa: BLE001, RUF100
            _say(repr(error))

    loader.exec_module = exec_module  # type: ignore[method-assign]


def _say(why: str) -> None:
    sys.stderr.write(f"lrdoctor: this training is not recorded: {why}\n")
