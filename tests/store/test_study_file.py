from __future__ import annotations

import json
import re

import pytest
from folder_samples import opened

from lrdoctor.errors import StoreError
from lrdoctor.store.study_file import changes, load_study, plain


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"identity": []}, "is damaged: identity: found list, expected dict"),
        ({"environment": None}, "is damaged: environment: found NoneType, expected dict"),
        ({"invocations": {}}, "is damaged: invocations: found dict, expected list"),
        ({"invocations": [1]}, "is damaged: invocations: found something else than objects"),
        ({"data": "x"}, "is damaged: data: found str, expected dict"),
        ({"name": 1}, "is damaged: name: found int, expected str"),
        ({"trained_on": {"torch": 2.6}}, "is damaged: trained_on: found something else than text"),
        ({"identity": {"optimizer": 1}}, "is damaged: identity.optimizer: found something else"),
        ({"identity": {"optimizer": None}}, "is damaged: identity.optimizer: found something else"),
        ({"identity": {"optimizer": {"name": []}}}, "is damaged: identity.optimizer: found something else"),
        ({"identity": {"optimizer": {"class_path": 3}}}, "is damaged: identity.optimizer: found something else"),
        ({"lrdoctor_version": {}}, "is damaged: lrdoctor_version: found dict, expected str"),
    ],
)
def test_a_study_file_of_other_types_is_refused_and_left_alone(tmp_path, changes, said):
    with opened(tmp_path):
        pass
    file = tmp_path / "study.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    before = file.read_bytes()
    with pytest.raises(StoreError, match=re.escape(said)):
        opened(tmp_path)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", "", "[]", "null", "9" * 400, '{"lrdoctor_version": ' + "[" * 100_000]
)
def test_text_that_is_no_study_is_refused(tmp_path, text):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(StoreError, match="is damaged or not lrdoctor's"):
        load_study(tmp_path)
