# ruff: noqa: E501  # lines as the tools print them
"""What counts the updates: bars, brackets, epochs from 0 and from 1, examples; each log beside the CSV of the same run."""

from __future__ import annotations

import pytest
from log_samples import Read, simple, walk

N = 300
LOSS = walk(N)


def epochs(line: str, first: int, per_epoch: int = 100, start: int = 1) -> str:
    """A line for every loss; `{e}` the epoch, `{i}` the count within it, `{n}` that through the run, `{v}` the loss."""
    return "".join(
        line.format(e=first + k // per_epoch, i=start + k % per_epoch, n=start + k, v=v, p=k % per_epoch)
        for k, v in enumerate(LOSS)
    )


COUNTED = {
    "mmcv, epochs from 1": epochs("2026-01-01 10:00:00,100 - mmdet - INFO - Epoch [{e}][{i}/100]\tlr: 0.1, loss: {v}\n", 1),
    "mmengine": epochs("2026/01/01 10:00:00 - mmengine - INFO - Epoch(train)  [{e}][ {i}/100]  lr: 0.1  loss: {v}\n", 1),
    "epochs from 0": epochs("Epoch: [{e}][ {i}/100]\tTime 0.3 (0.3)\tLoss {v} (7.0e+00)\n", 0),
    "word language model": epochs("| epoch   {e} | {i:5d}/  100 batches | lr 20.00 | loss {v} | ppl 9.5\n", 1),
    "a bar in an epoch": epochs("\rEpoch {e}:  {p}%|#  | {i}/100 [00:01<00:20, 9.5it/s, loss={v}]", 0) + "\n",
    "a bar through the run": epochs("\rSteps:  1%|#  | {n}/15000 [02:00<18:00, 1.3it/s, lr=1e-5, step_loss={v}]", 0) + "\n",
    "a bar drawn twice": epochs(
        "\rTraining:  1%|#  | {n}/300 [00:01<00:20, 9.5it/s, loss=9]\rTraining:  1%|#  | {n}/300 [00:01<00:20, 9.5it/s, loss={v}]", 0
    )
    + "\n",
    "a bar of epochs above": "".join(
        f"Epochs:  {e}%|#  | {e}/3 [00:01<00:20, 5.0s/it]\n"
        + "".join(f"\rIteration:  {i}%|#  | {i + 1}/100 [00:01<00:20, 5it/s, loss={LOSS[100 * e + i]}]" for i in range(100))
        + "\n"
        for e in range(3)
    ),
    "Keras": "".join(
        f"Epoch {e + 1}/3\n"
        + "".join(f"\r{i + 1}/100 [===>......] - ETA: 0s - loss: {LOSS[100 * e + i]}" for i in range(100))
        + f"\r100/100 [==========] - 3s 3ms/step - loss: {LOSS[100 * e + 99]} - val_loss: 2.5\n"
        for e in range(3)
    ),
    "Paddle, with evaluations": "".join(
        f"Epoch {e + 1}/3\n"
        + "".join(f"step {i + 1:3d}/100 - loss: {LOSS[100 * e + i]} - 130ms/step\n" for i in range(100))
        + "Eval begin...\n"
        + "".join(f"step {i + 1:2d}/20 - loss: 0.25 - 90ms/step\n" for i in range(20))
        for e in range(3)
    ),
    "MXNet": epochs("Epoch[{e}] Batch [{i}]\tSpeed: 36.22 samples/sec\tTrain-cross-entropy={v}\n", 0),
    "YOLOv3": epochs("[Epoch {e}/3, Batch {i}/100] [Losses: x 0.27, y 0.25, total {v}, recall: 0.0, precision: 0.0]\n", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_every_update_is_counted_from_the_first_epoch_on(read: Read, name: str) -> None:
    (twin,) = read(simple(LOSS, range(1, N + 1)))
    (run,) = read(COUNTED[name], "run.log")
    assert run.train_loss == twin.train_loss
    assert run.provenance["x"] == "step"


def mnist(batch: int, interval: int, total: int, n_epochs: int = 3) -> tuple[str, list[int]]:
    """What PyTorch's example prints, and the updates that the lines stand for."""
    per_epoch = -(-total // batch)
    lines, steps = [], []
    for k in range(n_epochs * per_epoch):
        epoch, i = divmod(k, per_epoch)
        if i % interval:
            continue
        examples = batch if i < per_epoch - 1 or not total % batch else total % batch
        share = f"{100 * i / per_epoch:.0f}%"
        lines.append(f"Train Epoch: {epoch + 1} [{i * examples}/{total} ({share})]\tLoss: {LOSS[len(lines) % N]:.6f}\n")
        steps.append(k)
    return "".join(lines), steps


@pytest.mark.parametrize(
    ("batch", "interval", "total"), [(64, 1, 1500), (64, 10, 60000), (128, 10, 60000), (32, 100, 50000), (100, 1, 3000)]
)
def test_examples_are_no_updates(read: Read, batch: int, interval: int, total: int) -> None:
    text, steps = mnist(batch, interval, total)
    (run,) = read(text, "mnist.log")
    assert run.train_loss.step.tolist() == steps
    assert any(f"batches of {batch}: {interval} updates" in note for note in run.provenance["notes"])


def test_a_batch_size_that_the_log_names_is_believed(read: Read) -> None:
    text, steps = mnist(20, 50, 60000)
    (run,) = read("batch_size: 20\n" + text, "mnist.log")
    assert run.train_loss.step.tolist() == steps


AT = {
    "loss at": "2026-01-01 10:00:00.091 | INFO | __main__:main:1 - loss at {s} {v}\n",
    "average loss at step": "Average loss at step {s} :  {v}\n",
    "cost after iteration": "Cost after iteration {s}: {v}\n",
    "loss after steps": "Training loss after {s} steps: {v}\n",
}


@pytest.mark.parametrize("line", AT.values(), ids=AT)
def test_a_step_between_the_name_and_the_value(read: Read, line: str) -> None:
    (twin,) = read(simple(LOSS, range(0, 10 * N, 10)))
    (run,) = read("".join(line.format(s=10 * k, v=v) for k, v in enumerate(LOSS)), "run.log")
    assert run.train_loss == twin.train_loss


def test_numbered_losses_of_a_line_are_no_steps(read: Read) -> None:
    (run,) = read("".join(f"step {k} loss 1: {v} loss 2: 0.5 total loss: {v}\n" for k, v in enumerate(LOSS)), "run.log")
    assert run.train_loss.step.tolist() == list(range(N))
    assert run.provenance["columns"]["train_loss"] == "total loss"


def test_a_name_and_its_value_before_a_colon(read: Read) -> None:
    text = "".join(f"2026-01-01 10:00:00,490 - INFO - occupancy_loss {v}:\n" for v in LOSS)
    (run,) = read(text, "run.log")
    assert run.train_loss.value.tolist() == LOSS


@pytest.mark.parametrize("name", ["LearningRate", "Learning rate", "lr", "LR", "learning_rate"])
def test_a_learning_rate_without_a_colon(read: Read, name: str) -> None:
    (run,) = read("".join(f"step {k} loss {v} {name} {0.001 * (k % 3)}\n" for k, v in enumerate(LOSS)), "run.log")
    assert run.curve("learning_rate").value.tolist() == [0.001 * (k % 3) for k in range(N)]


def test_training_goes_on_below_an_evaluation(read: Read) -> None:
    lines = [
        f"step {k} loss {v}\n" + ("Evaluating...\nloss 0.25\n" if k % 100 == 99 else "") for k, v in enumerate(LOSS)
    ]
    (run,) = read("".join(lines), "run.log")
    assert run.train_loss.value.tolist() == LOSS
    assert run.val_loss.step.tolist() == [99, 199, 299]


def test_rows_within_an_epoch_are_counted(read: Read) -> None:
    (run,) = read("".join(f"Epoch {1 + k // 100} Loss {v} Accuracy 0.5\n" for k, v in enumerate(LOSS)), "run.log")
    (table,) = read("epoch,loss\n" + "".join(f"{1 + k // 100},{v}\n" for k, v in enumerate(LOSS)))
    assert run.train_loss.value.tolist() == table.train_loss.value.tolist() == LOSS
    assert run.provenance["x"] == table.provenance["x"] == "row"


def test_epochs_that_begin_again_are_another_run(read: Read) -> None:
    once = "".join(f"Epoch {1 + k // 100} Loss {v}\n" for k, v in enumerate(LOSS))
    first, second = read(once + once, "run.log")
    assert first.train_loss == second.train_loss
