"""Boxes, CycleGAN's lines and build-nanogpt's, each beside the CSV of the same run."""

from __future__ import annotations

import pytest
from log_samples import Read, simple, walk

N = 60
LOSS = walk(N)
STEP = [2048 * (k + 1) for k in range(N)]


def stable_baselines(k: int) -> str:
    return (
        "------------------------------------------\n"
        "| rollout/                |              |\n"
        "|    ep_rew_mean          | -1.2e+03     |\n"
        "| time/                   |              |\n"
        f"|    iterations           | {k:<12} |\n"
        f"|    total_timesteps      | {STEP[k]:<12} |\n"
        "| train/                  |              |\n"
        "|    approx_kl            | 0.01         |\n"
        "|    learning_rate        | 0.0003       |\n"
        f"|    loss                 | {LOSS[k]:<12} |\n"
        "|    value_loss           | 60           |\n"
        "------------------------------------------\n"
    )


def baselines(k: int) -> str:
    return (
        "--------------------------------------\n"
        "| policy_entropy     | 1.38          |\n"
        "| policy_loss        | -0.0003       |\n"
        f"| total_timesteps    | {STEP[k]:<13} |\n"
        f"| value_loss         | {LOSS[k]:<13} |\n"
        "--------------------------------------\n"
    )


def spinning_up(k: int) -> str:
    return (
        "---------------------------------------\n"
        f"|             Epoch | {k:>15} |\n"
        f"| TotalEnvInteracts | {STEP[k]:>15} |\n"
        "|            LossPi |       -2.31e-08 |\n"
        f"|             LossV | {LOSS[k]:>15} |\n"
        "---------------------------------------\n"
    )


BOXES = {
    "Stable-Baselines3": (stable_baselines, "train/loss"),
    "baselines": (baselines, "value_loss"),
    "Spinning Up": (spinning_up, "LossV"),
}


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("before", ["", "Using cpu device\nWrapping the env in a DummyVecEnv.\n"])
def test_every_box_is_a_row(read: Read, name: str, before: str) -> None:
    box, loss = BOXES[name]
    (twin,) = read(simple(LOSS, STEP))
    (run,) = read(before + "".join(map(box, range(N))), "run.log")
    assert run.train_loss == twin.train_loss
    assert run.provenance["columns"]["train_loss"] == loss
    assert run.provenance["x"] == "samples"


def test_a_table_of_rows_between_bars_is_no_box(read: Read) -> None:
    (run,) = read("| step | loss |\n" + "".join(f"| {k} | {v} |\n" for k, v in enumerate(LOSS)))
    assert run.provenance["format"] == "csv"
    assert run.train_loss.value.tolist() == LOSS


def test_cyclegan_minimises_the_sum_of_what_is_not_the_discriminators(read: Read) -> None:
    head = "================ Training Loss (Mon Jan  5 10:00:00 2026) ================\n"
    line = "(epoch: {e}, iters: {i}, time: 0.334, data: 0.702) D_A: 0.2 G_A: 0.5 cycle_A: {v} idt_A: 1 \n"
    text = "".join(line.format(e=1 + k // 10, i=100 * (1 + k % 10), v=v) for k, v in enumerate(LOSS))
    (run,) = read(head + text, "loss_log.txt")
    assert run.train_loss.step.tolist() == [100 * (k + 1) for k in range(N)]
    assert run.train_loss.value.tolist() == pytest.approx([v + 1.5 for v in LOSS])
    assert run.provenance["columns"]["train_loss"] == "loss_G_A + loss_cycle_A + loss_idt_A"


def test_build_nanogpt(read: Read) -> None:
    text = "0 val 10.9522\n0 hella 0.2487\n" + "".join(f"{k} train {v}\n" for k, v in enumerate(LOSS)) + "59 val 5.9\n"
    (run,) = read(text, "log.txt")
    assert run.train_loss.value.tolist() == LOSS
    assert (run.val_loss.step.tolist(), run.val_loss.value.tolist()) == ([0, 59], [10.9522, 5.9])
