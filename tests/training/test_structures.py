from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor

from lrdoctor.training import structures

Pair = namedtuple("Pair", ["x", "y"])


class Encoding(UserDict):
    """A mapping made from a dict that has attributes and moves itself, like Hugging Face's BatchEncoding."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, device: torch.device) -> Encoding:
        return Encoding({k: v.to(device) for k, v in self.data.items()})


class Graph:
    """No tensor and no container, but it can move itself."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def to(self, device: torch.device) -> Graph:
        return Graph(self.x.to(device))


def t(*values: float) -> Tensor:
    return torch.tensor(values)


NESTED = {"a": t(1, 2), "b": [t(3), (t(4), "text")], "c": Pair(t(5), None)}


def test_map_keeps_the_structure() -> None:
    changed = structures.map_tensors(NESTED, lambda x: x * 10)
    assert changed["a"].tolist() == [10, 20]
    assert changed["b"][0].tolist() == [30]
    assert (changed["b"][1][0].tolist(), changed["b"][1][1]) == ([40], "text")
    assert isinstance(changed["c"], Pair)
    assert (changed["c"].x.tolist(), changed["c"].y) == ([50], None)
    assert NESTED["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("batch", "kind"),
    [
        ({"x": t(1)}, dict),
        (OrderedDict(x=t(1)), OrderedDict),
        (Encoding({"x": t(1)}), Encoding),
        (defaultdict(list, x=t(1)), dict),  # it cannot be made from a dict alone
    ],
)
def test_mappings_keep_their_type_where_they_can(batch: Any, kind: type) -> None:
    changed = structures.map_tensors(batch, lambda x: x + 1)
    assert type(changed) is kind
    assert changed["x"].tolist() == [2]


def test_batch_encodings_keep_their_attributes() -> None:
    moved = structures.copy_to(Encoding({"input_ids": t(1), "labels": t(2)}), torch.device("meta"))
    assert type(moved) is Encoding
    assert moved.input_ids.device.type == "meta"


@pytest.mark.parametrize(
    ("batch", "device_of"),
    [
        (t(1), lambda b: b.device),
        ((t(1), t(2)), lambda b: b[1].device),
        (NESTED, lambda b: b["b"][1][0].device),
        (Graph(t(1)), lambda b: b.x.device),
        ((Graph(t(1)), t(2)), lambda b: b[0].x.device),
        ({"graph": [Graph(t(1))]}, lambda b: b["graph"][0].x.device),
        (torch.nn.utils.rnn.pack_sequence([t(1, 2), t(3)]), lambda b: b.data.device),
    ],
)
def test_everything_moves_to_the_device(batch: Any, device_of: Any) -> None:
    assert device_of(structures.copy_to(batch, torch.device("meta"))).type == "meta"


def test_nothing_is_shared_with_what_was_moved() -> None:
    batch = {"x": t(1), "y": [t(2)]}
    moved = structures.copy_to(batch, torch.device("cpu"))
    moved["x"].add_(1)
    moved["y"].clear()
    assert (batch["x"].item(), len(batch["y"])) == (1.0, 1)


def test_packed_sequences_keep_their_sizes_on_the_cpu() -> None:
    packed = torch.nn.utils.rnn.pack_sequence([t(1, 2), t(3)])
    assert structures.copy_to((packed, t(1)), torch.device("meta"))[0].batch_sizes.device.type == "cpu"


@pytest.mark.parametrize(
    ("batch", "length"),
    [
        (torch.zeros(5, 2), 5),
        ((torch.zeros(3, 2), torch.zeros(4)), 3),
        ({"scale": torch.tensor(1.0), "x": torch.zeros(7)}, 7),
        ([torch.tensor(1.0)], 1),
        ("text", 1),
    ],
)
def test_batch_length(batch: Any, length: int) -> None:
    assert structures.batch_length(batch) == length


def test_weight_is_in_bytes() -> None:
    assert structures.weight({"x": torch.zeros(10), "y": [torch.zeros(3, dtype=torch.int64)]}) == 40 + 24
    assert structures.weight(Graph(torch.zeros(5))) == 20
    assert structures.weight(("text", object())) == structures.UNKNOWN_BYTES


def test_version_grows_with_changes_in_place() -> None:
    batch = {"x": torch.zeros(3), "y": [torch.zeros(3)]}
    before = structures.version(batch)
    batch["y"][0][1] = 5.0
    assert structures.version(batch) > before


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((t(1, 2), torch.tensor(3)), True),
        ([t(1, 2), torch.tensor(3)], True),
        ((t(1, 2.5), torch.tensor(3)), False),
        ((t(1, 2)[None], torch.tensor(3)), False),
        ((t(1, 2).double(), torch.tensor(3)), False),
        ((t(1, 9, 2)[::2], torch.tensor(3)), True),
    ],
)
def test_digest_is_by_content(other: Any, same: bool) -> None:
    assert (structures.digest(other) == structures.digest((t(1, 2), torch.tensor(3)))) is same


@pytest.mark.parametrize("dtype", [torch.bool, torch.bfloat16, torch.complex64, torch.uint8])
def test_digest_of_other_types(dtype: torch.dtype) -> None:
    zeros, ones = torch.zeros(3, dtype=dtype), torch.ones(3, dtype=dtype)
    assert structures.digest(zeros) != structures.digest(ones)
    assert structures.digest(torch.zeros(0, dtype=dtype)) != structures.digest(zeros)
