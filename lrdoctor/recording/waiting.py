"""Waits until the process imports torch (or Keras' optimizers), and begins to record then.

In a trial it also seeds what the script draws at random and seeds nowhere, before the script can draw.

Loaded by its file at the start of every Python process of a recorded command, so it imports little: most of these
processes never train.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

NUMPY = "numpy.random"
AFTER = {
    "torch": ("patches", "patch_torch"),
    "keras.src.optimizers.base_optimizer": ("patches", "patch_keras"),
    NUMPY: ("seeds", "begin_numpy"),
}
"""Module -> the function of a module of `lrdoctor.recording` that is called once it has been imported."""
PACKAGE = "lrdoctor"
SPAWNED = "--multiprocessing-fork"
"""Argument of Python in processes that `multiprocessing` starts anew: several of one script, which are to differ."""


def wait(package: str) -> None:
    """Puts a finder before the others that sees these modules being imported.

    Args:
        package: the folder of the package lrdoctor.
    """
    settings = _settings()
    # chance stays where nobody asked for anything else
    is_seeded = settings.get("unseeded") is not None and SPAWNED not in getattr(sys, "orig_argv", sys.argv)
    sys.meta_path.insert(0, _Watcher(package, {name: AFTER[name] for name in AFTER if name != NUMPY or is_seeded}))
    directory = settings.get("directory")
    if directory is not None:
        try:
            os.close(os.open(os.path.join(directory, ".hooked"), os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            _say(f"{directory} cannot be written: {error.strerror}")
    if is_seeded:
        from lrdoctor.recording import seeds

        seeds.begin(settings["unseeded"], settings["directory"])


def _settings() -> dict[str, Any]:
    """As `recording.settings` writes them; none where they cannot be read, which is said once torch is imported."""
    import json

    try:
        return dict(json.loads(os.environ["LRDOCTOR_RECORDING"]))
    except (KeyError, TypeError, ValueError):
        return {}


class _Watcher(MetaPathFinder):
    """Finds nothing by itself, but for lrdoctor; what the others find is watched."""

    def __init__(self, package: str, waiting: dict[str, tuple[str, str]]) -> None:
        self.package, self.waiting = package, waiting

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == PACKAGE:
            # the one that records, which the Python of the command need not have installed
            init = os.path.join(self.package, "__init__.py")
            return spec_from_file_location(PACKAGE, init, submodule_search_locations=[self.package])
        function = self.waiting.pop(fullname, None)
        if function is None:
            return None
        spec = self._found_by_others(fullname, path, target)
        if spec is not None and spec.loader is not None:
            _call_after(spec.loader, *function)
        return spec

    def _found_by_others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


def _call_after(loader: Loader, module_name: str, function: str) -> None:
    """Has the loader call the function with the module that it has run."""
    run: Callable[[ModuleType], Any] = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        run(module)
        try:
            getattr(import_module(f"lrdoctor.recording.{module_name}"), function)(module)
        except Exception as error:  # noqa: BLE001, RUF100
            _say(repr(error))

    loader.exec_module = exec_module  # type: ignore[method-assign]


def _say(why: str) -> None:
    sys.stderr.write(f"lrdoctor: this training is not recorded: {why}\n")
