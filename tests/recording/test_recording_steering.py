"""What a trial changes of a script that has no flag for it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recorded import Done, record

from lrdoctor.recording.settings import DIVERGED, STOPPED

SCRIPT = """
import random, sys, torch
torch.manual_seed(3); random.seed(3)
m = torch.nn.Linear(4, 1)
X = torch.randn(32, 4); Y = X.sum(1, keepdim=True)
o = torch.optim.SGD([{"params": [m.weight]}, {"params": [m.bias], "lr": 0.4}], lr=0.2)
s = torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=9)
CLIP
try:
    for k in range(10):
        o.zero_grad(); loss = torch.nn.functional.mse_loss(m(X), Y); loss.backward()
        if CLIPS: torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        o.step(); s.step()
        print(o.param_groups[1]["lr"] / o.param_groups[0]["lr"], float(m.weight.grad.norm()), random.random())
finally:
    print("written by a finally block")
"""
PLAIN = SCRIPT.replace("CLIP\n", "CLIPS = False\n")
CLIPPING = SCRIPT.replace("CLIP\n", "CLIPS = True\n")
RATES = [0.2 * (1 - 0.1 * k) for k in range(10)]


def test_rates_are_scaled_under_a_ramp_and_keep_their_shape(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, PLAIN, learning_rate=0.02, warmup_steps=4)
    ramp = [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1]
    assert done.column("learning_rate") == pytest.approx([0.1 * r * w for r, w in zip(RATES, ramp, strict=True)])
    # the script's own schedule sees the rates that it set, and the groups keep their ratio
    assert [float(line.split()[0]) for line in done.stdout.splitlines()[:-1]] == pytest.approx([2.0] * 10)
    assert done.facts["optimizers"][0]["group_learning_rates"] == [0.2, 0.4]


def test_rates_may_stay_at_their_peak(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, PLAIN, learning_rate=0.02, warmup_steps=2, post_warmup_constant=True)
    assert done.column("learning_rate") == pytest.approx([0.0, 0.01] + [0.02] * 8)


def test_the_highest_rate_of_one_cycle_is_the_peak(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    script = PLAIN.replace("LinearLR(o, 1.0, 0.1, total_iters=9)", "OneCycleLR(o, 2.0, total_steps=11)")
    rates = record_fork(tmp_path, script, learning_rate=0.01).column("learning_rate")
    assert max(rate for rate in rates if rate is not None) == pytest.approx(
        0.01, rel=0.05
    )  # 2.0 lies between two updates


LOOP = """
import json, math, torch
torch.manual_seed(3)
m = torch.nn.Linear(4, 1); X = torch.randn(32, 4)
def update(*optimizers):
    m.zero_grad(); (m(X) - 1).square().mean().backward()
    for o in optimizers:
        o.step()
"""

BY_HAND = (
    LOOP
    + """
o = torch.optim.SGD(m.parameters(), lr=MADE)
for k in range(8):
    o.param_groups[0]["lr"] = 0.2 * min((k + 1) / 4, 4 / (k + 1))
    update(o)
print(json.dumps(m.weight.tolist()))
"""
)
OWN = [0.2 * min((k + 1) / 4, 4 / (k + 1)) for k in range(8)]


@pytest.mark.parametrize(
    ("made", "settings", "factor"),
    [
        ("0.2", {}, 0.1),  # not by the first rate of the script's warmup
        ("0.1", {}, 0.2),
        ("0.2", {"own_learning_rate": 0.1}, 0.1),  # a schedule that has not come to its peak
        ("0.1", {"own_learning_rate": 0.2}, 0.1),  # one that rises above what the optimizer was made with
        ("0.0", {"own_learning_rate": 0.2}, 0.1),
        ("0.0", {}, 1.0),  # nothing to scale by
    ],
)
def test_rates_that_the_script_sets_at_every_update_are_scaled_and_keep_their_shape(
    tmp_path: Path, record_fork: Callable[..., Done], made: str, settings: dict[str, float], factor: float
) -> None:
    done = record_fork(tmp_path, BY_HAND.replace("MADE", made), learning_rate=0.02, **settings)
    assert done.column("learning_rate") == pytest.approx([factor * rate for rate in OWN])
    assert done.facts["optimizers"][0]["reference_learning_rate"] == float(made)
    assert done.facts["optimizers"][0]["highest_learning_rate"] == 0.2


@pytest.mark.parametrize("made", ["0.0", "0.1", "0.2"])
def test_those_stay_at_their_peak(tmp_path: Path, record_fork: Callable[..., Done], made: str) -> None:
    steered = {"learning_rate": 0.02, "own_learning_rate": 0.2, "warmup_steps": 2, "post_warmup_constant": True}
    done = record_fork(tmp_path, BY_HAND.replace("MADE", made), **steered)
    assert done.column("learning_rate") == pytest.approx([0.0, 0.01] + [0.02] * 6)


def test_a_cycle_that_rises_from_its_base_is_held_against_its_peak(
    tmp_path: Path, record_fork: Callable[..., Done]
) -> None:
    script = PLAIN.replace("LinearLR(o, 1.0, 0.1, total_iters=9)", "CyclicLR(o, 0.02, 0.2, step_size_up=5)")
    done = record_fork(tmp_path, script, learning_rate=0.01, own_learning_rate=0.2)
    rates = [0.02 + 0.18 * (1 - abs(k - 5) / 5) for k in range(10)]
    assert done.column("learning_rate") == pytest.approx([0.05 * rate for rate in rates])


@pytest.mark.parametrize("made", ["0.0", "0.2"])
def test_a_rate_of_0_leaves_the_weights_as_they_are(
    tmp_path: Path, record_fork: Callable[..., Done], made: str
) -> None:
    done = record_fork(tmp_path, BY_HAND.replace("MADE", made).replace("range(8)", "range(N)").replace(
        "for k", "N = 8\nprint(json.dumps(m.weight.tolist()))\nfor k"), learning_rate=0.0)  # fmt: skip
    before, after = done.printed
    assert before == after
    assert done.column("learning_rate") == [0.0] * 8


def test_several_optimizers_and_groups_keep_their_ratio(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    made = """
a = torch.optim.SGD([m.weight], lr=0.1)
b = torch.optim.Adam([{"params": [m.bias], "lr": 0.004}], lr=9.0)
for _ in range(3):
    update(a, b)
