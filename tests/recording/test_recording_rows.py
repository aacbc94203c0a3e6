"""What is recorded of each kind of loop, against what the same loop measures of itself, digit for digit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded import Done, record

from lrdoctor.recording.recorder import MOST_SERIES

LOOPS = '''
"""One training after another, each with a kind of loop that a recorder can get wrong; each says what is right."""
import json, math, torch
from torch.nn.functional import mse_loss

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
Y = X.sum(1, keepdim=True)

def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))

def norm(model):
    return torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None]).item()

def right(kind, *rows):
    print(json.dumps({"kind": kind, "rows": [[None if v is None else repr(v) for v in row] for row in rows]}))

def raw():
    m = net(); o = torch.optim.AdamW(m.parameters(), lr=0.05)
    s = torch.optim.lr_scheduler.CosineAnnealingLR(o, 6); rows = []
    for _ in range(6):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward()
        rows.append((o.param_groups[0]["lr"], loss.item(), norm(m))); o.step(); s.step()
    return rows

def accumulated():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for k in range(12):
        loss = mse_loss(m(X[k::12]), Y[k::12]) / 4; loss.backward()
        if k % 4 == 0: total = 0.0
        total += loss.item()
        if k % 4 == 3:
            n = torch.nn.utils.clip_grad_norm_(m.parameters(), 0.1)
            rows.append((0.05, total, n.item())); o.step(); o.zero_grad()
    return rows

def clipped_every_backward():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for k in range(4):
        loss = mse_loss(m(X[k::4]), Y[k::4]); loss.backward()
        if k % 2 == 0: total = 0.0
        total += loss.item(); n = torch.nn.utils.clip_grad_norm_(m.parameters(), 0.1).item()
        if k % 2: rows.append((0.05, total, n)); o.step(); o.zero_grad()
    return rows

def clipped_one_by_one():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for _ in range(3):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward(); n = norm(m)
        for p in m.parameters(): torch.nn.utils.clip_grad_norm_(p, 0.01)
        rows.append((0.05, loss.item(), ("close", n))); o.step()
    return rows

def half_clipped():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for _ in range(3):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward(); n = norm(m)
        torch.nn.utils.clip_grad_norm_(m[0].parameters(), 0.01)
        rows.append((0.05, loss.item(), ("close", n))); o.step()
    return rows

def clipped_by_value():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for _ in range(3):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward(); n = norm(m)
        torch.nn.utils.clip_grad_value_(m.parameters(), 0.01); rows.append((0.05, loss.item(), n)); o.step()
    return rows

def clipped_with_norm():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for _ in range(3):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward()
        n = torch.nn.utils.get_total_norm([p.grad for p in m.parameters()])
        torch.nn.utils.clip_grads_with_norm_(m.parameters(), 0.1, n)
        rows.append((0.05, loss.item(), n.item())); o.step()
    return rows

def closure():
    # as Lightning does: backward and clipping inside of step
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    def work():
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward()
        rows.append((0.05, loss.item(), torch.nn.utils.clip_grad_norm_(m.parameters(), 0.1).item())); return loss
    for _ in range(3): o.step(closure=work)
    return rows

def lbfgs():
    m = net(); o = torch.optim.LBFGS(m.parameters(), lr=0.5, max_iter=4); rows = []
    for _ in range(3):
        calls = []
        def work():
            o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward()
            calls.append((0.5, loss.item(), norm(m))); return loss
        o.step(work); rows.append(calls[0])
    return rows

def subclass():
    class Own(torch.optim.SGD):
        def step(self, closure=None): return super().step(closure)
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    m = net(); o = Own(m.parameters(), lr=0.05); rows = []
    for _ in range(3):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward(); rows.append((0.05, loss.item(), norm(m))); o.step()
    return rows

def wrapper():
    class Wrapper(torch.optim.Optimizer):
        def __init__(self, inner):
            super().__init__(inner.param_groups, inner.defaults)
            self.inner = inner; self.param_groups = inner.param_groups
        def step(self, closure=None): return self.inner.step()
    m = net(); o = Wrapper(torch.optim.SGD(m.parameters(), lr=0.05)); rows = []
    for _ in range(3):
        o.zero_grad(); loss = mse_loss(m(X), Y); loss.backward(); rows.append((0.05, loss.item(), norm(m))); o.step()
    return rows

def scaled():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    for k in range(6):
        o.zero_grad(); loss = mse_loss(m(X), Y) * (8.0 if k == 3 else 1.0); scaler.scale(loss).backward()
        scaler.unscale_(o); n = torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0).item()
        rows.append((0.05, loss.item(), n)); scaler.step(o); scaler.update()
    assert not all(math.isfinite(n) for _, _, n in rows)
    return rows

def scaled_without_clipping():
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for k in range(4):
        o.zero_grad(); loss = mse_loss(m(X), Y); (scaler.scale(loss) / 2).backward()
        rows.append((0.05, loss.item() / 2, ("close", norm(m) / 2.0**10))); scaler.step(o); scaler.update()
    return rows

def fused():
    m = net(); o = torch.optim.AdamW(m.parameters(), lr=0.05, fused=True); rows = []
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    for k in range(6):
        o.zero_grad(); loss = mse_loss(m(X), Y) * (8.0 if k == 3 else 1.0); scale = scaler.get_scale()
        scaler.scale(loss).backward()
        n = torch.nn.utils.get_total_norm([p.grad / scale for p in m.parameters()]).item()
        rows.append((0.05, loss.item(), n))
        scaler.step(o); scaler.update()
    return rows

def autocast():
    m = net(); o = torch.optim.AdamW(m.parameters(), lr=0.05); rows = []
    for _ in range(4):
        o.zero_grad()
        with torch.autocast("cpu", torch.bfloat16): loss = mse_loss(m(X), Y)
        loss.backward(); rows.append((0.05, loss.item(), norm(m))); o.step()
    return rows

def checkpointed():
    from torch.utils.checkpoint import checkpoint
    m = net(); o = torch.optim.SGD(m.parameters(), lr=0.05); rows = []
    for _ in range(3):
        x = X.clone().requires_grad_(); o.zero_grad()
        out = checkpoint(lambda x: m(x).sum(), x, use_reentrant=True); loss = out * out / 1000
        loss.backward(); rows.append((0.05, loss.item(), norm(m))); o.step()
    return rows

for loop in LOOPS: right(loop, *globals()[loop]())
'''

FIRST = ("raw", "accumulated", "clipped_every_backward", "clipped_one_by_one", "half_clipped", "clipped_by_value",
         "clipped_with_norm", "closure", "lbfgs", "subclass", "wrapper", "scaled", "scaled_without_clipping", "fused",
         "autocast", "checkpointed")  # fmt: skip
"""In this order the optimizers step for the first time, so that each has the file of its number."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, record_fork: Callable[..., Done]) -> Done:
    script = LOOPS.replace("for loop in LOOPS", f"for loop in {FIRST}")
    return record_fork(tmp_path_factory.mktemp("loops"), script)


