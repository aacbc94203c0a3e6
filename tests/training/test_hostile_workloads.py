"""Workloads that give nonsense: each is refused in words, or ends its own trial and no other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training_samples import net, rows_of, trial, workload

from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import blame


class SilentError(Exception):
    """Whose text cannot be made, as of an error with a broken format."""

    def __init__(self, failure: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        self.failure = failure

    def __str__(self) -> str:
        raise self.failure


class LateError(nn.Module):
    """Raises an error whose text raises, from some call on."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.inner, self.calls = net(), calls

    def forward(self, x: Tensor) -> Tensor:
        self.calls -= 1
        if self.calls < 0:
            raise SilentError
        return self.inner(x)


class Immovable(nn.Module):
    """Lies on the meta device, from where nothing can be moved."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 1, device="meta")


class Loss(nn.Module):
    """A mean squared error that is something else than a number."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, found: Tensor, wanted: Tensor) -> Any:
        loss = (found - wanted).square().mean()
        return {
            "complex": lambda: loss.to(torch.complex64),
            "meta": lambda: loss.to("meta"),
            "sparse": lambda: loss.reshape(1).to_sparse(),
            "whole": lambda: loss.long(),
            "truth": lambda: loss > 0,
            "text": lambda: "1.0",
            "none": lambda: None,
            "nested": lambda: torch.nested.nested_tensor([loss.reshape(1)], layout=torch.jagged),
        }[self.kind]()


def loss(kind: str) -> dict[str, Any]:
    return {"class_path": f"{__file__}:Loss", "init_args": {"kind": kind}}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("complex", "gave a complex loss (complex64)"),
        ("meta", "gave a loss on the meta device"),
        ("whole", "does not depend on any trainable parameter"),
        ("truth", "does not depend on any trainable parameter"),
        ("text", "gave str, expected a scalar loss"),
        ("none", "gave NoneType, expected a scalar loss"),
        ("nested", "gave a nested tensor, expected a scalar loss"),
    ],
)
def test_a_loss_that_is_no_number_is_refused(kind: str, said: str) -> None:
    with pytest.raises(WorkloadError) as raised:
        rows_of(workload(loss=loss(kind)), trial())
    assert said in str(raised.value)


def test_a_sparse_loss_trains_like_a_dense_one() -> None:
    plain, ending = rows_of(workload(), trial())
    assert ending.status == "completed"
    assert rows_of(workload(loss=loss("sparse")), trial()) == (plain, ending)


def test_an_error_without_a_text_ends_its_trial() -> None:
    model = {"class_path": f"{__file__}:LateError", "init_args": {"calls": 7}}
    rows, ending = rows_of(_of(model), trial())
    assert ending.status == "failed"
    assert ending.reason is not None
    assert "SilentError: its text cannot be read, that raised RuntimeError" in ending.reason
    assert len(rows) > 0


def test_before_any_update_it_is_the_workloads_fault() -> None:
    with pytest.raises(WorkloadError, match="SilentError"):
        rows_of(_of({"class_path": f"{__file__}:LateError", "init_args": {"calls": 0}}), trial())


def test_a_model_that_cannot_be_moved_is_refused() -> None:
    with pytest.raises(WorkloadError, match="moving it to cpu raised NotImplementedError"):
        rows_of(_of({"class_path": f"{__file__}:Immovable", "init_args": {}}), trial())


@pytest.mark.parametrize("failure", [RuntimeError, SystemExit, RecursionError])
def test_blame_has_words_for_any_error(failure: type[BaseException]) -> None:
    assert blame(SilentError(failure)) == f"SilentError: its text cannot be read, that raised {failure.__name__}"


def _of(model: dict[str, Any]) -> Any:
    found = workload()
    found.blocks = {**found.blocks, "model": model}
    return found
