"""What a table can be shaped like: fixtures in the exact shape that each tool writes, with invented numbers."""

from __future__ import annotations

import math

import pytest
from log_samples import Read, simple, table

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError


def points(run: Run, name: str = "train_loss") -> list[tuple[int, float]]:
    curve = run.curve(name)
    return list(zip(curve.step.tolist(), curve.value.tolist(), strict=True))


LIGHTNING = """epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_loss
,0.001,49,,,
0,,49,,2.5,
,0.0009,99,,,
0,,99,,2.25,
0,,109,,,2.125
0,,109,2.375,,
,0.0008,149,,,
1,,149,,2.0,
"""


def test_lightning_writes_a_step_in_several_rows(read: Read) -> None:
    (run,) = read(LIGHTNING)
    assert points(run) == [(49, 2.5), (99, 2.25), (149, 2.0)]
    assert points(run, "learning_rate") == [(49, 0.001), (99, 0.0009), (149, 0.0008)]
    assert points(run, "val_loss") == [(109, 2.125)]
    assert points(run, "train_loss_epoch") == [(109, 2.375)]
    assert "averaged" not in run.provenance
    assert run.provenance["step_gap"] == 50


def test_lightning_with_epoch_means_alone_says_so(read: Read) -> None:
    (run,) = read("epoch,step,train_loss_epoch,val_loss\n0,9,2.5,\n0,9,,2.6\n1,19,2.25,\n1,19,,2.4\n")
    assert points(run) == [(9, 2.5), (19, 2.25)]
    assert run.provenance["averaged"] == "epoch"


PER_EPOCH = {
    "Keras": ("epoch,accuracy,loss,val_accuracy,val_loss", "{e},0.5,{t},0.4,{v}", 0),
    "fastai": ("epoch,train_loss,valid_loss,accuracy,time", "{e},{t},{v},0.5,00:12", 0),
    "timm": ("epoch,train_loss,eval_loss,eval_top1,lr", "{e},{t},{v},50.5,0.1", 0),
    "own script": ("Epoch,Train Loss,Test Loss", "{e},{t},{v}", 1),
}


@pytest.mark.parametrize("tool", PER_EPOCH)
def test_logs_of_epochs(read: Read, tool: str) -> None:
    header, line, first = PER_EPOCH[tool]
    train, val = [2.5, 2.25, 2.0, 1.875], [2.75, 2.5, 2.375, 2.25]
    lines = [line.format(e=first + k, t=t, v=v) for k, (t, v) in enumerate(zip(train, val, strict=True))]
    (run,) = read("\n".join([header, *lines]) + "\n")
    assert points(run) == list(enumerate(train, first))
    assert points(run, "val_loss") == list(enumerate(val, first))
    assert (run.provenance["averaged"], run.provenance["x"]) == ("epoch", "epoch")


ULTRALYTICS = """   epoch,   time,  train/box_loss, train/cls_loss,  train/dfl_loss, metrics/mAP50(B),  val/box_loss,   val/cls_loss,   val/dfl_loss,         lr/pg0,         lr/pg1
       1,   10.5,            1.5,            2.5,             1.0,              0.1,           1.75,            2.0,            1.25,          0.001,          0.001
       2,   20.5,           1.25,            2.0,            0.75,              0.2,            1.5,            1.5,            1.25,         0.0009,         0.0009
"""  # noqa: E501  # as wide as the tool writes it


def test_the_parts_of_ultralytics_are_summed(read: Read) -> None:
    (run,) = read(ULTRALYTICS)
    assert points(run) == [(1, 5.0), (2, 4.0)]
    assert points(run, "val_loss") == [(1, 5.0), (2, 4.25)]
    assert points(run, "learning_rate") == [(1, 0.001), (2, 0.0009)]
    assert run.provenance["columns"]["train_loss"] == "train/box_loss + train/cls_loss + train/dfl_loss"
    assert run.provenance["averaged"] == "epoch"