FLOAT32 = 2.0**-22
"""How far two sums of squares in float32, added up in another order, may be apart, as a part of their root."""


def matches(expected: str | list[Any] | None, found: float | None, digits: float = 0.0) -> bool:
    if isinstance(expected, str) and expected.startswith("("):  # the norm was put together of parts, or divided
        wanted = eval(expected, {"inf": float("inf"), "nan": float("nan")})[1]
        return found == pytest.approx(wanted, rel=1e-5, nan_ok=True)
    if isinstance(expected, str) and digits:
        return found == pytest.approx(float(expected), rel=digits, nan_ok=True)
    return (None if found is None else repr(found)) == expected


@pytest.mark.parametrize("kind", FIRST)
def test_rows_are_what_the_loop_measures(done: Done, kind: str) -> None:
    assert (done.code, done.stderr) == (0, "")
    number = FIRST.index(kind)
    (expected,) = (one["rows"] for one in done.printed if one["kind"] == kind)
    rows = done.rows(number)
    assert [row["step"] for row in rows] == list(range(len(expected)))
    for wanted, row in zip(expected, rows, strict=True):
        assert matches(wanted[0], row["learning_rate"])
        assert matches(wanted[1], row["train_loss"])
        assert matches(wanted[2], row["grad_norm"], digits=FLOAT32)