"""
    done = record_fork(tmp_path, LOOP + made, learning_rate=0.05)
    assert done.column("learning_rate") == pytest.approx([0.05] * 3)
    assert done.column("learning_rate", 1) == pytest.approx([0.002] * 3)
    assert [of["reference_learning_rate"] for of in done.facts["optimizers"]] == [0.1, 0.004]


AGAIN = (
    LOOP
    + """
for epoch in range(4):
    o = torch.optim.SGD(m.parameters(), lr=0.2 * 0.5**epoch)
    for _ in range(3):
        update(o)
"""
)


def test_optimizers_that_are_made_anew_for_the_same_parameters_are_one(
    tmp_path: Path, record_fork: Callable[..., Done]
) -> None:
    done = record_fork(tmp_path, AGAIN, learning_rate=0.02, warmup_steps=5, max_updates=7)
    ramp = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    own = [0.02] * 3 + [0.01] * 3 + [0.005]
    assert done.column("learning_rate") == pytest.approx([w * r for w, r in zip(ramp, own, strict=True)])
    assert (done.code, done.facts["ended"]) == (STOPPED, "max_updates")
    (optimizer,) = done.facts["optimizers"]
    assert (optimizer["learning_rate"], optimizer["n_updates"]) == (0.2, 7)


@pytest.mark.parametrize(
    ("script", "limit", "holds"), [(PLAIN, 0.01, 0.01), (CLIPPING, 0.01, 0.01), (CLIPPING, 5.0, 1.0)]
)
def test_clipping_lowers_the_script_s_own_and_the_recorded_norm_is_the_one_before(
    tmp_path: Path, record_fork: Callable[..., Done], script: str, limit: float, holds: float
) -> None:
    done = record_fork(tmp_path, script, clip_norm=limit, max_updates=3)
    norms = done.column("grad_norm")
    assert all(norm is not None and norm > 1 for norm in norms)
    assert all(float(line.split()[1]) <= holds * 1.001 for line in done.stdout.splitlines()[:-1])
    assert [of.get("max_norm") for of in done.facts["clipping"]] == ([1.0] if script is CLIPPING else [])


def test_it_ends_after_the_last_update_and_loggers_may_write(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, PLAIN, max_updates=3)
    assert (done.code, len(done.rows()), done.facts["ended"]) == (STOPPED, 3, "max_updates")
    assert done.stdout.splitlines()[-1] == "written by a finally block"


def test_a_script_that_catches_everything_is_ended_at_its_next_update(
    tmp_path: Path, record_fork: Callable[..., Done]
) -> None:
    script = PLAIN.replace("        o.step(); s.step()", "        try: o.step()\n        except BaseException: pass")
    done = record_fork(tmp_path, script, max_updates=3)
    assert (done.code, len(done.rows())) == (STOPPED, 4)


def test_it_ends_at_a_value_that_is_not_finite(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    done = record_fork(tmp_path, PLAIN.replace("range(10)", "range(1000)"), learning_rate=1e6, stop_non_finite=True)
    last = done.rows()[-1]
    assert done.code == DIVERGED
    assert done.facts["ended"] == "non_finite"
    assert not all(math.isfinite(value) for value in (last["train_loss"], last["grad_norm"]) if value is not None)
    assert all(math.isfinite(row["train_loss"] or 0.0) for row in done.rows()[:-1])


def test_a_seed_is_an_offset_on_the_script_s_own(tmp_path: Path, record_fork: Callable[..., Done]) -> None:
    runs = []
    for name, seed in {"as_it_is": 0, "one": 1, "again": 1}.items():
        folder = tmp_path / name
        folder.mkdir()
        done = record_fork(folder, PLAIN, seed=seed, max_updates=2)
        runs.append((done.column("train_loss"), [line.split()[2] for line in done.stdout.splitlines()[:-1]]))
    as_it_is, one, again = runs
    assert one == again
    assert one[0] != as_it_is[0]
    assert one[1] != as_it_is[1]
    assert as_it_is[1] == [str(random.Random(3).random())]


UNSEEDED = """
import json, random
first = random.random()
import numpy, torch
from numpy.random import default_rng
print(json.dumps([first, random.random(), numpy.random.rand(), default_rng().random(), default_rng().random(),
                  torch.rand(1).item(), torch.nn.Linear(1, 1).weight.item(), default_rng(7).random()]))
