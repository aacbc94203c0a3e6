from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
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


@dataclass
class Molecule:
    """A batch as a dataclass, with a field that is never set."""

    x: Tensor
    charges: np.ndarray = field(default_factory=lambda: np.arange(3.0))
    name: str = "water"
    later: Tensor = field(init=False)


@dataclass(frozen=True)
class Fixed:
    x: Tensor


class InPlace:
    """Its `to` moves it and returns nothing, and it holds more than tensors."""

    def __init__(self) -> None:
        self.x, self.device, self.inner = torch.ones(4, 2), "", {"y": np.ones(2), "me": self}

    def to(self, device: torch.device) -> None:
        self.device = str(device)


def nested(layout: torch.layout) -> Tensor:
    return torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(5, 3)], layout=layout)


def packed() -> Any:
    return torch.nn.utils.rnn.pack_sequence([t(1, 2), t(3)])


ODD: dict[str, tuple[Callable[[], Any], int, int]] = {
    "sparse COO": (lambda: torch.eye(3).to_sparse(), 3, 2 * 3 * 8 + 3 * 4),
    "sparse CSR": (lambda: torch.eye(3).to_sparse_csr(), 3, (4 + 3) * 8 + 3 * 4),
    "sparse CSC": (lambda: torch.eye(3).to_sparse_csc(), 3, (4 + 3) * 8 + 3 * 4),
    "sparse BSR": (lambda: torch.eye(4).to_sparse_bsr((2, 2)), 4, (3 + 2) * 8 + 8 * 4),
    "nested": (lambda: nested(torch.strided), 2, 7 * 3 * 4),
    "jagged": (lambda: nested(torch.jagged), 2, 7 * 3 * 4),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8), 3, 3),
    "conjugate": (lambda: torch.ones(3, dtype=torch.complex64).mul(1j).conj(), 3, 3 * 8),
    "numpy": (lambda: np.ones((5, 2), dtype=np.float32), 5, 40),
    "numpy scalar array": (lambda: np.array(2.0), 1, 8),
    "numpy of texts": (lambda: np.array(["a", "bc"]), 2, 16),
    "numpy of objects": (lambda: np.array([{"a": 1}, None], dtype=object), 2, 16),
    "packed sequence": (packed, 2, 3 * 8 + 2 * 8),
    "dataclass": (lambda: Molecule(torch.ones(3, 2)), 3, 24 + 24),
    "frozen dataclass": (lambda: Fixed(torch.ones(3, 2)), 3, 24),
    "moves in place": (InPlace, 4, 32 + 16),
    "return type": (lambda: torch.ones(3, 2).max(0), 2, 2 * 4 + 2 * 8),
    "shape": (lambda: (torch.ones(3, 2).shape, torch.ones(3)), 3, 12),
}
"""Name -> (makes it, samples of a batch, bytes)."""


@pytest.mark.filterwarnings("ignore:.*Sparse.*:UserWarning", "ignore:.*[Nn]ested.*:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantize.*", "ignore:.*TypedStorage.*")
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize(
    ("wrap", "extra"), [(lambda v: v, 0), (lambda v: {"v": v}, 0), (lambda v: (v, torch.zeros(())), 4)]
)
def test_odd_batches_can_be_kept(kind: str, wrap: Callable[[Any], Any], extra: int) -> None:
    """Copied, told apart, measured, handed out and watched for changes like any other."""
    make, length, n_bytes = ODD[kind]
    batch = wrap(make())
    kept = structures.copy_to(batch, torch.device("cpu"))
    assert structures.digest(kept) == structures.digest(wrap(make()))
    assert structures.version(kept) >= 0
    assert structures.batch_length(kept) == length
    assert structures.weight(kept) == n_bytes + extra
    for clone in (True, False):
        out = structures.handed_out(kept, clone)
        assert type(out) is type(kept)
        assert structures.digest(out) == structures.digest(kept)


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: np.ones(3), lambda b: b.fill(0)),
        (lambda: {"x": np.ones(3)}, lambda b: b["x"].__imul__(2)),
        (lambda: torch.eye(3).to_sparse(), lambda b: b._values().zero_()),
        (lambda: torch.eye(3).to_sparse_csr(), lambda b: b.values().zero_()),
        (lambda: Molecule(torch.ones(1)), lambda b: b.charges.fill(7)),
        (lambda: Molecule(torch.ones(1)), lambda b: setattr(b, "name", "ice")),
    ],
)
@pytest.mark.filterwarnings("ignore:.*Sparse.*:UserWarning")
def test_changes_that_no_version_shows_reach_a_copy_alone(make: Callable[[], Any], change: Any) -> None:
    kept = make()
    before = structures.digest(kept)
    out = structures.handed_out(kept, clone=False)
    change(out)
    assert structures.digest(kept) == before
    assert not isinstance(kept, Molecule) or kept.name == "water"


@pytest.mark.parametrize("kind", ["numpy of objects", "numpy of texts", "numpy"])
def test_digests_of_arrays_are_by_content(kind: str) -> None:
    make = ODD[kind][0]
    assert structures.digest(make()) != structures.digest(make()[:1])


def test_what_moves_in_place_stays_itself() -> None:
    batch = InPlace()
    assert structures.copy_to(batch, torch.device("cpu")) is batch
    assert batch.device == "cpu"
    assert structures.copy_to({"kind": InPlace}, torch.device("cpu")) == {"kind": InPlace}, "a class is no batch"
