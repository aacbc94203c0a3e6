from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, TensorDataset

from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.training import structures
from lrdoctor.training.batches import Batches, epochs_of, is_stateless, length_of
from lrdoctor.training.structures import first_examples

N = 10
X, Y = torch.arange(N, dtype=torch.float32)[:, None], torch.arange(N)


class Augmented(Dataset[tuple[Tensor, Tensor]]):
    """A map dataset whose samples draw from all three global generators."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return X[i] + torch.rand(1) + random.random() + np.random.rand(), Y[i]


class Streamed(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(X + torch.rand(N, 1))


class Passes:
    """An iterable of batches that starts afresh, with itself as its iterator."""

    def __iter__(self) -> Passes:
        self.left = 3
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        if not self.left:
            raise StopIteration
        self.left -= 1
        return X[:4] + torch.rand(1), Y[:4]


class Foreign:
    """Samples by number from a library that knows nothing of torch's Dataset."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"x": X[i], "y": Y[i]}


def own_generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


SHAPES: dict[str, tuple[Callable[[], Any], int | None]] = {
    "tensor": (lambda: X, 4),
    "tuple": (lambda: (X, Y), 4),
    "dict": (lambda: {"x": X, "y": Y}, 4),
    "TensorDataset": (lambda: TensorDataset(X, Y), 4),
    "map dataset": (Augmented, 4),
    "another library's dataset": (Foreign, 4),
    "iterable dataset": (Streamed, 4),
    "DataLoader": (lambda: DataLoader(Augmented(), 4, shuffle=True), None),
    "DataLoader, own generator": (lambda: DataLoader(Augmented(), 4, shuffle=True, generator=own_generator()), None),
    "DataLoader, own sampler": (
        lambda: DataLoader(Augmented(), 4, sampler=RandomSampler(Augmented(), generator=own_generator())),
        None,
    ),
    "list of batches": (lambda: [(X[:4], Y[:4]), (X[4:8], Y[4:8])], None),
    "list of tensors": (lambda: [X[:4], X[4:8]], None),
    "passes": (Passes, None),
}


def batches(name: str, seed: int = 0, **settings: Any) -> Batches:
    make, batch_size = SHAPES[name]
    settings = {"repeat": True, **settings}
    epoch = epochs_of(make(), batch_size, "train", shuffle=settings["repeat"])
    return Batches(epoch, seed, torch.device("cpu"), "train", **settings)


def digests(source: Batches, n: int = 8) -> list[str]:
    return [structures.digest(batch) for batch in itertools.islice(source, n)]


def disturb() -> None:
    random.random(), np.random.rand(), torch.rand(3)


@pytest.mark.parametrize("name", SHAPES)
def test_the_seed_alone_decides_the_batches(name: str) -> None:
    expected = digests(batches(name, seed=1))
    assert len(expected) == 8
    disturb()
    source = batches(name, seed=1)
    assert [(disturb(), structures.digest(b))[1] for b in itertools.islice(source, 8)] == expected
    assert digests(source) == expected, "a second reader of the cache"
    assert digests(source, 11)[:8] == expected, "a third reader who goes on beyond it"


@pytest.mark.parametrize("cache_bytes", [0, 60, 200])
@pytest.mark.parametrize("name", SHAPES)
def test_streaming_gives_the_cached_batches(name: str, cache_bytes: int) -> None:
    expected = digests(batches(name))
    source = batches(name, cache_bytes=cache_bytes)
    for reader in ("first", "second", "third"):
        disturb()
        assert digests(source) == expected, reader


@pytest.mark.parametrize("name", [name for name in SHAPES if not name.startswith("list")])
def test_another_seed_gives_other_batches(name: str) -> None:
    assert digests(batches(name, seed=0)) != digests(batches(name, seed=1))


@pytest.mark.parametrize("name", SHAPES)
def test_making_batches_draws_nothing_from_outside(name: str) -> None:
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    expected = (torch.rand(1).item(), np.random.rand(), random.random())
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    digests(batches(name))
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == expected


def test_training_shuffles_and_drops_the_short_last_batch() -> None:
    passes = list(itertools.islice(batches("tensor"), 4))
    assert [len(b) for b in passes] == [4, 4, 4, 4]
    first, second = torch.cat(passes[:2]).flatten().tolist(), torch.cat(passes[2:]).flatten().tolist()
    assert len(set(first)) == len(set(second)) == 8
    assert first != second
    assert first != sorted(first)