def test_skipped_steps_have_a_row_and_are_no_update(done: Done) -> None:
    for kind in ("scaled", "fused"):
        of = done.facts["optimizers"][FIRST.index(kind)]
        norms = done.column("grad_norm", FIRST.index(kind))
        infinite = [k for k, norm in enumerate(norms) if norm is not None and not math.isfinite(norm)]
        assert infinite
        assert of["skipped_steps"] == infinite
        assert (of["n_rows"], of["n_updates"]) == (6, 6 - len(infinite))


def test_what_is_told_of_the_training(done: Done) -> None:
    facts = done.facts
    assert (facts["framework"], facts["ended"], facts["exception"], facts["failure"]) == ("raw", "script", None, None)
    assert [of["name"] for of in facts["optimizers"]][:2] == ["AdamW", "SGD"]
    assert facts["optimizers"][0]["n_parameters"] == 49
    assert {"max_norm": 0.1, "norm_type": 2.0} in facts["clipping"]
    assert {"clip_value": 0.01} in facts["clipping"]
    assert (facts["world_size"], facts["rank"]) == (1, 0)


BY_HAND = """
import json, torch, lrdoctor
torch.manual_seed(0)
w = torch.zeros(4, requires_grad=True)
X = torch.randn(64, 4); Y = X.sum(1)
rows = []
for k in range(5):
    w.grad = None
    loss = ((X @ w - Y) ** 2).mean(); loss.backward()
    rows.append([loss.item(), torch.nn.utils.clip_grad_norm_([w], 0.25).item()])
    w.data.add_(w.grad, alpha=-0.1)
    if k == 2: lrdoctor.log(val_loss=torch.tensor(0.5))
lrdoctor.log(val_loss=0.25, step=4)
print(json.dumps(rows))
"""


def test_without_an_optimizer_clipping_marks_the_update(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, BY_HAND, clip_norm=0.1)
    assert (done.code, done.stderr) == (0, "")
    assert [[row["train_loss"], row["grad_norm"]] for row in done.rows()] == done.printed[0]
    assert done.column("learning_rate") == [None] * 5
    assert done.facts["framework"] == "none"
    # the update of the last clipping is known to be made only at the next backward
    assert (done.folder / "evaluations.csv").read_text("ascii") == "step,val_loss\n1,0.5\n4,0.25\n"


SEVERAL = """
import json, torch
from torch.nn.functional import mse_loss
torch.manual_seed(0)
X = torch.randn(32, 4)
G, D = torch.nn.Linear(4, 1), torch.nn.Linear(1, 1)
g, d = torch.optim.Adam(G.parameters(), lr=0.01), torch.optim.Adam(D.parameters(), lr=0.02)
one, zero = torch.ones(32, 1), torch.zeros(32, 1)
rows = {"d": [], "g": []}
for _ in range(4):
    d.zero_grad(); a = mse_loss(D(X.sum(1, keepdim=True)), one); a.backward()
    fake = G(X); b = mse_loss(D(fake.detach()), zero); b.backward(); d.step()
    rows["d"].append(a.item() + b.item())
    g.zero_grad(); c = mse_loss(D(fake), one); c.backward(); g.step(); rows["g"].append(c.item())
print(json.dumps(rows))
again = torch.optim.Adam(D.parameters(), lr=0.5)  # for the same parameters: the same curve goes on
mse_loss(D(one), zero).backward(); again.step()
"""

ONE_LOSS = """
import json, torch
torch.manual_seed(0)
m = torch.nn.Linear(4, 1); X = torch.randn(32, 4)
a, b = torch.optim.SGD([m.weight], lr=0.1), torch.optim.SGD([m.bias], lr=0.2)
losses = []
for _ in range(4):
    m.zero_grad(); loss = (m(X) - 1).square().mean(); loss.backward(); losses.append(loss.item())
    a.step(); b.step()
print(json.dumps(losses))
"""


