from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import torch
from kills import kill_at_every_call

from lrdoctor.errors import SpecError
from lrdoctor.spec import ModelSpec, load_spec, spec_schema
from lrdoctor.starter import FILES, SPEC, refuse_to_overwrite_spec, write_spec, write_starter

LOW_LOSS = 0.2
"""Well under ln 3 = 1.1, the loss of guessing among three classes."""


def test_the_starter_is_a_valid_spec(tmp_path: Path) -> None:
    written = write_starter(tmp_path / "new" / "study")
    assert [path.name for path in written] == list(FILES)
    spec = load_spec(written[0])
    assert spec.folder == tmp_path / "new" / "study"
    assert spec.workload()["data"]["batch_size"] == 64
    assert spec.swept is None  # short trials find them


def test_the_starter_shows_every_key_that_a_command_reads(tmp_path: Path) -> None:
    text = write_starter(tmp_path)[0].read_text("utf-8")
    assert [key for key in ModelSpec.model_fields if f"\n{key}:" not in text.replace("\n# ", "\n")] == ["probe"]


def test_the_schema_is_where_the_spec_says(tmp_path: Path) -> None:
    first_line = write_starter(tmp_path)[0].read_text("utf-8").split("\n")[0]
    assert first_line == "# yaml-language-server: $schema=./lrdoctor.schema.json"
    assert json.loads((tmp_path / "lrdoctor.schema.json").read_text("utf-8")) == spec_schema()


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SpecError) as refused:
        write_starter(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}: found {name}, expected a folder without it")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_every_file_in_the_way_is_named(tmp_path: Path) -> None:
    write_starter(tmp_path)
    with pytest.raises(SpecError, match=r"found lrdoctor\.yaml, workload\.py, lrdoctor\.schema\.json, expected a"):
        write_starter(tmp_path)


@pytest.mark.parametrize("of_command", [False, True])
def test_it_is_completed_after_a_kill_at_any_moment(
    of_command: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_spec(write_starter(tmp_path / "other")[0])

    def write(number: int) -> list[Path]:
        folder = tmp_path / str(number)
        if not of_command:
            return write_starter(folder)
        refuse_to_overwrite_spec(folder)
        return write_spec(folder, spec)

    whole = {path.name: path.read_bytes() for path in write(1000)}

    def again(number: int) -> None:
        folder = tmp_path / str(number)
        if {path.name for path in folder.glob("[!.]*")} != set(whole):
            write(number)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole

    assert kill_at_every_call(monkeypatch, write, again) > 4 * len(whole)


def test_what_is_the_same_but_for_a_line_is_somebody_elses(tmp_path: Path) -> None:
    write_starter(tmp_path)
    (tmp_path / "workload.py").unlink()
    (tmp_path / SPEC).write_text((tmp_path / SPEC).read_text() + "\n")
    with pytest.raises(SpecError, match=r"found lrdoctor\.yaml, expected a"):
        write_starter(tmp_path)
    with pytest.raises(SpecError, match=r"found lrdoctor\.yaml, expected a"):
        refuse_to_overwrite_spec(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="file: found a place that cannot be written: "):
        write_starter(tmp_path / "file")


def test_the_workload_trains(tmp_path: Path) -> None:
    workload = runpy.run_path(str(write_starter(tmp_path)[1]))
    (x, y), (x_val, y_val) = workload["loaders"]()
    torch.manual_seed(0)
    model = workload["model"]()
    rule = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for start in range(0, 200 * 64, 64):
        batch = torch.arange(start, start + 64) % len(x)
        rule.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        rule.step()
    assert torch.nn.functional.cross_entropy(model(x_val), y_val).item() < LOW_LOSS


def test_the_data_is_the_same_every_time(tmp_path: Path) -> None:
    loaders = runpy.run_path(str(write_starter(tmp_path)[1]))["loaders"]
    first, second = loaders(), loaders()
    assert all(torch.equal(a, b) for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True))