def test_validation_goes_in_order_through_everything_once() -> None:
    seen = list(batches("dict", repeat=False))
    assert [b["y"].tolist() for b in seen] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_batch_is_never_larger_than_the_data() -> None:
    source = Batches(epochs_of((X, Y), 64, "train", shuffle=True), 0, torch.device("cpu"), "train", repeat=True)
    assert sorted(next(iter(source))[1].tolist()) == list(range(N))


def spoil(batch: Any) -> None:
    for tensor in structures.tensors(batch):
        tensor.mul_(0)
    if isinstance(batch, dict):
        batch.clear()


@pytest.mark.parametrize("cache_bytes", [10**9, 100])
@pytest.mark.parametrize("n_first", [1, 3, 8])
@pytest.mark.parametrize("name", SHAPES)
def test_a_reader_who_changes_its_batches_leaves_no_trace(name: str, n_first: int, cache_bytes: int) -> None:
    expected = digests(batches(name))
    source = batches(name, cache_bytes=cache_bytes)
    seen = []
    for batch in itertools.islice(source, n_first):
        seen.append(structures.digest(batch))
        spoil(batch)
    assert seen == expected[:n_first]
    for _ in range(2):
        reader = []
        for batch in itertools.islice(source, 8):
            reader.append(structures.digest(batch))
            spoil(batch)
        assert reader == expected


def test_none_is_a_batch_and_not_the_end_of_the_data() -> None:
    # a collate function that drops bad samples may return it
    source = Batches(lambda: iter([X, None, X]), 0, torch.device("cpu"), "train", repeat=False)
    for _ in range(2):
        assert [batch is None for batch in source] == [False, True, False]


def test_popping_a_key_leaves_no_trace() -> None:
    source = batches("dict")
    for _ in range(3):
        batch = next(iter(source))
        assert batch.pop("y").shape == (4,)


@pytest.mark.parametrize(
    ("data", "batch_size", "message"),
    [
        (X, None, "train is Tensor with one row a sample.*set data.batch_size"),
        ((X, Y), None, "set data.batch_size"),
        (Augmented(), None, "train is Augmented.*set data.batch_size"),
        ([X[:4], X[4:]], 4, "data.batch_size is 4, but train is list, which already yields batches"),
        (DataLoader(Augmented(), 4), 4, "train is DataLoader, which already yields batches"),
        (7, None, "train is int, expected tensors, a Dataset"),
        ((x for x in [X]), None, "a generator, which can be passed over only once; return a list"),
        (zip([X], [Y], strict=True), None, "a zip, which can be passed over only once"),
        (iter([X]), None, "a list_iterator, which can be passed over only once"),
        ((X, Y[:3]), 4, r"the tensors of train have \[3, 10\] rows"),
        (X[:0], 4, r"the tensors of train have \[0\] rows"),
        (torch.tensor(1.0), 4, r"the tensors of train have \[0\] rows"),
        (TensorDataset(X[:0]), 4, r"have \[0\] rows"),
        (torch.utils.data.Subset(Augmented(), []), 4, "the train dataset Subset is empty"),
    ],
)
def test_refused(data: Any, batch_size: int | None, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        epochs_of(data, batch_size, "train", shuffle=True)


class OnePass:
    """Pretends to start afresh and does not."""

    def __init__(self) -> None:
        self.batches = iter([X[:4], X[4:8]])

    def __iter__(self) -> Iterator[Tensor]:
        return self.batches


class Breaks(Augmented):
    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        if i == 9:
            raise KeyError("row nine")
        return super().__getitem__(i)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "train yielded no batch"),
        (OnePass(), "train yielded no batch; if it is a one-shot iterator, return a list"),
        (DataLoader(Augmented(), 64, drop_last=True), "is batch_size larger than the data"),
        (DataLoader(Breaks(), 4), r"data: making a batch of train raised KeyError: 'row nine' \(test_batches.py:\d+"),
    ],
)
def test_every_reader_is_told_that_the_data_end(data: Any, message: str) -> None:
    source = Batches(epochs_of(data, None, "train", shuffle=True), 0, torch.device("cpu"), "train", repeat=True)
    for _ in range(3):
        with pytest.raises(WorkloadError, match=message):
            digests(source)


@pytest.mark.parametrize(
    ("name", "stateless"),
    [("tensor", True), ("dict", True), ("map dataset", True), ("iterable dataset", False), ("DataLoader", False),
     ("list of batches", False)],
)  # fmt: skip
def test_only_stateless_data_are_shared_between_seeds(name: str, stateless: bool) -> None:
    assert is_stateless(SHAPES[name][0]()) is stateless