random.seed(3); numpy.random.seed(4); torch.manual_seed(5)
print(json.dumps([random.random(), numpy.random.rand(), torch.rand(1).item()]))
"""


@pytest.mark.parametrize("how", ["fork", "new process"])
def test_what_the_script_seeds_nowhere_is_the_same_in_every_trial_of_a_seed(
    tmp_path: Path, record_fork: Callable[..., Done], how: str
) -> None:
    drawn, of_script = {}, set()
    for name, unseeded in {"0": 0, "0 again": 0, "1": 1, "chance": None, "chance again": None}.items():
        folder = tmp_path / name
        folder.mkdir()
        done = (record_fork if how == "fork" else record)(folder, UNSEEDED, unseeded=unseeded)
        drawn[name], seeded = done.printed
        of_script.add((drawn[name].pop(), *seeded))
    assert drawn["0"] == drawn["0 again"]
    # nothing else is alike but what a fork of a process that has imported torch has from it, by chance
    n_chance = 7 if how == "new process" else 5
    values = [of[:n_chance] for name, of in drawn.items() if name != "0 again"]
    assert len({value for of in values for value in of}) == 4 * n_chance
    own = random.Random(1000)
    assert drawn["1"][:3] == [own.random(), own.random(), np.random.RandomState(1000).rand()]
    # what has a seed of the script's has that one
    assert len(of_script) == 1
    assert next(iter(of_script))[:3] == (
        np.random.default_rng(7).random(),
        random.Random(3).random(),
        np.random.RandomState(4).rand(),
    )


@pytest.mark.parametrize(
    ("variables", "is_alike"),
    [
        ({"RANK": "1"}, False),
        ({"LOCAL_RANK": "1"}, False),
        ({"RANK": "", "SLURM_PROCID": "1"}, True),
        ({"RANK": "none"}, True),
        ({}, True),
    ],
    ids=str,
)
def test_a_rank_draws_what_no_other_does(tmp_path: Path, variables: dict[str, str], is_alike: bool) -> None:
    ranks = []
    for name, environment in {"first": {"RANK": "0"}, "other": variables}.items():
        folder = tmp_path / name
        folder.mkdir()
        script = "import random, numpy; print([random.random(), numpy.random.rand()])"
        ranks.append(record(folder, script, environment=environment, unseeded=2).printed)
    assert (ranks[0] == ranks[1]) is is_alike


LAUNCHER = """
import json, random, subprocess, sys
line = [sys.executable, "-c", "import json, random, numpy; print(json.dumps([random.random(), numpy.random.rand()]))"]
print(json.dumps([random.random(), *(json.loads(subprocess.check_output(line)) for _ in range(2))]))
"""


def test_processes_that_are_started_one_after_the_other_draw_the_same_each_time(tmp_path: Path) -> None:
    drawn = []
    for name in ("one", "again"):
        folder = tmp_path / name
        folder.mkdir()
        drawn += record(folder, LAUNCHER, unseeded=3).printed
    assert drawn[0] == drawn[1]
    own, first, second = drawn[0]
    assert len({own, *first, *second}) == 5


WORKERS = """
import multiprocessing, random, sys
import numpy

def draw(number):
    return [random.random(), numpy.random.default_rng().random()]

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        import json
        print(json.dumps(pool.map(draw, range(4), chunksize=2)))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_a_script_starts_for_itself_draw_by_chance(tmp_path: Path, method: str) -> None:
    (drawn,) = record(tmp_path, WORKERS, method, unseeded=0).printed
    # numpy.random is imported by each of them
    assert len({value for pair in drawn for value in pair}) == 8
