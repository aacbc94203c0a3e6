"""The labelled zoo: its labels cover its grid, its halves are alike, its fresh part is varied, and its specs train."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
import torch

from benchmarks.trials.curves import trial_of, workload_of
from benchmarks.trials.fresh import gamma
from benchmarks.trials.labels import LABELS, UNSTABLE, read_labels, read_verdicts
from benchmarks.trials.trivial import LEVELS, trivial_level
from benchmarks.trials.workloads import BY_NAME, FRESH, FRESH_2, SEEDS, ZOO, Workload, split_counts
from lrdoctor.training.loop import Row, train


def test_the_labels_cover_the_grid_exactly() -> None:
    grid = {(w.name, rate, seed) for w in ZOO for rate in w.rates for seed in SEEDS}
    assert set(read_labels()) == grid


def test_few_curves_are_unclear_and_every_one_says_why() -> None:
    labels = read_labels()
    assert sum(truth.label == "unclear" for truth in labels.values()) < 0.07 * len(labels)
    assert all(truth.basis for truth in labels.values())


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("workload,rate,seed,label,also,basis\nnet,0.1,0,splendid,,looks well\n")
    with pytest.raises(ValueError, match=r"'splendid', expected one of stable"):
        read_labels(path)


HELD_OUT = """
    student_t_target outlier_targets label_noise_batch_2 long_tail_weighted softmax_regression
    batchnorm_conv prenorm_transformer vae_sines contrastive_views matrix_factors finetuned_outliers
    finetuned_digits_momentum postnorm_characters deep_conv_large_init narrow_relu_blobs
    dead_output_counts lstm_majority conv_adam_no_norm log_of_zero growing_noise detached_output
    inner_optimizer unseeded_weights
"""


def test_no_workload_moves_to_the_other_half() -> None:
    """What was held out stays so, whatever is added to the zoo."""
    assert {w.name for w in ZOO if w.half == "held_out"} >= set(HELD_OUT.split())
    assert len(HELD_OUT.split()) == 23


def test_the_halves_are_alike() -> None:
    """Every kind lies in both, as evenly as its number allows."""
    counts = split_counts()
    for kind in {w.kind for w in ZOO}:
        assert counts[kind, "developed"] > 0
        assert abs(counts[kind, "developed"] - counts[kind, "held_out"]) <= 1


def test_the_fresh_parts_are_no_halves() -> None:
    """What is in them moves no older workload, and they have each of the kinds they were written for."""
    assert [w.name for w in ZOO if w.half == "fresh"] == [w.name for w in FRESH]
    assert [w.name for w in ZOO if w.half == "fresh2"] == [w.name for w in FRESH_2]
    assert ZOO[-len(FRESH + FRESH_2) :] == FRESH + FRESH_2
    counts = Counter(w.kind for w in FRESH)
    assert counts == {"noise": 3, "healthy": 4, "collapse": 3, "not_the_rate": 2}
    counts = Counter(w.kind for w in FRESH_2)
    assert counts == {"noise": 4, "healthy": 10, "collapse": 5, "not_the_rate": 1}


@pytest.mark.parametrize("label", sorted(set(LABELS) - {"unclear"}))
def test_every_part_has_every_kind_of_curve(label: str) -> None:
    halves = {BY_NAME[name].half for (name, _, _), truth in read_labels().items() if truth.label == label}
    assert halves == {"developed", "held_out", "fresh", "fresh2"}


def test_the_verdicts_cover_the_zoo_and_agree_with_the_labels() -> None:
    """Most seeds are unstable at the upper end of the range of the unstable rate, and none below the lower end."""
    verdicts, labels = read_verdicts(), read_labels()
    assert list(verdicts) == [w.name for w in ZOO]
    for name, expected in verdicts.items():
        assert expected.right
        assert not set(expected.right) & set(expected.acceptable)
        if expected.unstable_rate is None:
            own = [truth for (of, _, _), truth in labels.items() if of == name]
            assert expected.right == ("inconclusive",) or not any(truth.label in UNSTABLE for truth in own)
            continue
        low, high = expected.unstable_rate
        assert sum(labels[name, high, seed].label in UNSTABLE for seed in SEEDS) >= 2
        below = [truth for (of, rate, _), truth in labels.items() if of == name and rate <= low]
        assert not any(truth.label in UNSTABLE for truth in below)


def test_the_zoo_is_as_varied_as_it_says() -> None:
    counts = {kind: sum(w.kind == kind for w in ZOO) for kind in {w.kind for w in ZOO}}
    assert counts["noise"] + counts["healthy"] + counts["finetuning"] >= 12
    assert counts["collapse"] >= 6
    assert counts["not_the_rate"] >= 4
    named = {w.optimizer.get("name") for w in ZOO}
    assert {"sgd", "momentum", "adam", "adamw", "rmsprop"} <= named


@pytest.mark.parametrize("entry", ZOO, ids=lambda w: w.name)
def test_a_spec_of_the_zoo_trains(entry: Workload, tmp_path: Path) -> None:
    """Three steps at the lowest rate, with an evaluation after the last."""
    workload, optimizer = workload_of(entry, tmp_path)
    trial = trial_of(entry, optimizer, entry.rates[0], seed=0, n_steps=3)
    rows: list[Row] = []
    assert train(workload, trial, rows.extend, lambda: False).status == "completed"
    assert len(rows) == 3
    assert all(math.isfinite(row.train_loss) for row in rows)
    assert rows[-1].val_loss is not None


@pytest.mark.parametrize(
    ("name", "level"),
    [
        # digits are nearly evenly shared out; a wrong sign or a missing class would show
        ("batchnorm_conv", math.log(10)),
        ("contrastive_views", math.log(32)),
        ("unrelated_labels", math.log(6)),
        ("tabular_embeddings", math.log(2)),
    ],
)
def test_the_trivial_level(name: str, level: float) -> None:
    assert trivial_level(BY_NAME[name]) == pytest.approx(level, rel=0.02)


def test_the_level_of_several_labels_is_the_mean_of_their_entropies() -> None:
    """One label in half of the samples, one in a quarter."""
    labels = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert float(LEVELS["label_entropies"](labels)) == pytest.approx((math.log(2) + quarter) / 2)


def test_no_constant_loses_less_than_the_level_of_gamma_targets() -> None:
    """The loss is least at the log of the mean, which is 2 here."""
    targets = torch.tensor([[0.5], [1.0], [4.5]])
    losses = {x: float(gamma(torch.full_like(targets, x), targets)) for x in (0.5, math.log(2), 0.9)}
    assert min(losses, key=lambda x: losses[x]) == math.log(2)
    assert float(LEVELS["gamma"](targets)) == pytest.approx(losses[math.log(2)])
