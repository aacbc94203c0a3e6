from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import blame, build, resolve, user_modules

FILE = """
from __future__ import annotations
from dataclasses import dataclass, field

import beside_{tag}

@dataclass
class Settings:
    width: int = 3
    names: list[str] = field(default_factory=list)

class Outer:
    class Inner:
        size = 7

    @staticmethod
    def broken():
        raise ValueError("no")

class _Hidden: ...

number = 5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec's folder: a file, a module that it imports, a package in a folder below."""
    tag = tmp_path.name.replace("-", "_")
    (tmp_path / "nets.py").write_text(FILE.format(tag=tag))
    (tmp_path / f"beside_{tag}.py").write_text("value = 11\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "deep.py").write_text("value = 12\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(2)\n")
    (tmp_path / "broken.py").write_text("x = 1\ny = undefined_name\n")
    (tmp_path / "relative.py").write_text("from . import nets\n")
    (tmp_path / "grammar.py").write_text("def f(:\n")
    (tmp_path / f"broken_{tag}.py").write_text("import no_such_module_anywhere\n")
    return tmp_path


@pytest.mark.parametrize(
    ("class_path", "name"),
    [
        ("torch.nn:Linear", "Linear"),
        ("torch.nn.Linear", "Linear"),
        ("./nets.py:Settings", "Settings"),
        ("nets.py:Settings", "Settings"),
        ("nets.py:Outer.Inner", "Inner"),
        ("collections:OrderedDict.fromkeys", "fromkeys"),
        ("os.path.join", "join"),
    ],
)
def test_the_three_forms(class_path: str, name: str, folder: Path) -> None:
    assert resolve(class_path, str(folder)).__name__ == name


def test_files_are_relative_to_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert resolve("./below/deep.py:value", str(folder)) == 12
    assert resolve("../nets.py:number", str(folder / "below")) == 5
    assert resolve(f"{folder}/nets.py:number", "/") == 5


def test_modules_beside_the_spec_can_be_imported(folder: Path) -> None:
    assert resolve(f"beside_{folder.name.replace('-', '_')}.value", str(folder)) == 11


def test_a_file_is_imported_once(folder: Path) -> None:
    settings = resolve("./nets.py:Settings", str(folder))
    assert resolve("nets.py:Settings", str(folder)) is settings
    assert settings(4, ["a"]) == settings(4, ["a"])


def test_files_of_one_name_in_two_folders_differ(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "nets.py").write_text("number = 6\n")
    assert [resolve("nets.py:number", str(f)) for f in (folder, other)] == [5, 6]


@pytest.mark.parametrize(
    ("class_path", "message"),
    [
        ("./nets.py:Net", r"`./nets.py` has no `Net`; it has Outer, Settings, annotations"),
        ("./nets.py:Outer.Other", r"has no `Outer.Other`; it has Inner, broken"),
        ("./nets.py:number.bits", r"has no `number.bits`; it has no public name"),
        ("torch.nn:Linaer", r"`torch.nn` has no `Linaer`; did you mean `Linear`\?"),
        ("./relative.py:x", r"no known parent package .*; a file that is part of a package is named as a module, such"),
        ("./missing.py:Net", r"missing.py: no such file; class paths of files are relative to the spec's folder"),
        ("no_such_module:Net", r"`no_such_module` does not import: ModuleNotFoundError: No module named"),
        ("torch.no_such.Net", r"`torch.no_such` does not import: ModuleNotFoundError"),
        ("./broken.py:x", r"does not import: NameError: name 'undefined_name' is not defined \(broken.py:2, in <modu"),
        ("./grammar.py:f", r"does not import: SyntaxError"),
        ("./exits.py:x", r"`./exits.py` does not import: SystemExit: 2 \(exits.py:2"),
        ("Net", "a class path needs a module"),
    ],
)
def test_refused(class_path: str, message: str, folder: Path) -> None:
    for _ in range(2):  # a module that failed is not taken for imported
        with pytest.raises(WorkloadError, match=message):
            resolve(class_path, str(folder))


def test_an_import_inside_the_users_module_is_named(folder: Path) -> None:
    with pytest.raises(WorkloadError, match="No module named 'no_such_module_anywhere'"):
        resolve(f"broken_{folder.name.replace('-', '_')}:x", str(folder))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"class_path": "nets.py:number"}, "model: nets.py:number is int, expected a class or a function to call"),
        (
            {"class_path": "nets.py:Settings", "init_args": {"widht": 3}},
            "model: nets.py:Settings raised TypeError: .*widht",
        ),
        ({"class_path": "nets.py:Outer.broken"}, r"raised ValueError: no \(nets.py:\d+, in broken\)"),
    ],
)
def test_factories_that_cannot_be_called(block: dict[str, object], message: str, folder: Path) -> None:
    with pytest.raises(WorkloadError, match=message):
        build(block, str(folder), "model")


def test_build_passes_its_own_arguments_before_init_args(folder: Path) -> None:
    made = build({"class_path": "nets.py:Settings", "init_args": {"names": ["a"]}}, str(folder), "model", 8)
    assert (made.width, made.names) == (8, ["a"])


def raising(what: str) -> None:
    if what == "own":
        raise ValueError("own words")
    if what == "silent":
        raise ValueError
    if what == "torch":
        import torch

        torch.zeros(2) @ torch.zeros(3)
    if what == "torch python":
        import torch

        torch.nn.Linear(2, 3)(torch.zeros(5))
    json.loads("{")


@pytest.mark.parametrize(
    ("what", "beginning"),
    [
        ("own", "ValueError: own words ("),
        ("silent", "ValueError ("),
        ("torch", "RuntimeError: "),
        ("torch python", "RuntimeError: "),
        ("standard library", "JSONDecodeError: "),
    ],
)
def test_the_blame_falls_on_the_users_innermost_line(what: str, beginning: str) -> None:
    try:
        raising(what)
    except Exception as error:
        text = blame(error)
    assert text.startswith(beginning)
    assert "(test_importing.py:" in text
    assert text.endswith(", in raising)")


def test_an_error_without_a_line_of_the_users() -> None:
    assert blame(ValueError("text")) == "ValueError: text"


def test_the_users_own_modules_are_told_by_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "helper_of_a_user.py").write_text("WIDTH = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "module helper_of_a_user" not in user_modules()
    importlib.import_module("helper_of_a_user")
    before = user_modules()
    (tmp_path / "helper_of_a_user.py").write_text("WIDTH = 4\n")
    after = user_modules()
    assert {name for name in before if before[name] != after[name]} == {"module helper_of_a_user"}
    assert not {name for name in after if name.split()[1].partition(".")[0] in ("torch", "json", "lrdoctor", "pytest")}


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
@pytest.mark.parametrize("name", ["läuft – 学習", "b\udcff"], ids=["unicode", "no text"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "work.py").write_text("def made():\n    return 3\n")
    assert resolve("./work.py:made", str(tmp_path / name))() == 3
