from __future__ import annotations

import math

import pytest
from structured_samples import columns, reader_of, text_source

CASES = {
    "equals": (
        "INFO:Epoch 1: Train Loss=0.5, Val Loss=0.25\nINFO:Epoch 2: Train Loss=nan, Val Loss=inf\n",
        {"Epoch": [1, 2], "Train Loss": [0.5, "nan"], "Val Loss": [0.25, math.inf]},
    ),
    "colons and bars": (
        "2026-01-01 10:00:00,123 - a.b - INFO - Step 50 | Loss: 0.5 | LR: 1.00e-04\n"
        "2026-01-01 10:00:01,123 - a.b - INFO - Step 100 | Loss: 0.25 | LR: 1.00e-04\n",
        {"Step": [50, 100], "Loss": [0.5, 0.25], "LR": [0.0001, 0.0001]},
    ),
    "fraction of epochs": (
        "Epoch 1/35, Train Loss: 0.5, Test Acc: 57.66%\nEpoch 2/35, Train Loss: 0.25, Test Acc: 60%\n",
        {"Epoch": [1, 2], "Train Loss": [0.5, 0.25], "Test Acc": [57.66, 60]},
    ),
    "only blanks": (
        "step 1 loss 0.5 lr 0.1\nstep 2 loss 0.25 lr 0.1\n",
        {"step": [1, 2], "loss": [0.5, 0.25], "lr": [0.1, 0.1]},
    ),
    "brackets": (
        "[Epoch 3] [Batch 1/938] [D loss: 0.5] [G loss: 0.75]\n[Epoch 3] [Batch 2/938] [D loss: 0.25] [G loss: -1]\n",
        {"Epoch": [3, 3], "Batch": [1, 2], "D loss": [0.5, 0.25], "G loss": [0.75, -1]},
    ),
    "tensors": (
        "step: 1 loss: tensor(3.5, device='cuda:0', grad_fn=<NllLossBackward0>)\nstep: 2 loss: tensor(nan)\n",
        {"step": [1, 2], "loss": [3.5, "nan"]},
    ),
    "thousands and suffixes": (
        "iteration: 1,000 loss: 1,234.5 tokens: 1.5M\niteration: 2,000 loss: 10 tokens: 3M\n",
        {"iteration": [1000, 2000], "loss": [1234.5, 10], "tokens": [1500000.0, 3000000.0]},
    ),
    "train and validation lines": (
        "step 1 train: loss=0.5\nstep 1 val: loss=0.75\nstep 2 train: loss=0.25\n",
        {"step": [1, 1, 2], "loss": [0.5, None, 0.25], "val_loss": [None, 0.75, None]},
    ),
    "train and validation on a line": (
        "Epoch 1 Train - loss: 0.5 | Valid - loss: 0.75\nEpoch 2 Train - loss: 0.25 | Valid - loss: 1\n",
        {"loss": [0.5, 0.25], "val_loss": [0.75, 1]},
    ),
    "a line without a step": (
        "Step 5: loss: 0.5\nValidation loss: 0.75\nStep 10: loss: 0.25\n",
        {"Step": [5, 5, 10], "loss": [0.5, None, 0.25], "Validation loss": [None, 0.75, None]},
    ),
    "batches within epochs": (
        "Epoch: [0][ 10/500]\tTime  0.3 ( 0.5)\tLoss 6.5e+00 (7.0e+00)\n"
        "Epoch: [2][ 10/500]\tTime  0.3 ( 0.5)\tLoss 5.5e+00 (7.0e+00)\n",
        {"Epoch": [0, 2], "step": [10, 1010], "Loss": [6.5, 5.5]},
    ),
    "samples within epochs": (
        "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.5\nTrain Epoch: 1 [640/60000 (1%)]\tLoss: 2.25\n"
        "Test set: Average loss: 0.5, Accuracy: 9837/10000 (98%)\n",
        {"Epoch": [1, 1, 1], "step": [0, 10, 10], "Loss": [2.5, 2.25, None]},
    ),
    "timm": (
        "Train: 0 [  50/100 ( 50%)]  Loss: 6.5 (6.75)  LR: 1.000e-05\n"
        "Train: 1 [  50/100 ( 50%)]  Loss: 6.25 (6.75)  LR: 1.000e-05\nTest: [  10/40]  Loss: 6.0 (6.5)\n",
        {"step": [50, 150, 150], "Loss": [6.5, 6.25, None], "test_Loss": [None, None, 6]},
    ),
    "MMEngine's console": (
        "2026/01/01 10:00:00 - mmengine - INFO - Epoch(train)  [1][  50/100]  lr: 1.5e-03  loss: 4.5  loss_cls: 3.5\n"
        "2026/01/01 10:00:01 - mmengine - INFO - Epoch(train)  [1][ 100/100]  lr: 1.5e-03  loss: 4.25\n"
        "2026/01/01 10:00:02 - mmengine - INFO - Epoch(val) [1][10/10]    loss: 4.75\n",
        {"Epoch": [1, 1, 1], "step": [50, 100, 100], "loss": [4.5, 4.25, None], "val_loss": [None, None, 4.75]},
    ),
    "PyTorch's word language model": (
        "| epoch   1 |   200/ 2983 batches | lr 20.00 | ms/batch 12.1 | loss  7.50 | ppl  1808.04\n"
        "| epoch   1 |   400/ 2983 batches | lr 20.00 | ms/batch 12.1 | loss  6.50 | ppl   665.14\n",
        {"epoch": [1, 1], "step": [200, 400], "lr": [20, 20], "loss": [7.5, 6.5]},
    ),
    "a comma after the step": (
        "[INFO] step 10, loss=0.25 (avg 0.30), eta 1:20:30\n[INFO] step 20, loss=0.5 (avg 0.30), eta 1:20:30\n",
        {"step": [10, 20], "loss": [0.25, 0.5]},
    ),
    "a progress bar": (
        "Epoch 1:  10%|#  | 10/100 [00:01<00:10, 9.5it/s, loss=2.5, v_num=0]\r"
        "Epoch 1:  20%|## | 20/100 [00:02<00:09, 9.5it/s, loss=2.25, v_num=0]\n",
        {"Epoch": [1, 1], "step": [10, 20], "loss": [2.5, 2.25]},
    ),
    "quoted keys": (
        'log: {"step": 1, "loss": 0.5}\nlog: {"step": 2, "loss": NaN}\n',
        {"step": [1, 2], "loss": [0.5, "nan"]},
    ),
    "spellings": (
        "step=1 loss=-inf\nstep=2 loss=Infinity\nstep=3 loss=NaN\nstep=4 loss=-NAN\n",
        {"loss": [-math.inf, math.inf, "nan", "nan"]},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_read(case) -> None:
    text, expected = case
    reader = reader_of(text_source(text))
    assert reader is not None
    assert reader.NAME == "text"
    (table,) = reader.read(text_source(text))
    found = columns(table)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no loss here, 12 of 13\n",
        "The loss was 0.5 in the end.\n",
        "loss_scale: 1\nloss_scale: 2\n",
        "step,loss\n1,0.5\n2,0.25\n",
        "loss_fn: 3\nloss_weight: 4\n",
    ],
)
def test_what_is_no_log(text) -> None:
    assert reader_of(text_source(text)) is None


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [("步 step 1 loss: 0.5\n步 step 2 loss: 0.25\n", one) for one in ("utf-8", "utf-8-sig", "utf-16", "gbk")],
)
def test_encodings(raw, encoding) -> None:
    source = text_source(raw.encode(encoding))
    (table,) = reader_of(source).read(source)
    assert columns(table)["loss"] == [0.5, 0.25]


def test_a_log_after_a_long_preamble_is_found() -> None:
    text = "2026-01-01 10:00:00,123 - INFO - downloading a file\n" * 3000 + "step 1 loss: 0.5\nstep 2 loss: 0.25\n"
    assert reader_of(text_source(text)).NAME == "text"
