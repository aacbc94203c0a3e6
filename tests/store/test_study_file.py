from __future__ import annotations

import pytest

from lrdoctor.store.study_file import changes, plain


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, []),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 4}}, ["a.b: was 1, is now 3", "a.c: was 2, is now 4"]),
        ({"a": 1}, {}, ["a: was 1, is now not set"]),
        ({}, {"a": None}, ["a: was not set, is now null"]),
        ({"a": {"b": 1}}, {"a": 1}, ['a: was {"b": 1}, is now 1']),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a: was [1, 2], is now [2, 1]"]),
        ({"a": 1}, {"a": True}, ["a: was 1, is now true"]),
        ({"a": "é"}, {"a": "e"}, ['a: was "é", is now "e"']),
        ({"a": 0.1}, {"a": 0.1 + 2**-55}, ["a: was 0.1, is now 0.10000000000000003"]),
        ({"file:./w.py": "a"}, {"file:./w.py": "b"}, ["the content of ./w.py changed"]),
        ({"code": {"file:a/w.py": "a"}}, {"code": {"file:a/w.py": "b"}}, ["the content of a/w.py changed"]),
        ({"file:w.py": "a"}, {}, ['file:w.py: was "a", is now not set']),
    ],
)
def test_every_change_is_a_line(old, new, expected):
    assert [line.strip() for line in changes(old, new)] == expected


def test_plain_values_are_as_json_reads_them():
    assert plain({"a": (1, 2), "b": {"c": None}}) == {"a": [1, 2], "b": {"c": None}}
    with pytest.raises(ValueError, match="JSON"):
        plain({"a": float("nan")})
