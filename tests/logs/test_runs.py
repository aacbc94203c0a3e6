"""Which column is which, what repeated steps mean, and what is said of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from log_samples import Read, simple, table, walk

from lrdoctor.errors import LogError
from lrdoctor.logs.base import Table
from lrdoctor.logs.runs import runs_of


@pytest.mark.parametrize(
    ("header", "loss"),
    [
        ("step,train_loss,loss", "loss"),
        ("step,train_loss_step,train_loss", "train_loss_step"),
        ("step,train_loss_epoch,train_loss_step", "train_loss_step"),
        ("step,val_loss,train/loss", "train/loss"),
        ("step,accuracy,Training Loss", "Training Loss"),
        ("step,total_loss,entropy_loss", "total_loss"),
        ("step,lm loss,loss scale", "lm loss"),
        ("step,train_mse_loss,acc", "train_mse_loss"),
        ("step,test_loss,ctc_loss", "ctc_loss"),
        ("step,box_loss,total_box_loss", "total_box_loss"),
        ("step,mse,accuracy", "mse"),
        ("step,my_quantity,accuracy", "my_quantity"),
        ("step,discriminator,Generator", "Generator"),
        ("step,loss_g,loss_d", "loss_g"),
        ("step,D_loss,G_loss", "G_loss"),
        ("step,errD,errG", "errG"),
        ("step,err_D,err_G", "err_G"),
        ("step,errD_real,errG", "errG"),
        ("step,errNetD,errNetG", "errNetG"),
        ("step,D_cost,G_cost", "G_cost"),
        ("step,D,G", "G"),
        ("step,policy_loss,value_loss", "value_loss"),
        ("step,train/loss_actor,train/loss_critic", "train/loss_critic"),
        ("step,LossPi,LossV", "LossV"),
        ("step,loss_scale,loss_net", "loss_net"),
        ("step,ppl,xent", "xent"),
        ("step,average_loss,step_loss", "step_loss"),
        ("step,running_mse,mse", "mse"),
        ("step,avg_loss,lr", "avg_loss"),
        ("step,Train-cross-entropy,accuracy", "Train-cross-entropy"),
        ("step,x_loss_epoch,x_loss_step", "x_loss_step"),
        ("step,trainLoss,valLoss", "trainLoss"),
    ],
)
def test_the_training_loss_by_its_name(read: Read, header: str, loss: str) -> None:
    (run,) = read(f"{header}\n0,3.5,2.5\n1,3.25,2.25\n2,3.125,2.125\n")
    assert run.provenance["columns"]["train_loss"] == loss
    expected = [3.5, 3.25, 3.125] if header.split(",")[1] == loss else [2.5, 2.25, 2.125]
    assert run.train_loss.value.tolist() == expected


@pytest.mark.parametrize(
    ("header", "candidates"),
    [
        ("step,loss_a,loss_b", ["loss_a", "loss_b"]),
        ("step,alpha,gamma", ["alpha", "gamma"]),
        ("step,accuracy,reward", ["accuracy", "reward"]),
    ],
)
def test_nothing_is_guessed_where_names_do_not_tell(read: Read, header: str, candidates: list[str]) -> None:
    with pytest.raises(LogError) as error:
        read(f"{header}\n0,3.5,2.5\n1,3.25,2.25\n", "gan.csv")
    assert "gan.csv" in str(error.value)
    assert "--columns loss=" in str(error.value)
    assert all(repr(candidate) in str(error.value) for candidate in candidates)


def test_the_users_mapping_wins(read: Read) -> None:
    content = "n,step,loss,loss_g,foo,bar\n5,0,3.0,2.0,0.5,0.1\n6,1,2.5,1.5,0.6,0.1\n"
    (run,) = read(content, columns={"loss": "loss_g", "step": "n", "grad_norm": "foo", "lr": "bar"})
    assert run.train_loss.step.tolist() == [5, 6]
    assert run.train_loss.value.tolist() == [2.0, 1.5]
    assert run.grad_norm.value.tolist() == [0.5, 0.6]
    assert run.curve("learning_rate").value.tolist() == [0.1, 0.1]
    assert run.curve("loss").value.tolist() == [3.0, 2.5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"loss": "lss"}, "no column 'lss'"),
        ({"los": "loss"}, "unknown key 'los'"),
        ({"step": "x"}, "no column 'x'"),
        ({"loss": "loss", "lr": "loss"}, "--columns lr=loss: this column is given for another key too"),
        ({"step": "Loss", "loss": "loss"}, "--columns loss=loss: this column is given for another key too"),
    ],
)
def test_a_wrong_mapping_is_an_error(read: Read, columns: dict[str, str], message: str) -> None:
    with pytest.raises(LogError, match=message):
        read(simple([3.0, 2.0]), columns=columns)


def test_a_mapping_may_take_the_column_that_counts(read: Read) -> None:
    (run,) = read("1,9\n2,8\n3,7\n4,6\n", columns={"loss": "column_1"})
    assert run.train_loss.value.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_mapping_may_take_the_column_that_the_format_knows_as_the_loss(read: Read) -> None:
    with pytest.raises(LogError, match="no column is known as the training loss"):
        read("step,lr=0.1,lr=0.01\n0,9,1\n1,8,2\n", columns={"lr": "lr=0.1"})


def test_a_name_of_the_mapping_may_be_spelled_as_people_do(read: Read) -> None:
    (run,) = read("step,Train/Loss G,loss_d\n0,3.0,1.0\n1,2.0,1.0\n", columns={"loss": "train_loss_g"})
    assert run.train_loss.value.tolist() == [3.0, 2.0]


def test_a_training_loss_that_is_always_empty_is_an_error(read: Read) -> None:
    with pytest.raises(LogError, match="'loss' is empty in every row"):
        read("step,loss,x\n0,,1\n1,,2\n", columns={"loss": "loss"})


def test_a_table_without_columns_is_an_error() -> None:
    with pytest.raises(LogError, match="x: holds no column of numbers"):
        runs_of("x", "csv", Table("", {}, {"no_header": True}), None)


def test_no_step_column(read: Read) -> None:
    (run,) = read("loss,lr\n3.0,0.1\n2.5,0.1\nnan,0.1\n")
    assert run.train_loss.step.tolist() == [0, 1, 2]
    assert (run.provenance["x"], run.provenance["columns"]["step"]) == ("row", None)
    assert any("no step column" in note for note in run.provenance["notes"])


@pytest.mark.parametrize("step", [[0.5, 1.5, 2.5], [7, 7, 7], ["nan", "nan", "nan"], [1e300, 2e300, 3e300]])
def test_a_step_column_that_does_not_count(read: Read, step: list[object]) -> None:
    (run,) = read(simple([3.0, 2.5, 2.0], step))
    assert run.train_loss.step.tolist() == [0, 1, 2]
    assert any("step cannot count the rows" in note for note in run.provenance["notes"])


def test_a_resume_keeps_what_was_written_last(read: Read) -> None:
    step = [0, 10, 20, 30, 40, 20, 30, 40, 50]
    loss = [3.0, 2.9, 2.8, 7.0, 9.0, 2.75, 2.7, 2.6, 2.5]
    (run,) = read(simple(loss, step))
    assert run.train_loss.step.tolist() == [0, 10, 20, 30, 40, 50]
    assert run.train_loss.value.tolist() == [3.0, 2.9, 2.75, 2.7, 2.6, 2.5]
    assert run.provenance["resumed_at"] == (20,)
    (gone,) = run.provenance["discarded"]
    assert (gone.step.tolist(), gone.value.tolist()) == ([20, 30, 40], [2.8, 7.0, 9.0])


def test_a_resume_throws_away_what_it_does_not_reach(read: Read) -> None:
    (run,) = read(simple([3.0, 2.9, 2.8, 7.0, 9.0, 2.75], [0, 10, 20, 30, 40, 20]))
    assert run.train_loss.step.tolist() == [0, 10, 20]


def test_other_columns_are_cut_at_the_same_resume(read: Read) -> None:
    content = "step,loss,val_loss\n0,3.0,\n10,2.9,\n15,,5.0\n20,2.8,\n20,,6.0\n10,2.7,\n15,,4.0\n20,2.6,\n30,2.5,\n"
    (run,) = read(content)
    assert run.provenance["resumed_at"] == (10,)
    assert run.val_loss.step.tolist() == [15]
    assert run.val_loss.value.tolist() == [4.0]


def test_a_restart_from_the_first_step_is_another_run(read: Read) -> None:
    content = "step,loss,val_loss\n0,3.0,\n10,2.9,\n10,,3.5\n0,,4.5\n0,3.25,\n10,3.0,\n20,2.5,\n0,9.0,\n10,nan,\n"
    runs = read(content)
    assert [run.train_loss.step.tolist() for run in runs] == [[0, 10], [0, 10, 20], [0, 10]]
    assert [run.provenance["part"] for run in runs] == [(1, 3), (2, 3), (3, 3)]
    assert [run.name[-2:] for run in runs] == ["#1", "#2", "#3"]
    assert runs[0].val_loss.value.tolist() == [3.5]
    assert runs[1].val_loss.value.tolist() == [4.5]
    assert runs[2].train_loss.first_non_finite == 10


def test_several_values_of_a_step_become_their_median(read: Read) -> None:
    (run,) = read(simple([3.0, 3.2, 3.1, 2.0, 2.0, 1.5, "nan"], [0, 0, 0, 1, 1, 2, 2]))
    assert run.train_loss.step.tolist() == [0, 1, 2]
    assert run.train_loss.value[:2].tolist() == [3.1, 2.0]
    assert math.isnan(run.train_loss.value[2])
    assert any("2 steps have several values" in note for note in run.provenance["notes"])


def test_ranks_that_write_out_of_order_are_sorted(read: Read) -> None:
    step = [s for k in range(0, 100, 2) for s in (k, k + 1, k - 1 if k else 0)]
    (run,) = read(simple([3.0 - 0.01 * s for s in step], step))
    assert run.train_loss.step.tolist() == list(range(100))
    assert "resumed_at" not in run.provenance
    assert any("several writers" in note for note in run.provenance["notes"])


def test_a_row_that_came_late_is_put_in_order(read: Read) -> None:
    step = [*range(50), 20, *range(50, 60)]
    (run,) = read(simple([3.0] * len(step), step))
    assert run.train_loss.step.tolist() == list(range(60))
    assert any("came late" in note for note in run.provenance["notes"])


def test_a_counter_that_begins_again_in_every_epoch_goes_on(read: Read) -> None:
    rows = [[str(e), str(b), str(3.0 - e - b / 10)] for e in range(3) for b in range(5)]
    (run,) = read(table(rows, ",", ["epoch", "batch", "loss"]))
    assert run.train_loss.step.tolist() == list(range(15))
    assert any("begins again in every epoch" in note for note in run.provenance["notes"])
    assert "averaged" not in run.provenance


def test_a_batch_counter_without_epochs_is_replaced_by_the_row(read: Read) -> None:
    (run,) = read(table([[str(b), "2.5"] for _ in range(3) for b in range(5)], ",", ["batch_idx", "loss"]))
    assert run.train_loss.step.tolist() == list(range(15))
    assert run.provenance["x"] == "row"


@pytest.mark.parametrize(("losses", "has_epochs"), [([2.5, 2.4, 2.3, 2.2, 2.1, 2.0], False), ([2.5] * 6, True)])
def test_row_numbers_that_begin_again_count_rows_all_the_same(
    read: Read, losses: list[float], has_epochs: bool
) -> None:
    """Two tables one behind the other: a training that starts anew, or the epochs of one."""
    rows = [[str(epoch), str(k), str(loss)] for epoch in range(2) for k, loss in enumerate(losses)]
    header = ["epoch", "", "loss"]
    if not has_epochs:
        rows, header = [row[1:] for row in rows], header[1:]
    for run in read(table(rows, ",", header)):
        assert run.provenance["x"] == "row"


def test_a_step_that_begins_again_all_the_time_is_replaced_by_the_row(read: Read) -> None:
    (run,) = read(simple([2.5] * 600, [k % 6 for k in range(600)]))
    assert run.train_loss.step.tolist() == list(range(600))
    assert any("step begins again 99 times" in note for note in run.provenance["notes"])


def test_losses_of_zero_that_hid_nan(read: Read) -> None:
    (run,) = read("step,loss,grad_norm\n1,3.0,1.5\n2,2.5,1.5\n3,0.0,nan\n4,0.0,nan\n5,0.0,0.5\n")
    assert run.train_loss.first_non_finite == 3
    assert run.train_loss.value[-1] == 0.0
    assert run.provenance["filtered"] == 2
    assert any("hid non-finite losses" in note for note in run.provenance["notes"])


def test_a_loss_of_zero_beside_a_finite_gradient_stays(read: Read) -> None:
    (run,) = read("step,loss,grad_norm\n1,0.5,1.5\n2,0.0,1.5\n3,0.0,0.5\n")
    assert run.train_loss.value.tolist() == [0.5, 0.0, 0.0]
    assert "filtered" not in run.provenance


def test_rounded_values(read: Read) -> None:
    (run,) = read(simple(np.round(walk(100), 2)))
    assert run.provenance["quantised"] == 2
    assert "quantised" not in read(simple(walk(100)))[0].provenance


def test_other_columns_keep_their_names_and_times_are_left_out(read: Read) -> None:
    (run,) = read("step,loss,my metric,elapsed_time,tokens_per_sec\n0,3.0,1.0,5,9\n1,2.5,2.0,6,9\n")
    assert run.curve("my metric").value.tolist() == [1.0, 2.0]
    assert run.provenance["left_out"] == {"elapsed_time": "time or speed", "tokens_per_sec": "time or speed"}


def test_the_first_step_and_the_gap_are_said(read: Read) -> None:
    (run,) = read(simple(walk(6), [500, 550, 600, 650, 700, 900]))
    wanted = {"first_step": 500, "last_step": 900, "step_gap": 50, "largest_gap": 200}
    assert {key: run.provenance[key] for key in wanted} == wanted


@pytest.mark.parametrize("names", ["step,val_loss", "epoch,eval_loss,eval_accuracy", "step,test_loss,lr"])
def test_a_validation_loss_alone_is_a_run(read: Read, names: str) -> None:
    columns = len(names.split(","))
    (run,) = read(
        f"{names}\n" + "".join(",".join([str(k), *[str(3 - k / 10)] * (columns - 1)]) + "\n" for k in range(9))
    )
    assert not len(run.train_loss)
    assert run.val_loss.value.tolist() == [3 - k / 10 for k in range(9)]
    assert run.provenance["judged"] == "val_loss"
    assert run.provenance["last_step"] == 8


@pytest.mark.parametrize(
    "name",
    ["lr", "last_lr", "LearningRate", "lr/group0", "learning_rate", "cur_lr", "base_lr", "x/lr0", "lr-AdamW", "LR"],
)
def test_the_learning_rate_by_many_names_zeros_included(read: Read, name: str) -> None:
    (run,) = read(f"step,loss,{name}\n" + "".join(f"{k},{3 - k / 10},0\n" for k in range(9)))
    assert run.curve("learning_rate").value.tolist() == [0.0] * 9


def test_a_negative_learning_rate_is_none(read: Read) -> None:
    (run,) = read("step,loss,lr\n0,3,-2\n1,2,-3\n")
    assert not len(run.curve("learning_rate"))


@pytest.mark.parametrize(
    ("names", "step"),
    [
        ("update_step", "update_step"),
        ("global_update", "global_update"),
        ("optimizer_step", "optimizer_step"),
        ("episode", "episode"),
        ("num_episodes,total_timesteps", "total_timesteps"),
        ("epoch,episode", "episode"),
    ],
)
def test_what_counts_the_rows_by_its_name(read: Read, names: str, step: str) -> None:
    n = len(names.split(","))
    (run,) = read(f"{names},loss\n" + "".join(",".join([str(10 * k)] * n) + f",{3 - k / 10}\n" for k in range(9)))
    assert run.train_loss.step.tolist() == list(range(0, 90, 10))
    assert run.provenance["columns"]["step"] == step


def test_a_norm_is_that_of_the_gradient(read: Read) -> None:
    (run,) = read("step,loss,norm\n0,3,0.5\n1,2,0.25\n")
    assert run.grad_norm.value.tolist() == [0.5, 0.25]


def test_iterations_from_one_within_epochs_from_one_make_no_hole(read: Read) -> None:
    (run,) = read("epoch,iter,loss\n" + "".join(f"{e},{i},{3 - e / 10}\n" for e in (1, 2, 3) for i in range(1, 11)))
    assert run.train_loss.step.tolist() == list(range(1, 31))
