"""Specs for the tests: a minimal one, changed key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrdoctor.errors import SpecError
from lrdoctor.spec import Spec, load_spec
from lrdoctor.spec.yaml_source import write

MINIMAL: dict[str, Any] = {
    "name": "study",
    "model": "nets:Mlp",
    "data": "./data.py:loaders",
    "optimizer": "momentum",
    "max_train_steps": 1000,
}


def load(folder: Path, text: str = "", *overrides: str, **changes: Any) -> Spec:
    """The minimal spec with keys changed, or the text given, with `--set` texts; makes its data.py."""
    (folder / "data.py").touch()
    path = folder / "s.yaml"
    path.write_text(text or write(MINIMAL | changes), "utf-8")
    return load_spec(path, overrides)


def faults(folder: Path, text: str = "", *overrides: str, **changes: Any) -> list[str]:
    """The lines of the refusal, without the folder."""
    with pytest.raises(SpecError) as refused:
        load(folder, text, *overrides, **changes)
    return str(refused.value).replace(f"{folder}/", "").split("\n")
