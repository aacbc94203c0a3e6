from __future__ import annotations

import pytest

from lrdoctor.engines import ENGINES
from lrdoctor.engines.entry import load
from lrdoctor.errors import EngineError


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_can_be_loaded_and_has_the_interface(name):
    engine = load(ENGINES[name])
    assert all(
        callable(getattr(engine, method, None))
        for method in ("__enter__", "__exit__", "describe", "run", "stop", "kill")
    )


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("json", "written \"module:name\", got 'json'"),
        (":dumps", 'written "module:name"'),
        ("json:", 'written "module:name"'),
        ("json:no_such", "AttributeError: module 'json' has no attribute 'no_such'"),
        ("no_such_module:main", "ModuleNotFoundError: .*\nTry `python -c 'import no_such_module'`"),
    ],
)
def test_an_entry_that_names_nothing_is_refused(entry, told):
    with pytest.raises(EngineError, match=told):
        load(entry)