@pytest.mark.parametrize(
    ("sizes", "n", "taken"),
    [
        ([4, 4, 2], None, 3),
        ([4, 4, 2], 100, 3),
        ([4, 4, 2], 8, 2),
        ([4, 4, 2], 9, 2),
        ([4, 4, 2], 7, 1),
        ([4, 4, 2], 1, 1),
        ([], 5, 0),
    ],
)
def test_the_first_examples_are_whole_batches(sizes: list[int], n: int | None, taken: int) -> None:
    batches = [torch.full((size,), float(i)) for i, size in enumerate(sizes)]
    assert [int(batch[0]) for batch in first_examples(batches, n)] == list(range(taken))


class Endless(IterableDataset[Tensor]):
    """Says that it has a length, or nothing of it, and never ends."""

    def __init__(self, told: int | None = None) -> None:
        if told is not None:
            self.told = told

    def __len__(self) -> int:
        if not hasattr(self, "told"):
            raise TypeError("no length")
        return self.told

    def __iter__(self) -> Iterator[Tensor]:
        return itertools.cycle(X)


class Stream:
    """So many batches of zeros, or batches for ever."""

    def __init__(self, n: int | None, size: int) -> None:
        self.n, self.size = n, size

    def __iter__(self) -> Iterator[Tensor]:
        return itertools.repeat(torch.zeros(self.size), *([] if self.n is None else [self.n]))


class Told(Stream):
    def __len__(self) -> int:
        return self.n or 0


def validation(data: Any, batch_size: int | None = None, **settings: Any) -> Batches:
    epoch = epochs_of(data, batch_size, "validation", shuffle=False)
    told = length_of(data)
    return Batches(epoch, 0, torch.device("cpu"), "validation", repeat=False, told_length=told, **settings)


@pytest.mark.parametrize(
    ("data", "batch_size", "ends_at"),
    [
        (Stream(None, 2), None, 16),  # more than 30 examples and more than 5 batches
        (Stream(None, 100), None, 6),
        (Stream(15, 2), None, None),
        (Stream(16, 2), None, 16),
        (Stream(5, 1000), None, None),
        (Told(40, 2), None, None),
        ([torch.zeros(2)] * 40, None, None),
        (Endless(), 2, 16),
        (Endless(50), 2, 51),  # the length is in examples, and read as batches it is generous
        (DataLoader(Endless(), 2), None, 16),
        (torch.zeros(100, 1), 2, None),
    ],
)
def test_validation_data_have_to_end(
    data: Any, batch_size: int | None, ends_at: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrdoctor.training.batches.LONGEST_BATCHES", 5)
    monkeypatch.setattr("lrdoctor.training.batches.LONGEST_EXAMPLES", 30)
    for cache_bytes in (10**9, 100):
        source = validation(data, batch_size, cache_bytes=cache_bytes)
        if ends_at is None:
            assert 5 <= sum(1 for _ in source) <= 50
            continue
        for _ in range(2):
            with pytest.raises(
                WorkloadError, match=f"validation did not end after {ends_at} batches .* return a finite"
            ):
                sum(1 for _ in source)


def test_training_data_may_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrdoctor.training.batches.LONGEST_BATCHES", 5)
    monkeypatch.setattr("lrdoctor.training.batches.LONGEST_EXAMPLES", 30)
    epoch = epochs_of(Stream(None, 2), None, "train", shuffle=True)
    source = Batches(epoch, 0, torch.device("cpu"), "train", repeat=True)
    assert sum(1 for _ in itertools.islice(source, 100)) == 100


class Noted:
    """Counts the batches that were made of it."""

    made = 0

    def __iter__(self) -> Iterator[Tensor]:
        while True:
            self.made += 1
            yield X


def test_making_batches_can_be_abandoned_before_each_of_them() -> None:
    data = Noted()
    source = validation(data, stopped=lambda: data.made == 3)
    with pytest.raises(Interrupted):
        list(source)
    assert data.made == 3


class Broken:
    def to(self, device: torch.device) -> Broken:
        return self

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no look inside")


def test_what_cannot_be_kept_is_an_error_of_the_data() -> None:
    with pytest.raises(WorkloadError, match="a batch of validation holds something that cannot be kept"):
        list(validation([Broken()]))
