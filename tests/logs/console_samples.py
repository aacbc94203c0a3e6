"""Made-up lines in the exact shape of every console format, with the columns expected of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

_ = None
FILTER = {"nan_filter": True, "notes": ("steps that were skipped or nan are not in the logged mean",)}
INF = math.inf


@dataclass(frozen=True)
class Sample:
    format: str
    text: str
    columns: dict[str, list[Any]]
    """Those that must be there, "nan" standing for a logged nan; others may be."""
    facts: dict[str, Any] = field(default_factory=dict)


MEGATRON_NEW = """\
 > building the optimizer, learning rate: 0
 [2026-01-01 10:00:00.1] iteration       10/    1000 | consumed samples:         5120 | elapsed time per iteration (ms): 812.3 | learning rate: 1.000000E-05 | global batch size:   512 | lm loss: 9.500000E+00 | loss scale: 1.0 | grad norm: 2.500 | number of skipped iterations:   0 | number of nan iterations:   0 |
 [2026-01-01 10:01:00.1] iteration       20/    1000 | consumed samples:        10240 | elapsed time per iteration (ms): 810.9 | learning rate: 2.000000E-05 | global batch size:   512 | loss scale: 1.0 | grad norm: 7.125 | number of skipped iterations:   0 | number of nan iterations:   4 |
----------------------------------------------------------------------------------------------
 validation loss at iteration 20 on validation set | lm loss value: 8.250000E+00 | lm loss PPL: 3.827626E+03 |
----------------------------------------------------------------------------------------------
 [2026-01-01 10:02:00.1] iteration       30/    1000 | consumed samples:        15360 | elapsed time per iteration (ms): 811.0 | learning rate: 3.000000E-05 | global batch size:   512 | lm loss: 8.125000E+00 | loss scale: 1.0 | grad norm: 1.250 | number of skipped iterations:   1 | number of nan iterations:   0 |
"""  # noqa: E501

MEGATRON_OLD = """\
 iteration        1/    5000 | consumed samples: 8 | elapsed time per iteration (ms): 99.1 | learning rate: 1.000E-06 | global batch size: 8 | lm loss: 1.100000E+01 | loss scale: 65536.0 | grad norm: INF | number of skipped iterations: 1 | number of nan iterations: 0 |
 iteration        2/    5000 | consumed samples: 16 | elapsed time per iteration (ms): 98.7 | learning rate: 2.000E-06 | global batch size: 8 | lm loss: NAN | loss scale: 32768.0 | grad norm: NAN | number of skipped iterations: 0 | number of nan iterations: 1 |
 validation loss at iteration 2 | lm loss value: 1.050000E+01 | lm loss PPL: 3.6E+04 |
