from __future__ import annotations

import json

import pytest
import typer

from lrdoctor.cli.options import engine_block
from lrdoctor.engines import ENGINES, NAMED
from lrdoctor.engines.entry import load
from lrdoctor.errors import EngineError
from lrdoctor.spec.blocks import Engine


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_can_be_loaded_and_has_the_interface(name):
    engine = load(ENGINES[name].maker)
    assert all(
        callable(getattr(engine, method, None))
        for method in ("__enter__", "__exit__", "describe", "run", "stop", "kill")
    )


def test_an_engine_that_is_listed_can_be_named_in_a_spec_and_by_the_option():
    assert set(NAMED) == {"local", "dask"}
    found = json.loads(engine_block("dask=tcp://10.0.0.1:8786"))
    assert Engine.model_validate(found).where() == {"address": "tcp://10.0.0.1:8786", "cluster": None}
    assert Engine.model_validate({"name": "local"}).where() == {}
    with pytest.raises(typer.BadParameter, match="expected local, dask, or dask=ADDRESS such as dask=tcp:"):
        engine_block("local=tcp://10.0.0.1:8786")
    with pytest.raises(ValueError, match="with the engine local, expected name: dask beside it"):
        Engine.model_validate({"name": "local", "address": "tcp://10.0.0.1:8786"})
    with pytest.raises(ValueError, match="Input should be 'local' or 'dask'"):
        Engine.model_validate({"name": "here"})


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
