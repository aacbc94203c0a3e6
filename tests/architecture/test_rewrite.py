"""Every rewrite on every kind of model: how many sites it changes, and that the changed model trains."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import cache

import pytest
import torch
from small_nets import GPT, Blocks, ids, square, vectors
from test_models import FURTHER, ROWS
from torch import Tensor, nn

from lrdoctor.architecture import RewritePlan, apply, look, planned, rewrite
from lrdoctor.core.rewriting import REWRITES, Rewrite, Rewriting

Make = Callable[[], nn.Module]
Batch = Callable[[], Tensor]

MODELS: dict[str, tuple[Make, Batch]] = {
    row[0]: (row[1], row[2])
    for row in (*ROWS, *FURTHER)
    if row[0] != "lazy"  # has no parameters yet, see below
}

CHANGED: dict[str, tuple[int, int, int, int]] = {
    # sites changed by zero_init, rezero, move_norm and add_norm
    "without norm": (4, 4, 0, 4),
    "pre-norm": (4, 4, 0, 4),
    "post-norm": (4, 4, 4, 0),
    "norm last": (4, 4, 0, 0),
    "rezero": (0, 0, 0, 0),
    "relu last": (0, 4, 0, 4),
    "in place": (4, 4, 0, 4),
    "parallel": (4, 8, 0, 8),
    "shared block": (4, 4, 0, 4),
    "checkpointed": (4, 4, 0, 4),
    "checkpointed, reentrant": (4, 4, 0, 4),
    "no modules": (0, 4, 0, 4),
    "projections": (4, 4, 0, 4),
    "gpt": (6, 6, 0, 6),
    "gpt, parallel": (6, 6, 0, 6),
    "torch's post-norm layers": (6, 6, 6, 0),
    "torch's pre-norm layers": (6, 6, 0, 6),
    "the same on the fast path": (6, 6, 6, 0),
    "depends on the data": (3, 3, 0, 3),
    "zero at init": (0, 0, 0, 0),
    "layer scale": (2, 0, 0, 0),
    "minus": (4, 4, 0, 4),
    "sum of a list": (4, 4, 0, 4),
    "functional norm": (4, 4, 0, 0),
    "through a view": (4, 4, 0, 0),
    "into a slice": (4, 4, 0, 4),
    "llama": (4, 4, 0, 4),
    "two summands": (2, 2, 0, 2),
    "translator, post-norm": (10, 10, 10, 0),
    "translator, pre-norm": (10, 10, 0, 10),
    "squeeze and excitation": (0, 1, 0, 1),
    "u-net": (1, 1, 0, 1),
    "mixer": (2, 4, 0, 4),
    "swin": (3, 3, 0, 0),
    "poolformer": (1, 1, 0, 0),
    "weight norm": (0, 4, 0, 4),
    "norm in plain operations": (3, 3, 0, 3),
}

CASES = [(model, name, counts[i]) for model, counts in CHANGED.items() for i, name in enumerate(REWRITES)]
MADE = [(model, name) for model, name, n in CASES if n]


def fresh(model: str) -> tuple[nn.Module, Tensor]:
    make, batch = MODELS[model]
    torch.manual_seed(0)
    return make(), batch()


@cache
def planned_once(model: str, name: Rewrite) -> RewritePlan:
    return planned(*fresh(model), square, name)


def rewritten(model: str, name: Rewrite) -> tuple[nn.Module, Tensor, Rewriting]:
    """A fresh model changed by plan, which is as good as by `rewrite`: see the test of training."""
    net, batch = fresh(model)
    plan = planned_once(model, name)
    apply(plan, net)
    return net, batch, plan.rewriting


def curve(net: nn.Module, batch: Tensor, n_steps: int = 20) -> list[float]:
    """Losses of a short training towards a constant, its draws from the seed alone."""
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss = (net(batch) - 1).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize(("model", "name", "n"), CASES, ids=[f"{model}, {name}" for model, name, _ in CASES])
def test_how_many_sites_are_changed(model: str, name: Rewrite, n: int) -> None:
    done = rewrite(*fresh(model), square, name)
    assert done == planned_once(model, name).rewriting
    assert done.failure == ""
    assert done.n_sites == n
    assert done.is_made == bool(n)
    assert bool(done.edits) == bool(n)
    assert (done.after is not None) == bool(n)
    assert all(refusal.why and refusal.where for refusal in done.refused)
    assert n == sum(row[3][0] for row in (*ROWS, *FURTHER) if row[0] == model) or done.refused


@pytest.mark.parametrize(("model", "name"), MADE, ids=[f"{model}, {name}" for model, name in MADE])
def test_a_changed_model_trains_and_a_further_one_of_the_plan_in_the_same_way(model: str, name: Rewrite) -> None:
    net, batch = fresh(model)
    plan = planned(net, batch, square, name)
    losses = curve(net, batch)
    assert min(losses[-3:]) < losses[0]
    again, batch = fresh(model)
    draws = torch.get_rng_state()
    apply(pickle.loads(pickle.dumps(plan)), again)
    assert torch.equal(draws, torch.get_rng_state())
    assert curve(again, batch, 8) == losses[:8]
    assert isinstance(hash(plan), int)


@pytest.mark.parametrize("model", ["plain mlp", "plain cnn", "lstm", "lstm by hand", "rotary", "highway", "dense"])
@pytest.mark.parametrize("name", REWRITES)
def test_where_there_is_no_residual_add_nothing_is_changed(model: str, name: Rewrite) -> None:
    net, batch = fresh(model)
    done = rewrite(net, batch, square, name)
    assert (done.n_sites, done.edits, done.refused, done.is_made) == (0, (), (), False)
    assert "no residual add" in done.failure
    plain, _ = fresh(model)
    assert state(net) == state(plain)


def state(net: nn.Module) -> dict[str, list[float]]:
    return {name: t.flatten().tolist() for name, t in net.state_dict().items()}


@pytest.mark.parametrize(("model", "name"), MADE, ids=[f"{model}, {name}" for model, name in MADE])
def test_old_names_are_kept_and_new_ones_marked(model: str, name: Rewrite) -> None:
    net, batch, _ = rewritten(model, name)
    plain, _ = fresh(model)
    before, after = state(plain), state(net)
    new = set(after) - set(before)
    assert set(before) <= set(after)
    assert all(part.rpartition(".")[2].startswith("lr_") for part in new)
    assert bool(new) == (name in ("rezero", "add_norm"))
    if name != "zero_init":
        assert all(after[part] == before[part] for part in before)
    assert net.training == plain.training
    assert not any(p.grad is not None for p in net.parameters())
    trained = {part: t.clone() for part, t in net.state_dict().items()}
    curve(net, batch, 2)
    net.load_state_dict(trained)


@pytest.mark.parametrize(("model", "name"), MADE, ids=[f"{model}, {name}" for model, name in MADE])
def test_a_changed_model_can_be_copied_and_the_copy_stands_alone(model: str, name: Rewrite) -> None:
    net, batch, _ = rewritten(model, name)
    twin = copy.deepcopy(net)
    losses = curve(twin, batch, 2)
    plain, _, _ = rewritten(model, name)
    assert state(net) == state(plain)
    assert curve(net, batch, 2) == losses
    assert pickled_curve(model, name, losses) == losses


def pickled_curve(model: str, name: Rewrite, otherwise: list[float]) -> list[float]:
    net, batch, _ = rewritten(model, name)
    try:
        written = pickle.dumps(net)
    except (pickle.PicklingError, AttributeError, RuntimeError):  # the model itself, not the change
        with pytest.raises((pickle.PicklingError, AttributeError, RuntimeError)):
            pickle.dumps(fresh(model)[0])
        return otherwise
    return curve(pickle.loads(written), batch, 2)


@pytest.mark.parametrize(("model", "name"), MADE, ids=[f"{model}, {name}" for model, name in MADE])
def test_evaluation_and_other_batch_sizes(model: str, name: Rewrite) -> None:
    net, batch, _ = rewritten(model, name)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    curve(net, batch, 3)  # so that the gates have left 0
    with_norm = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules())
    random = model == "swin"  # draws whom it drops in any mode
    trained = net.train()(batch)
    with torch.no_grad():
        evaluated = net.eval()(batch)
        if not (with_norm or random):
            torch.testing.assert_close(evaluated, trained)
        if model != "depends on the data":
            if not random:
                torch.testing.assert_close(net(batch[:2]), evaluated[:2])
            assert net(torch.cat([batch, batch])).shape[0] == 2 * len(batch)


def test_nothing_leaks_into_other_models() -> None:
    other, batch = fresh("torch's post-norm layers")
    expected = other.eval()(batch)
    for name in ("rezero", "move_norm", "zero_init"):
        rewritten("torch's post-norm layers", name)
    assert torch.equal(other(batch), expected)
    assert not any(m._forward_hooks or m._forward_pre_hooks or "forward" in vars(m) for m in other.modules())


def test_modules_of_the_same_class_that_are_no_part_of_it_stay_as_they_are() -> None:
    torch.manual_seed(0)
    net, batch = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 16), Blocks("post")), vectors()
    assert rewrite(net, batch, square, "move_norm").n_sites == 4
    assert "forward" not in vars(net[0])
    assert torch.equal(net[0](batch), nn.functional.layer_norm(batch, (16,)))


def test_the_draws_and_buffers_are_left_as_they_were() -> None:
    for name in REWRITES:
        net, batch = fresh("projections")
        before, draws = state(net), torch.get_rng_state()
        assert rewrite(net, batch, square, name).failure == ""
        assert torch.equal(draws, torch.get_rng_state())
        assert all(state(net)[part] == before[part] for part in before if "running" in part or "num_batches" in part)


def test_what_the_changed_model_shows_is_what_a_look_shows() -> None:
    net, batch, done = rewritten("gpt", "rezero")
    assert done.after is not None
    assert look(net, batch, square) == done.after
    assert [site.branch_scale for site in done.after.sites] == [0.0] * 6


def test_layers_without_a_size_are_left_for_later() -> None:
    net = nn.Sequential(nn.LazyLinear(16), Blocks("post"))
    assert "run the model once" in rewrite(net, vectors(), square, "rezero").failure
    net(vectors())
    assert rewrite(net, vectors(), square, "rezero").n_sites == 4


def test_a_model_may_be_rewritten_twice() -> None:
    torch.manual_seed(0)
    net, batch = Blocks("post"), vectors()
    assert rewrite(net, batch, square, "move_norm").n_sites == 4
    again = rewrite(net, batch, square, "move_norm")
    assert (again.n_sites, {refusal.why for refusal in again.refused}) == (0, {"the sum is not normalized"})
    assert rewrite(net, batch, square, "rezero").n_sites == 4
    assert "factor already" in rewrite(net, batch, square, "rezero").refused[0].why
    assert curve(net, batch)[-1] < curve(Blocks("post"), batch, 1)[0]


def test_mixed_precision() -> None:
    def loss_of(model: nn.Module, batch: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(batch).float().pow(2).mean()

    for name, n in (("zero_init", 6), ("rezero", 6), ("add_norm", 6)):
        torch.manual_seed(0)
        net, batch = GPT(), ids()
        assert rewrite(net, batch, loss_of, name).n_sites == n  # type: ignore[arg-type]
        loss_of(net, batch).backward()


@pytest.mark.parametrize("name", REWRITES)
def test_other_types_of_numbers(name: Rewrite) -> None:
    torch.manual_seed(0)
    net, batch = Blocks("post" if name == "move_norm" else "pre").double(), vectors().double()
    assert rewrite(net, batch, square, name).n_sites == 4
    assert {p.dtype for p in net.parameters()} == {torch.float64}
    assert net(batch).dtype == torch.float64