def test_each_of_several_optimizers_has_its_own_losses(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, SEVERAL)
    assert (done.code, done.stderr) == (0, "")
    (printed,) = done.printed
    assert done.column("train_loss")[:4] == printed["d"]
    assert done.column("train_loss", 1) == printed["g"]
    assert (done.column("learning_rate"), done.column("learning_rate", 1)) == ([0.02] * 4 + [0.5], [0.01] * 4)
    assert done.facts["adversarial"] is True


STAGES = """
import json, torch
torch.manual_seed(0)
X = torch.randn(32, 4)
first, second = torch.nn.Linear(4, 3), torch.nn.Linear(3, 1)
losses = []
a = torch.optim.SGD(first.parameters(), lr=0.1)
for _ in range(8):
    a.zero_grad(); loss = (first(X) - X[:, :3]).square().mean(); loss.backward(); a.step()
b = torch.optim.SGD(second.parameters(), lr=0.1)
for _ in range(8):
    b.zero_grad(); loss = (second(HIDDEN) - X.sum(1, keepdim=True)).square().mean(); loss.backward(); b.step()
    losses.append(loss.item())
print(json.dumps(losses))
"""

CRITIC_FIRST = """
import torch
torch.manual_seed(0)
X = torch.randn(32, 4)
actor, critic = torch.nn.Linear(4, 4), torch.nn.Linear(4, 1)
a, c = torch.optim.SGD(actor.parameters(), lr=0.1), torch.optim.SGD(critic.parameters(), lr=0.1)
for _ in range(3):
    for _ in range(12):
        c.zero_grad(); (critic(actor(X).detach()) - X[:, :1]).square().mean().backward(); c.step()
    a.zero_grad(); (-critic(actor(X)).mean()).backward(); a.step()
"""


def test_reinforcement_learning_is_told_by_its_environments(tmp_path: Path) -> None:
    (tmp_path / "gymnasium.py").write_text("")
    done = record(tmp_path, "import gymnasium\n" + ONE_LOSS)
    assert (done.code, done.stderr) == (0, "")
    assert done.facts["reinforcement"] == "gymnasium"
    (tmp_path / "none").mkdir()
    assert record(tmp_path / "none", ONE_LOSS).facts["reinforcement"] == ""


@pytest.mark.parametrize("hidden", ["first(X).detach()", "first(X)"])
def test_stages_of_a_training_do_not_work_against_each_other(
    tmp_path: Path, record_fork: Callable[..., Done], hidden: str
) -> None:
    done = record_fork(tmp_path, STAGES.replace("HIDDEN", hidden))
    assert (done.code, done.stderr) == (0, "")
    assert len(done.column("train_loss")) == 8
    assert done.column("train_loss", 1) == done.printed[0]
    assert done.facts["adversarial"] is False


def test_an_opponent_that_makes_many_updates_first_is_one(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, CRITIC_FIRST)
    assert (done.code, done.stderr) == (0, "")
    assert len(done.column("train_loss")) == 36
    assert done.facts["adversarial"] is True


def test_one_loss_of_two_optimizers_is_the_loss_of_both(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, ONE_LOSS)
    assert (done.code, done.stderr) == (0, "")
    assert done.column("train_loss") == done.column("train_loss", 1) == done.printed[0]
    assert done.facts["adversarial"] is False


ONE_EACH = """
import torch
torch.manual_seed(0)
for k in range(50):
    w = torch.nn.Parameter(torch.ones(3))
    o = torch.optim.SGD([w], lr=0.1)
    for _ in range(2):
        o.zero_grad(); w.square().sum().backward(); o.step()
"""


def test_a_script_that_makes_optimizers_without_end_is_recorded_as_far_as_the_first_ones(
    tmp_path: Path, record_fork: Callable[..., Done]
) -> None:
    done = record_fork(tmp_path, ONE_EACH, learning_rate=0.05)
    assert (done.code, done.stderr) == (0, "")
    assert len(done.facts["optimizers"]) == len(list(done.folder.glob("steps*.csv"))) == MOST_SERIES
    assert all(done.column("learning_rate", number) == [0.05] * 2 for number in range(MOST_SERIES))
    assert done.facts["notes"] == [f"more than {MOST_SERIES} optimizers: the others are not recorded"]
