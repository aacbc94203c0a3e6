from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrdoctor.errors import SpecError
from lrdoctor.spec.faults import Fault, Place
from lrdoctor.spec.yaml_source import Document, parse, read, write


def at(line: int, column: int) -> Place:
    return Place(0, line, column, f"{line}:{column}")


def document(text: str) -> Document:
    parsed = parse(text, at)
    assert isinstance(parsed, Document)
    return parsed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        (".5", 0.5),
        ("5.", 5.0),
        ("+1.0e3", 1000.0),
        ("-2", -2),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("1:30", "1:30"),
        ("10_000", "10_000"),
        ("2020-01-01", "2020-01-01"),
        ("1e", "1e"),
        ("e5", "e5"),
        (".", "."),
        ("=", "="),
        ("<<", "<<"),
        ("'1e-4'", "1e-4"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("!!float 12", 12.0),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    read_value = document(f"a: {text}").data["a"]
    assert (type(read_value), read_value) == (type(value), value)


def test_anchors_and_merge_keys_work() -> None:
    text = """
base: &base {a: 1, b: 2}
more: &more {b: 3, c: 4}
one: {<<: *base, b: 9}
two: {<<: [*base, *more]}
same: *base
"""
    data = document(text).data
    assert data["one"] == {"a": 1, "b": 9}
    assert data["two"] == {"a": 1, "b": 2, "c": 4}
    assert data["same"] == data["base"]
    assert data["same"] is not data["base"]


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "1:1", "1:1"),
        (("a",), "1:1", "2:3"),
        (("a", "b"), "2:3", "2:6"),
        (("a", "b", 1), "2:3", "2:10"),
        (("c",), "3:1", "3:4"),
        (("a", "missing"), "1:1", "1:1"),
        (("missing",), "1:1", "1:1"),
    ],
)
def test_places_are_those_of_keys_and_values(path: tuple[str | int, ...], key: str, value: str) -> None:
    text = "a:\n  b: [1, 2]\nc: é\n"
    assert document(text).key_place(path).text == key
    assert document(text).value_place(path).text == value


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a: 1\nb: 2\na: 3\n", ["3:1: a: found a second time, first given at 1:1"]),
        ("a: {b: 1, b: 1}", ["1:11: a.b: found a second time, first given at 1:5"]),
        ("1: a", ["1:1: found the key 1, expected text; put the key in quotes"]),
        ("true: a", ["1:1: found the key true, expected text; put the key in quotes"]),
        ("[a]: b", ["1:1: found the key a list or mapping, expected text; put the key in quotes"]),
        (
            "a: !!python/name:os.system x",
            ["1:4: a: found the tag !!python/name:os.system, expected plain values"],
        ),
        ("a: !mine {b: 1}", ["1:4: a: found the tag !mine, expected plain values"]),
        ("a: !!set {b}", ["1:4: a: found the tag !!set, expected plain values"]),
        ("a: !!int x", ['1:4: a: found "x", expected a value that can be read as int']),
        ("a: !!bool yes", ['1:4: a: found "yes", expected a value that can be read as bool']),
        (
            "a: 99999999999999999999",
            ["1:4: a: found a whole number of more than 64 bits, expected a smaller one"],
        ),
        ("a: &a [*a]", ["1:4: a.0: found an anchor that contains itself, expected plain values"]),
        ("a: &a {<<: *a}", ["1:4: a: found an anchor that contains itself, expected plain values"]),
        ("<<: 3", ["1:5: <<: found no mapping, expected one or a list of them"]),
        (
            "[" * 51 + "x" + "]" * 51,
            [f"1:52: {'.'.join('0' * 51)}: found values nested deeper than 50 levels"],
        ),
    ],
)
def test_faults_name_their_place(text: str, faults: list[str]) -> None:
    assert [str(fault) for fault in document(text).faults] == faults


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a: [1, 2", "1:4: found text that is not YAML: while parsing a flow sequence, "),
        ("a: 1\n b: 2", "2:3: found text that is not YAML: "),
        ("a: 1\n---\nb: 2", "2:1: found text that is not YAML: expected a single document"),
        ("a: *b", "1:4: found text that is not YAML: "),
        ("a: b\nc: \x00", "2:4: found the character U+0000, expected readable text"),
        ("a: \ud800", "1:4: found the character U+D800, expected readable text"),
        ("\tx: 1", "1:1: found text that is not YAML: "),
    ],
)
def test_text_that_is_not_yaml_is_one_fault(text: str, start: str) -> None:
    fault = parse(text, at)
    assert isinstance(fault, Fault)
    assert str(fault).startswith(start)
    assert "\n" not in str(fault)


def test_nesting_that_exhausts_the_parser_is_a_fault() -> None:
    parsed = parse("[" * 5000, at)
    assert isinstance(parsed, Fault)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{path}: found no such file; `lrdoctor init` writes a starter"),
        (
            b"caf\xe9: 1",
            "{path}: found the byte 0xe9 at offset 3, expected UTF-8 text; save the file as UTF-8",
        ),
        ("a: 1".encode("utf-16"), "{path}: found the byte 0xff at offset 0, "),
        (b"a: [", "{path}:1:4: found text that is not YAML: "),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "spec.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError) as refused:
        read(path)
    assert str(refused.value).startswith(message.format(path=path))


def test_a_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").symlink_to("/dev/zero")
    with pytest.raises(SpecError, match="found a device, expected a YAML file"):
        read(tmp_path / "spec.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        read(tmp_path)
    assert str(refused.value) == f"{tmp_path}: found a folder, expected a YAML file"


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    assert read(path).data == {"a": 1, "b": "x"}


@pytest.mark.parametrize(
    "value",
    [
        1e-5,
        0.1 + 0.2,
        5e-324,
        1.7976931348623157e308,
        -0.0,
        1e22,
        3,
        "1e-4",
        "0o17",
        "010",
        "yes",
        "<<",
        "=",
        "",
        "null",
        "a\nb",
        "\x00\x85\u2028\ufeff",
        "é😀",
        "x" * 200,
        " y ",
        [],
        {},
        [[1], {"a": [None, True]}],
    ],
)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    again = document(write({"a": value})).data["a"]
    assert (type(again), repr(again)) == (type(value), repr(value))


def test_shared_values_are_written_without_anchors() -> None:
    shared = [1]
    assert write({"a": shared, "b": shared}) == "a:\n- 1\nb:\n- 1\n"


@pytest.mark.parametrize("levels", [6, 9, 30])
def test_aliases_of_aliases_are_counted(levels: int) -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    found = parse("\n".join(lines) + "\n", at)
    assert isinstance(found, Fault)
    assert "found more than 100,000 values, aliases counted, expected a spec" in str(found)