WANDB = """"Step","a - b - train/loss","a - b - train/loss__MIN","a - b - train/loss__MAX","small - train/loss"
"0","3.5","3.5","3.5","3.0"
"10","3.25","3.25","3.25","NaN"
"20","3.0","2.9","3.1",""
"""


def test_wandb_exports_hold_several_runs(read: Read) -> None:
    big, small = read(WANDB)
    assert (big.name, small.name) == ("a - b", "small")
    assert points(big) == [(0, 3.5), (10, 3.25), (20, 3.0)]
    assert small.train_loss.step.tolist() == [0, 10]
    assert small.train_loss.first_non_finite == 10
    assert "W&B" in big.provenance["sampled"]
    assert big.provenance["columns"] == {"step": "Step", "train_loss": "train/loss"}


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("step,lr=0.1,lr=0.01", ["lr=0.1", "lr=0.01"]),
        ("step,seed_0,seed_1", ["seed_0", "seed_1"]),
        ("step,0.1,0.01", ["0.1", "0.01"]),
        ("step,adam/loss,sgd/loss", ["adam", "sgd"]),
        ("iteration,a/train_loss,b/train_loss", ["a", "b"]),
    ],
)
def test_runs_as_columns(read: Read, header: str, names: list[str]) -> None:
    first, second = read(f"{header}\n0,3.0,2.0\n1,2.5,nan\n2,2.25,\n")
    assert [first.name, second.name] == names
    assert points(first) == [(0, 3.0), (1, 2.5), (2, 2.25)]
    assert second.train_loss.step.tolist() == [0, 1]
    assert second.train_loss.first_non_finite == 1


def test_runs_below_each_other(read: Read) -> None:
    content = "run,step,loss\na,0,3.0\na,1,2.5\nb,0,3.25\nb,1,inf\n"
    a, b = read(content)
    assert (a.name, points(a)) == ("a", [(0, 3.0), (1, 2.5)])
    assert (b.name, points(b)) == ("b", [(0, 3.25), (1, math.inf)])
    assert "run" not in a.provenance["left_out"]
    assert [run.name for run in read(content.replace("run", "seed").replace("a,", "1,").replace("b,", "2,"))] == [
        "seed=1",
        "seed=2",
    ]


@pytest.mark.parametrize("header", ["metric,step,value", "key,step,value", "metricName,step,metricValue"])
def test_long_tables(read: Read, header: str) -> None:
    lines = ["loss,0,3.0", "lr,0,0.1", "loss,1,nan", "lr,1,0.05", "val_loss,1,2.5", "loss,2,", "lr,2,0.01"]
    (run,) = read("\n".join([header, *lines]) + "\n")
    assert run.train_loss.step.tolist() == [0, 1]
    assert run.train_loss.first_non_finite == 1
    assert points(run, "learning_rate") == [(0, 0.1), (1, 0.05), (2, 0.01)]
    assert points(run, "val_loss") == [(1, 2.5)]


def test_long_tables_of_several_runs(read: Read) -> None:
    lines = [f"{run},{metric},{step},{value + step}" for run, value in (("x", 1.5), ("y", 2.5)) for step in range(3)
             for metric in ("loss", "acc")]  # fmt: skip
    x, y = read("\n".join(["run_id,metric,step,value", *lines]) + "\n")
    assert (x.name, points(x)) == ("x", [(0, 1.5), (1, 2.5), (2, 3.5)])
    assert (y.name, points(y)) == ("y", [(0, 2.5), (1, 3.5), (2, 4.5)])


def test_tensorboard_downloads_name_the_tag_in_the_file_name(read: Read) -> None:
    content = "Wall time,Step,Value\n1700000000.5,0,3.0\n1700000001.5,10,2.5\n"
    (run,) = read(content, "run-exp1_train-tag-train_loss.csv")
    assert points(run) == [(0, 3.0), (10, 2.5)]
    assert run.provenance["columns"]["train_loss"] == "train_loss"
    assert "sampled" not in run.provenance
    (run,) = read(content, "download.csv")
    assert points(run) == [(0, 3.0), (10, 2.5)]
    with pytest.raises(LogError, match="no column is known as the training loss"):
        read(content, "run-exp1-tag-val_accuracy.csv")


