"""Several runs in one table, told apart by any key, in any format and number; or by what they hold."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from log_samples import Read, walk

from lrdoctor.errors import LogError
from lrdoctor.logs.run_keys import RUN_KEYS, TEXT_ONLY

N = 60
BLOWN_UP = [v if k < 40 else 50.0 + k for k, v in enumerate(walk(N, 1))]
RUNS = [walk(N, 0), BLOWN_UP, walk(N, 2)]

Row = tuple[str, int, float]


def interleaved(names: Sequence[str] = ("r0", "r1", "r2")) -> list[Row]:
    return [(name, k, loss[k]) for k in range(N) for name, loss in zip(names, RUNS, strict=True)]


def csv(key: str, rows: Sequence[Row]) -> str:
    return f"{key},step,loss\n" + "".join(f"{name},{step},{loss}\n" for name, step, loss in rows)


def jsonl(key: str, rows: Sequence[Row], number: bool = False) -> str:
    records = ({key: int(name) if number else name, "step": step, "loss": loss} for name, step, loss in rows)
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("key", [*RUN_KEYS, "Seed", "Trial ID", "runName", "exp-name"])
@pytest.mark.parametrize("number", [False, True])
def test_csv_and_json_lines_are_told_apart_alike(read: Read, key: str, number: bool) -> None:
    if number and key in TEXT_ONLY:
        pytest.skip("a number under this key names no run")
    rows = interleaved(("0", "1", "2")) if number else interleaved()
    tables = read(csv(key, rows), "a.csv"), read(jsonl(key, rows, number), "a.jsonl")
    for runs in tables:
        assert [run.train_loss.value.tolist() for run in runs] == RUNS
    assert [run.name for run in tables[0]] == [run.name for run in tables[1]]


def test_more_runs_than_two_hundred(read: Read) -> None:
    rows = [(f"{run}", k, RUNS[run % 3][k]) for k in range(N) for run in range(450)]
    assert len(read(csv("trial_id", rows), "a.csv")) == 450
    assert len(read(jsonl("trial_id", rows, number=True), "a.jsonl")) == 450
    assert len(read(csv("run", [(f"n{name}", k, loss) for name, k, loss in rows]), "a.csv")) == 450


def test_keys_are_taken_together_where_one_leaves_runs_together(read: Read) -> None:
    rows = [(model, seed, k, RUNS[seed][k]) for k in range(N) for model in "ab" for seed in range(3)]
    runs = read("seed,model,step,loss\n" + "".join(f"{s},{m},{k},{v}\n" for m, s, k, v in rows))
    assert [run.name for run in runs] == [f"model={m}, seed={s}" for m in "ab" for s in range(3)]
    assert [run.train_loss.value.tolist() for run in runs] == RUNS * 2


def test_numbers_of_text_logs_tell_runs_apart_too(read: Read) -> None:
    runs = read("".join(f"fold: {name} step: {k} loss: {v}\n" for name, k, v in interleaved(("1", "2", "3"))), "a.log")
    assert [run.train_loss.value.tolist() for run in runs] == RUNS


@pytest.mark.parametrize("counter", ["step", "iteration", "epoch", "total_timesteps"])
def test_without_a_key_the_run_that_blows_up_is_seen(read: Read, counter: str) -> None:
    rows = interleaved()
    for text in (csv("unknown", rows).replace("step", counter), jsonl("unknown", rows).replace("step", counter)):
        runs = read(text)
        assert any(run.train_loss.value.max() == max(BLOWN_UP) for run in runs)
        assert [run.train_loss.value.tolist() for run in runs] == RUNS


def test_without_a_key_and_with_other_numbers_of_values_the_highest_is_kept(read: Read) -> None:
    rows = [row for row in interleaved() if not (row[0] == "r2" and row[1] > 50)]
    (run,) = read(csv("unknown", rows))
    assert run.train_loss.value[40:].tolist() == BLOWN_UP[40:]
    assert run.provenance["several_values_a_step"] == N


def test_the_parts_of_a_batch_are_one_run(read: Read) -> None:
    parts = [walk(N, seed) for seed in range(4)]
    (run,) = read("step,loss\n" + "".join(f"{k},{part[k]}\n" for k in range(N) for part in parts))
    assert len(run.train_loss) == N
    assert run.train_loss.value[0] == pytest.approx(np.median([part[0] for part in parts]))


def test_many_runs_below_each_other(read: Read) -> None:
    runs = read("step,loss\n" + "".join(f"{k},{v}\n" for seed in range(120) for k, v in enumerate(walk(N, seed))))
    assert [run.train_loss.value.tolist() for run in runs] == [walk(N, seed) for seed in range(120)]


def test_a_counter_within_epochs_that_are_not_named_is_one_run(read: Read) -> None:
    loss = walk(30 * N)
    (run,) = read("step,loss\n" + "".join(f"{k % 30},{v}\n" for k, v in enumerate(loss)))
    assert run.train_loss.value.tolist() == loss


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("Name,State,Created,Runtime,lr,loss", "run-{k},finished,2026-01-01,{k},0.1,{v}", "is W&B's table of runs"),
        ("run_id,lr,final_loss", "r{k},0.1,{v}", "has one row for each run (column 'run_id')"),
        ("trial,loss", "{k},{v}", "has one row for each run (column 'trial')"),
    ],
)
def test_a_table_of_results_is_no_log(read: Read, header: str, row: str, said: str) -> None:
    with pytest.raises(LogError, match="expected") as error:
        read(f"{header}\n" + "".join(row.format(k=k, v=v) + "\n" for k, v in enumerate(walk(N))))
    assert said in str(error.value)


def test_columns_named_by_a_learning_rate_are_runs(read: Read) -> None:
    rows = zip(*RUNS, strict=True)
    text = "learning_rate_0.01,learning_rate_0.05,learning_rate_0.1\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    runs = read(text)
    assert [run.train_loss.value.tolist() for run in runs] == RUNS
    (run,) = read("step,loss,lr_0,lr_1\n" + "".join(f"{k},{v},0.1,0.2\n" for k, v in enumerate(walk(N))))
    assert run.curve("learning_rate").value.tolist() == [0.1] * N


def in_no_order(runs: Sequence[Sequence[float]], seed: int) -> list[Row]:
    """Rows of writers that are not synchronised: each writes its steps in order, whoever comes next."""
    random, left, rows = np.random.default_rng(seed), [list(enumerate(run)) for run in runs], list[Row]()
    while any(left):
        k = int(random.choice([i for i, rest in enumerate(left) if rest]))
        step, value = left[k].pop(0)
        rows.append((f"w{k}", step, value))
    return rows


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("lengths", [(N, N, N), (N, N // 2, N // 3), (N // 2, N, N // 3)])
@pytest.mark.parametrize("seed", range(3))
def test_writers_in_no_order_keep_what_is_not_finite(
    read: Read, which: int, lengths: tuple[int, int, int], seed: int
) -> None:
    healthy = [walk(length, k) for k, length in enumerate(lengths)]
    assert all(run.train_loss.first_non_finite is None for run in read(csv("unknown", in_no_order(healthy, seed))))
    lost = lengths[which] * 7 // 10
    ends_in_nan = [*healthy[which][:lost], *[float("nan")] * (lengths[which] - lost)]
    rows = in_no_order([*healthy[:which], ends_in_nan, *healthy[which + 1 :]], seed)
    assert lost in [run.train_loss.first_non_finite for run in read(csv("unknown", rows))]


def test_many_resumes_of_a_log_with_odd_distances_are_resumes(read: Read) -> None:
    steps, at = list[int](), 0
    for k in range(300):
        at += (1, 3, 2, 7)[k % 4]
        if k % 30 == 29:
            at -= 40
        steps.append(at)
    (run,) = read("step,loss\n" + "".join(f"{step},{v}\n" for step, v in zip(steps, walk(300), strict=True)))
    assert len(run.provenance["resumed_at"]) == 10


def test_a_first_run_that_lies_above_the_others_at_its_start_is_a_run(read: Read) -> None:
    runs = [walk(N, k) for k in range(3)]
    runs[0] = [*runs[0][:5], *[value + 4 for value in runs[0][5:25]], *runs[0][25:]]
    rows = [(f"w{k}", step, runs[k][step]) for step in range(N) for k in range(3)]
    assert [run.train_loss.value.tolist() for run in read(csv("unknown", rows))] == runs