"""  # noqa: E501

TORCHTITAN = """\
[rank0]:[titan] 2026-01-01 00:00:01,001 - root - INFO - Training starts at step 1.
[rank1]:[titan] 2026-01-01 00:00:02,001 - root - INFO - \x1b[31mstep:  1  \x1b[32mloss: 12.25000  \x1b[38;2;180;60;0mgrad_norm:  4.5000  \x1b[35mmemory: 66.91GiB(37.51%)  tps: 1,050  tflops: 31.71  mfu: 1.99%\x1b[39m
[rank0]:[titan] 2026-01-01 00:00:02,001 - root - INFO - \x1b[31mstep:  1  \x1b[32mloss: 12.25000  \x1b[38;2;180;60;0mgrad_norm:  4.5000  \x1b[35mmemory: 66.91GiB(37.51%)  tps: 1,050  tflops: 31.71  mfu: 1.99%\x1b[39m
[rank0]:[titan] 2026-01-01 00:00:03,001 - root - INFO - step: 1,000  loss:     nan  grad_norm:     inf  memory: 66.91GiB(37.51%)  tps: 10,050  tflops: 314.71  mfu: 13.99%
[rank0]:[titan] 2026-01-01 00:00:04,001 - root - INFO - validate step: 1,000  loss:  7.50000  memory: 66.91GiB(37.51%)  tps: 9,050
"""  # noqa: E501

NANOTRON = """\
01/01/2026 00:00:01 [INFO|DP=0|PP=0|TP=0|host]: iteration: 1 / 100 | consumed_tokens: 131K | time_per_iteration_ms: 250 | tokens_per_sec: 524K | lm_loss: 11.2 | lr: 3e-05 | model_tflops_per_gpu: 12.3 | grad_norm: 2.5K
01/01/2026 00:00:02 [INFO|DP=0|PP=0|TP=0|host]: iteration: 10 / 100 | consumed_tokens: 1.31M | time_per_iteration_ms: 250 | tokens_per_sec: 524K | lm_loss: nan | lr: 0.0003 | model_tflops_per_gpu: 12.3 | grad_norm: 1.75
"""  # noqa: E501

LLMC = """\
+-----------------------+----------------------------------------------------+
| total batch size      | 524288                                             |
val loss 11.250000
step    1/19560 | loss 11.500000 (+nanz)| norm 15.2500 (+nanz)| lr 8.57e-07 | 812.44 ms | 37.7% bf16 MFU | 138391 tok/s
step    2/19560 | loss     nan (+nanz)| norm     inf (-0.50z)| lr 1.71e-06 | 810.20 ms | 37.7% bf16 MFU | 143790 tok/s
val loss 9.500000
step    3/19560 | loss 9.75
"""

LLMC_FILE = """\
s:0 tel:11.0000
s:0 trl:11.2500 lr:0.000001 norm:14.50
s:1 trl:-nan lr:0.000002 norm:-nan
s:1 eval:0.2500
"""

NANOGPT = """\
number of parameters: 123.59M
step 0: train loss 10.9000, val loss 10.8500
iter 0: loss 10.9500, time 24000.50ms, mfu -100.00%
iter 10: loss nan, time 250.25ms, mfu 31.20%
step 10: train loss 9.5000, val loss 9.6000
"""

MODDED = """\
import os
loss_scale = 3 # train_loss: not a line of the log
====================================================================================================
step:0/1750 val_loss:10.8000 train_time:0ms step_avg:nanms
step:1/1750 train_loss:10.5000 train_time:98ms step_avg:nanms
step:2/1750 train_time:196ms step_avg:98.00ms
step:3/1750 val_loss:inf train_time:300ms step_avg:99.00ms
"""

FAIRSEQ_JSON = """\
2026-01-01 00:00:01 | INFO | fairseq_cli.train | num. shared model params: 10
2026-01-01 00:00:02 | INFO | train_inner | {"epoch": 1, "update": 0.01, "loss": "16.5", "ppl": "92681", "num_updates": "100", "lr": "1.0e-05", "gnorm": "3.25", "loss_scale": "128"}
2026-01-01 00:00:03 | INFO | train_inner | {"epoch": 1, "update": 0.02, "loss": "nan", "ppl": "nan", "num_updates": "200", "lr": "2.0e-05", "gnorm": "inf", "loss_scale": "64"}
2026-01-01 00:00:04 | INFO | valid | {"epoch": 1, "valid_loss": "12.5", "valid_ppl": "5793", "valid_num_updates": "200"}
2026-01-01 00:00:05 | INFO | train | {"epoch": 1, "train_loss": "14.5", "train_num_updates": "200", "train_lr": "2.0e-05"}
"""  # noqa: E501

FAIRSEQ_SIMPLE = """\
2026-01-01 00:00:02 | INFO | train_inner | epoch 001:    100 / 5000 loss=16.5, ppl=92681, wps=1200, ups=2.5, num_updates=100, lr=1.25e-05, gnorm=3.25, wall=40
2026-01-01 00:00:03 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 12.5 | nll_loss 11.5 | ppl 2896 | wps 0 | num_updates 100
2026-01-01 00:00:04 | INFO | train | epoch 001 | loss 14.5 | nll_loss 14.25 | ppl 19483 | num_updates 100 | lr 1.25e-05 | gnorm 3.5
"""  # noqa: E501

COMPOSER_FILE = """\
[hyperparameter]: seed: 17
[epoch=0]: rank_zero_seed: 17
[metric][batch=0]: loss/train/total: 7.5
[metric][batch=0]: metrics/train/LanguageCrossEntropy: 7.25
[metric][batch=0]: lr-DecoupledAdamW/group0: 0.0
[metric][batch=1]: loss/train/total: nan
[metric][batch=1]: lr-DecoupledAdamW/group0: 6e-06
[metric][batch=1]: l2_norm/grad/global: inf
"""

COMPOSER_CONSOLE = """\
[batch=1/4800]:
\t Train time/epoch: 0
\t Train loss/train/total: 7.5000
\t Train lr-DecoupledAdamW/group0: 0.0001
[Eval batch=1/10] Eval on eval data
[batch=2/4800]:
\t Train time/epoch: 0
\t Train loss/train/total: 7.2500
\t Eval metrics/eval/LanguageCrossEntropy: 7.5000
"""

OLMO = """\
2026-01-01 00:00:01.001\thost:0\ttrain:98\tINFO\tTrainConfig(run_name='x', seed=6198, lr=0.1)
2026-01-01 00:00:02.001\thost:0\tolmo.train:990\tINFO\t[step=1/1000,epoch=0]
    optim/total_grad_norm=2.250
    train/CrossEntropyLoss=11.50
    throughput/total_tokens=4,194
    System/Peak GPU Memory (MB)=20,478
2026-01-01 00:00:03.001\thost:0\tolmo.train:990\tINFO\t[step=1,000/1000,epoch=0]
    optim/total_grad_norm=1,468
    train/CrossEntropyLoss=nan
2026-01-01 00:00:04.001\thost:0\tolmo.train:1000\tINFO\tc4_en-validation
    eval/c4_en-validation/CrossEntropyLoss=10.25
"""

HF_V4 = """\
Some weights were not initialized
  1%|          | 10/1000 [00:05<08:00,  2.00it/s]{'loss': 2.75, 'grad_norm': nan, 'learning_rate': 5e-05, 'epoch': 0.01}
{'eval_loss': 2.5, 'eval_runtime': 1.25, 'eval_samples_per_second': 80.0, 'epoch': 0.01}
{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 4.5e-05, 'epoch': 0.02}
{'train_runtime': 12.5, 'train_samples_per_second': 8.0, 'train_loss': 1.25, 'epoch': 0.02}
"""

HF_V5 = """\
{'loss': '2.75', 'grad_norm': '3.5', 'learning_rate': '5e-05', 'epoch': '0.125'}
{'loss': '2.5', 'grad_norm': 'inf', 'learning_rate': '4.5e-05', 'epoch': '0.25'}
"""

COQUI = """\
 > Training Environment:
 | > Num. of GPUs: 1
\x1b[1m > TRAINING (2026-01-01 01:08:02) \x1b[0m

\x1b[1m   --> TIME: 2026-01-01 01:08:34 -- STEP: 0/2490 -- GLOBAL_STEP: 0\x1b[0m
     | > loss: 5.5  (6.5)
     | > current_lr: 5e-06 \x20
     | > step_time: 0.2354  (0.2354)

\x1b[1m   --> TIME: 2026-01-01 01:08:38 -- STEP: 50/2490 -- GLOBAL_STEP: 50\x1b[0m
     | > loss: nan  (nan)
     | > current_lr: 5e-06 \x20

  \x1b[1m--> EVAL PERFORMANCE\x1b[0m
     | > avg_loss:\x1b[92m 2.75 \x1b[0m(-2.125)
"""

DEEPSPEED = """\
[2026-01-01 00:00:01,001] [INFO] [logging.py:128:log_dist] [Rank 0] step=10, skipped=1, lr=[0.0001, 0.0002], mom=[[0.9, 0.999], [0.9, 0.999]]
[2026-01-01 00:00:02,001] [INFO] [loss_scaler.py:190:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768
[2026-01-01 00:00:03,001] [INFO] [logging.py:128:log_dist] [Rank 0] step=20, skipped=2, lr=[0.0002, 0.0004], mom=[[0.9, 0.999], [0.9, 0.999]]
"""  # noqa: E501

SAMPLES = [
    Sample(
        "megatron", MEGATRON_NEW,
        {"iteration": [10, 20, 20, 30], "lm loss": [9.5, _, _, 8.125], "grad norm": [2.5, 7.125, _, 1.25],
         "lm loss validation": [_, _, 8.25, _], "number of nan iterations": [0, 4, _, 0],
         "learning rate": [1e-5, 2e-5, _, 3e-5]},
        {"averaged": 10, "nan_is_empty": True, **FILTER},
    ),
    Sample(
        "megatron", MEGATRON_OLD,
        {"iteration": [1, 2, 2], "lm loss": [11, "nan", _], "grad norm": [INF, "nan", _],
         "loss scale": [65536, 32768, _], "number of skipped iterations": [1, 0, _],
         "lm loss validation": [_, _, 10.5]},
        {**FILTER},
    ),
    Sample(
        "torchtitan", TORCHTITAN,
        {"step": [1, 1000, 1000], "loss": [12.25, "nan", _], "grad_norm": [4.5, INF, _], "val_loss": [_, _, 7.5]},
    ),
    Sample(
        "nanotron", NANOTRON,
        {"iteration": [1, 10], "lm_loss": [11.2, "nan"], "grad_norm": [2500, 1.75], "lr": [3e-5, 3e-4],
         "consumed_tokens": [131e3, 1.31e6]},
        {"significant_digits": 3},
    ),
    Sample(
        "llm.c", LLMC,
        {"step": [0, 1, 2, 2], "loss": [_, 11.5, "nan", _], "norm": [_, 15.25, INF, _], "lr": [_, 8.57e-7, 1.71e-6, _],
         "val loss": [11.25, _, _, 9.5]},
    ),
    Sample(
        "llm.c-main", LLMC_FILE,
        {"s": [0, 0, 1, 1], "trl": [_, 11.25, "nan", _], "lr": [_, 1e-6, 2e-6, _], "norm": [_, 14.5, "nan", _],
         "tel": [11, _, _, _], "eval": [_, _, _, 0.25]},
    ),
    Sample(
        "nanogpt", NANOGPT,
        {"iter": [0, 0, 10, 10], "loss": [_, 10.95, "nan", _], "train loss": [10.9, _, _, 9.5],
         "val loss": [10.85, _, _, 9.6]},
    ),
    Sample(
        "modded-nanogpt", MODDED,
        {"step": [0, 1, 2, 3], "train_loss": [_, 10.5, _, _], "val_loss": [10.8, _, _, INF]},
    ),
    Sample(
        "fairseq", FAIRSEQ_JSON,
        {"num_updates": [100, 200, 200, 200], "loss": [16.5, "nan", _, _], "gnorm": [3.25, INF, _, _],
         "lr": [1e-5, 2e-5, _, _], "valid_loss": [_, _, 12.5, _], "train_epoch_loss": [_, _, _, 14.5]},
        {"averaged": "interval", "loss_unit": "bits"},
    ),
    Sample(
        "fairseq", FAIRSEQ_SIMPLE,
        {"num_updates": [100, 100, 100], "epoch": [1, 1, 1], "loss": [16.5, _, _], "gnorm": [3.25, _, _],
         "valid_loss": [_, 12.5, _], "valid_nll_loss": [_, 11.5, _], "train_epoch_loss": [_, _, 14.5]},
        {"averaged": "interval", "loss_unit": "bits"},
    ),
    Sample(
        "composer", COMPOSER_FILE,
        {"batch": [0, 1], "loss/train/total": [7.5, "nan"], "lr-DecoupledAdamW/group0": [0, 6e-6],
         "l2_norm/grad/global": [_, INF]},
    ),
    Sample(
        "composer", COMPOSER_CONSOLE,
        {"batch": [1, 2], "loss/train/total": [7.5, 7.25], "metrics/eval/LanguageCrossEntropy": [_, 7.5]},
    ),
    Sample(
        "olmo", OLMO,
        {"step": [1, 1000], "optim/total_grad_norm": [2.25, 1468], "train/CrossEntropyLoss": [11.5, "nan"],
         "eval/c4_en-validation/CrossEntropyLoss": [_, 10.25]},
    ),
    Sample(
        "hf-console", HF_V4,
        {"epoch": [0.01, 0.01, 0.02], "loss": [2.75, _, 0], "grad_norm": ["nan", _, "nan"], "eval_loss": [_, 2.5, _],
         "learning_rate": [5e-5, _, 4.5e-5]},
    ),
    Sample(
        "hf-console", HF_V5,
        {"epoch": [0.125, 0.25], "loss": [2.75, 2.5], "grad_norm": [3.5, INF], "learning_rate": [5e-5, 4.5e-5]},
    ),
    Sample(
        "coqui", COQUI,
        {"global_step": [0, 50, 50], "loss": [5.5, "nan", _], "current_lr": [5e-6, 5e-6, _], "val_loss": [_, _, 2.75]},
    ),
    Sample(
        "deepspeed", DEEPSPEED,
        {"step": [10, _, 20], "skipped": [1, _, 2], "lr": [1e-4, _, 2e-4], "loss_scale": [_, 32768, _]},
    ),
]  # fmt: skip