def test_a_full_tensorboard_download_is_sampled(read: Read) -> None:
    rows = [[str(1.7e9 + k), str(100 * k), "2.5"] for k in range(1000)]
    (run,) = read(table(rows, ",", ["Wall time", "Step", "Value"]), "tag-loss.csv")
    assert "1000 points" in run.provenance["sampled"]


MEASUREMENTS = """global_step,grad_norm,loss,train/loss,validation/loss,score,accumulated_submission_time
0,13.5,2.25,,,,
1,,,2.2,2.3,5.5,5.5
1,13.25,2.0,,,,
2,12.5,1.75,,,,
3,,,,,,
4,,,,,,
"""


def test_bare_rows_of_measurements_are_losses_that_were_nan(read: Read) -> None:
    (run,) = read(MEASUREMENTS)
    assert run.train_loss.step.tolist() == [0, 1, 2, 3, 4]
    assert run.train_loss.first_non_finite == 3
    assert run.grad_norm.first_non_finite == 3
    assert points(run, "val_loss") == [(1, 2.3)]
    assert run.provenance["nan_is_empty"] is True
    assert "2 rows hold nothing but their step" in run.provenance["notes"][0]


def test_bare_rows_of_other_logs_are_missing(read: Read) -> None:
    (run,) = read("step,loss,lr\n0,2.0,0.1\n1,1.5,0.1\n2,,\n3,,\n")
    assert run.train_loss.step.tolist() == [0, 1]
    assert run.train_loss.first_non_finite is None


@pytest.mark.parametrize(
    ("header", "line", "column", "x"),
    [
        ("epoch\tpi-loss\tq-loss\ttotal-env-interacts", "{e}\t-3.5\t{loss}\t{n}", "q-loss", "total-env-interacts"),
        ("time/fps,train/loss,train/value_loss,time/total_timesteps", "90,{loss},0.5,{n}", "train/loss",
         "time/total_timesteps"),
        ("Progress,total timesteps,total_loss,entropy_loss", "{e}.5%,{n},{loss},-1.5", "total_loss",
         "total timesteps"),
    ],
)  # fmt: skip
def test_progress_of_reinforcement_learning(read: Read, header: str, line: str, column: str, x: str) -> None:
    lines = [line.format(e=k, n=1000 * k, loss=2.0 + k) for k in range(1, 4)]
    (run,) = read("\n".join([header, *lines]) + "\n")
    assert points(run) == [(1000, 3.0), (2000, 4.0), (3000, 5.0)]
    assert run.provenance["columns"]["train_loss"] == column
    assert (run.provenance["columns"]["step"], run.provenance["x"]) == (x, "samples")


def test_percent_signs(read: Read) -> None:
    (run,) = read("step,loss,acc\n0,3.0,10.5%\n1,2.5,11%\n")
    assert points(run, "acc") == [(0, 10.5), (1, 11.0)]


def test_steps_of_a_trial_folder_are_a_log(read: Read) -> None:
    (run,) = read("step,learning_rate,train_loss,grad_norm,val_loss\n0,0.1,3.0,1.5,\n1,0.1,nan,inf,2.5\n")
    assert run.train_loss.first_non_finite == 1
    assert run.grad_norm.value.tolist() == [1.5, math.inf]
    assert points(run, "val_loss") == [(1, 2.5)]


def test_a_long_sparse_log_keeps_its_only_nan(read: Read) -> None:
    loss = [2.5] * 60_000
    content = simple([*loss, "nan", *loss[:10]])
    assert read(content)[0].train_loss.first_non_finite == 60_000
