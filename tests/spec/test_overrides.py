from __future__ import annotations

from typing import Any

import pytest

from lrdoctor.spec.faults import Place
from lrdoctor.spec.overrides import override
from lrdoctor.spec.yaml_source import Document, parse


def at(line: int, column: int) -> Place:
    return Place(0, line, column, f"{line}:{column}")


def document(text: str = "a: {b: 1, c: [2, 3]}\nd: x") -> Document:
    parsed = parse(text, at)
    assert isinstance(parsed, Document)
    return parsed


@pytest.mark.parametrize(
    ("texts", "data"),
    [
        ([], {"a": {"b": 1, "c": [2, 3]}, "d": "x"}),
        (["a.b=1e-4"], {"a": {"b": 1e-4, "c": [2, 3]}, "d": "x"}),
        (["a.c.1=on"], {"a": {"b": 1, "c": [2, "on"]}, "d": "x"}),
        (["a={b: {e: 1}}", "a.b.e=2"], {"a": {"b": {"e": 2}}, "d": "x"}),
        (["new.deep.key=[1]"], {"a": {"b": 1, "c": [2, 3]}, "d": "x", "new": {"deep": {"key": [1]}}}),
        (["d="], {"a": {"b": 1, "c": [2, 3]}, "d": None}),
        (["d=x=y"], {"a": {"b": 1, "c": [2, 3]}, "d": "x=y"}),
        (["d=1", "d=2"], {"a": {"b": 1, "c": [2, 3]}, "d": 2}),
    ],
)
def test_values_are_set_in_order(texts: list[str], data: Any) -> None:
    changed = override(document(), texts)
    assert changed.data == data
    assert changed.faults == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("d", "--set d: expected key=value, such as sweep.max=0.3"),
        ("=1", "--set =1: expected key=value, such as sweep.max=0.3"),
        ("a..b=1", "--set a..b=1: expected key=value, such as sweep.max=0.3"),
        ("a" + ".a" * 99 + "=1", f"--set a{'.a' * 99}=1: expected at most 50 keys on the way"),
        ("a.c.2=1", "--set a.c.2=1: a.c.2: expected the index of one of 2 values"),
        ("a.c.x=1", "--set a.c.x=1: a.c.x: expected the index of one of 2 values"),
        ("d.e=1", '--set d.e=1: d: found "x", expected a mapping or a list to set e in'),
        (
            "d={e: 1, e: 2}",
            "--set d={e: 1, e: 2}: d.e: found a second time, first given at --set d={e: 1, e: 2}",
        ),
        ("d=\ud800", "--set d=\\ud800: d: found the character U+D800, expected readable text"),
    ],
)
def test_what_cannot_be_set_is_a_fault(text: str, fault: str) -> None:
    changed = override(document(), [text, "a.b=5"])
    assert [str(f) for f in changed.faults] == [fault]
    assert changed.data["a"]["b"] == 5, "the next --set is still applied"


def test_a_value_that_is_not_yaml_is_a_fault() -> None:
    (fault,) = override(document(), ["d=[1"]).faults
    assert str(fault).startswith("--set d=[1: d: found text that is not YAML: while parsing a flow sequence, ")


def test_the_set_is_the_place_of_what_it_changed_and_of_nothing_else() -> None:
    changed = override(document(), ["a.b={x: [1]}", "n.m=2"])
    places = {
        ("a",): "1:4",
        ("a", "b"): "--set a.b={x: [1]}",
        ("a", "b", "x", 0): "--set a.b={x: [1]}",
        ("a", "c", 0): "1:15",
        ("n",): "--set n.m=2",
        ("n", "m"): "--set n.m=2",
    }
    assert {path: changed.value_place(path).text for path in places} == places


def test_an_anchored_value_is_changed_in_one_place_only() -> None:
    changed = override(document("a: &a {x: 1}\nb: *a"), ["a.x=2"])
    assert changed.data == {"a": {"x": 2}, "b": {"x": 1}}
