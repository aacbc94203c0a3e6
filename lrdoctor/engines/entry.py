"""Entry points: Python objects named by text, so that only the process that needs one imports it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lrdoctor.errors import EngineError, LrdoctorError


def load(entry: str) -> Any:
    """The object that "module:name" names.

    Raises:
        EngineError: the text has another shape, or the module cannot be imported, or lacks the name.
    """
    module, colon, name = entry.partition(":")
    if not (module and colon and name):
        raise EngineError(f'an entry point is written "module:name", got {entry!r}')
    try:
        return getattr(import_module(module), name)
    except LrdoctorError:
        raise
    except Exception as error:
        raise EngineError(
            f"the entry point {entry!r} cannot be imported: {type(error).__name__}: {error}\n"
            f"Try `python -c 'import {module}'` to see the whole traceback."
        ) from error
