"""From a model and one batch to what the model is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lrdoctor.architecture import depth
from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.call_sites import shortened
from lrdoctor.architecture.graph import Graph, Node
from lrdoctor.architecture.recorder import Recorder, plain_name
from lrdoctor.architecture.residuals import Residual, end_of_branch, norm_of_sum, residuals
from lrdoctor.architecture.state import kept
from lrdoctor.architecture.zeroing import zeroables
from lrdoctor.core.architecture import Architecture, Scale, Site

Model = nn.Module
Scalar = Tensor
LossOf = Callable[[Model, Any], Scalar]
"""(model, batch) -> scalar loss."""


def look(model: Model, batch: Any, loss_of: LossOf, folder: Path | None = None) -> Architecture:
    """What one forward and backward pass shows of the model.

    The model's buffers, gradients and modes and the random generators are afterwards as they were; what else the
    model's own code changes stays changed.

    Args:
        model: any model; what torch.compile made of it runs as its plain code.
        batch: one batch; the tensors in it are what activations depend on.
        loss_of: (model, batch) -> scalar loss.
        folder: which the files of sites are named from.

    Raises:
        Exception: whatever the model raises under the recorder.
    """
    return recorded(model, batch, loss_of, folder).architecture


class Recording(NamedTuple):
    """What a look saw, and the operations that it was read off."""

    architecture: Architecture
    graph: Graph
    residuals: tuple[Residual, ...]
    """One for every site, in the same order."""


def recorded(
    model: Model,
    batch: Any,
    loss_of: LossOf,
    folder: Path | None = None,
    backward: AbstractContextManager[Any] | None = None,
) -> Recording:
    """As `look`, with the graph.

    Args:
        model, batch, loss_of, folder: see `look`.
        backward: a context for the backward pass, where checkpointed blocks run again.
    """
    with kept(model):
        recorder = Recorder(model, batch)
        with torch.compiler.set_stance("force_eager"):
            with recorder:
                loss = loss_of(model, batch)
            # checkpointed blocks run again here, and count once
            with backward or nullcontext():
                loss.backward()  # type: ignore[no-untyped-call]
        learns = {plain_name(name) for name, p in model.named_parameters() if p.grad is not None and bool(p.grad.any())}
        found = residuals(recorder.graph)
        described = _described(recorder, found, learns, loss, model.training, folder or Path.cwd())
        return Recording(described, recorder.graph, tuple(found.values()))


def _described(
    recorder: Recorder, found: dict[int, Residual], learns: set[str], loss: Tensor, training: bool, folder: Path
) -> Architecture:
    graph = recorder.graph
    outside, bare = depth.outside_residuals(graph, found), depth.without_norm(graph)
    return Architecture(
        sites=tuple(_sites(graph, found, learns, folder)),
        depth_outside_residuals=outside.layers,
        distinct_outside_residuals=outside.distinct,
        depth_without_norm=bare.layers,
        distinct_without_norm=bare.distinct,
        n_norms=sum(node.is_norm for node in graph.nodes),
        chain=tuple(_chain(graph, found)),
        unknown=tuple(recorder.unknown),
        mode="train" if training else "eval",
        loss=float(loss.detach()),
        n_operations=len(graph.nodes),
    )


def _sites(graph: Graph, found: Mapping[int, Residual], learns: set[str], folder: Path) -> Iterator[Site]:
    consumers = graph.consumers()
    can_be_zero = zeroables(graph, found)
    for residual in found.values():
        add = graph[residual.add]
        assert add.key is not None
        last = end_of_branch(graph, residual)
        end, gate = last.operation, last.gate
        norm = norm_of_sum(graph, residual, dict(found), consumers)
        zeroable, why_not = can_be_zero[residual.add]
        scale = _branch_scale(add, residual)
        yield Site(
            where=f"{shortened(add.key.file, folder)}:{add.key.line}",
            module=add.key.module,
            call=add.key.call,
            skip="projection" if residual.projected else "identity",
            branch_scale=scale,
            last_operation="norm" if end.is_norm else ops.in_words(end.operation),
            gate=gate,
            post_norm=norm is not None,
            norm=graph[norm].own_module if norm is not None else None,
            zeroable=() if scale == 0 else zeroable,
            why_not="the branch is 0 already" if scale == 0 else why_not,
            is_dead=scale == 0 and _is_dead(graph, residual, learns),
            is_probable=residual.projected or end.operation in ops.ADD,
        )


def _branch_scale(add: Node, residual: Residual) -> float | None:
    skip, branch = (add.operand_rms.get(i) for i in (residual.skip, residual.branch))
    if skip is None or branch is None:
        return None
    if skip == 0:
        return 0.0 if branch == 0 else None
    return branch / skip


def _is_dead(graph: Graph, residual: Residual, learns: set[str]) -> bool:
    """Nothing on the branch learns, and not for want of a gradient at the sum, which later layers may still hold."""
    names = {name for i in residual.own for name in graph[i].params}
    return bool(names) and bool(graph[residual.add].gradient) and not names & learns


def _chain(graph: Graph, found: Mapping[int, Residual]) -> Iterator[Scale]:
    inside = {i for residual in found.values() for i in residual.own}
    for node in graph.nodes:
        if node.index in found and node.index not in inside:
            yield Scale(module=node.module, operation="sum", activation=node.rms, gradient=node.gradient)
        elif node.is_weight and node.index not in inside and node.operation != "unknown":
            name = ops.in_words(node.operation)
            yield Scale(module=node.module, operation=name, activation=node.rms, gradient=node.gradient)
