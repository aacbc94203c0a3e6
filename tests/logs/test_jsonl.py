from __future__ import annotations

import json
import math

import pytest
from structured_samples import columns, sniffed_by, text_source

from lrdoctor.errors import LogError
from lrdoctor.logs import jsonl

INF = math.inf


def tables_of(text):
    return list(jsonl.read(text_source(text)))


CASES = {
    "lines": ('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n', {"step": [1, 2], "loss": [0.5, 0.25]}),
    "an array": ('[{"step": 1, "loss": 0.5},\n {"step": 2, "loss": NaN}]', {"step": [1, 2], "loss": [0.5, "nan"]}),
    "objects over several lines": (
        '{\n "step": 1,\n "loss": 0.5\n}\n{\n "step": 2,\n "loss": 0.25\n}\n',
        {"step": [1, 2], "loss": [0.5, 0.25]},
    ),
    "null is missing, NaN is not": (
        '{"loss": null, "a": 1}\n{"loss": NaN}\n{"loss": Infinity}\n{"loss": -Infinity}\n{"a": 2}\n',
        {"loss": [None, "nan", INF, -INF, None], "a": [1, None, None, None, 2]},
    ),
    "numbers as strings": (
        '{"loss": "1.5", "lr": "1e-3"}\n{"loss": "nan", "lr": ""}\n{"loss": "-inf", "lr": "None"}\n',
        {"loss": [1.5, "nan", -INF], "lr": [1e-3, None, None]},
    ),
    "nested keys": (
        '{"step": 1, "train": {"loss": 0.5, "norms": {"grad": 2}}, "lr": [0.1, 0.2], "scale": [8]}\n',
        {"step": [1], "train/loss": [0.5], "train/norms/grad": [2], "lr/0": [0.1], "lr/1": [0.2], "scale": [8]},
    ),
    "settings": (
        '{"_meta": {"lr": 0.1, "seed": 1}}\n{"type": "config", "lr": 3}\n'
        '{"step": 1, "loss": 0.5, "config": {"a": 1}}\n',
        {"step": [1], "loss": [0.5]},
    ),
    "rows of several kinds": (
        '{"step": 10, "loss": 2}\n{"step": 10, "val_loss": 3}\n{"train_loss": 2.5}\n',
        {"step": [10, 10, None], "loss": [2, None, None], "val_loss": [None, 3, None], "train_loss": [None, None, 2.5]},
    ),
    "validation rows with the same key": (
        '{"split": "train", "step": 1, "loss": 2}\n{"split": "val", "step": 1, "loss": 3, "eval_acc": 0.5}\n',
        {"step": [1, 1], "loss": [2, None], "val_loss": [None, 3], "eval_acc": [None, 0.5]},
    ),
    "one metric a row": (
        '{"metric": "loss", "value": 2, "step": 1}\n{"metric": "lr", "value": 0.1, "step": 1}\n',
        {"loss": [2, None], "lr": [None, 0.1], "step": [1, 1]},
    ),
    "detectron2": (
        '{"data_time": 0.1, "eta_seconds": 5.5, "iteration": 19, "lr": 2e-4, "total_loss": 4.5}\n'
        '{"bbox/AP": 20.5, "iteration": 39, "lr": 4e-4, "total_loss": 4.25}\n',
        {"iteration": [19, 39], "total_loss": [4.5, 4.25], "lr": [2e-4, 4e-4], "bbox/AP": [None, 20.5]},
    ),
    "MMEngine": (
        '{"lr": 0.02, "loss": 4.5, "loss_cls": 3, "grad_norm": 7.5, "epoch": 1, "iter": 50, "step": 50}\n'
        '{"coco/bbox_mAP": 0.25, "step": 1}\n',
        {"loss": [4.5, None], "grad_norm": [7.5, None], "step": [50, 1], "coco/bbox_mAP": [None, 0.25]},
    ),
    "lists of one length": (
        '{"loss": [3, 2, NaN, 1, 1], "val_loss": [4, 3, 2, null, 1], "name": "net"}',
        {"loss": [3, 2, "nan", 1, 1], "val_loss": [4, 3, 2, None, 1]},
    ),
    "records inside an object": (
        json.dumps({"args": {"lr": 1}, "log": [{"step": i, "loss": i} for i in range(6)]}, indent=2),
        {"step": [0, 1, 2, 3, 4, 5], "loss": [0, 1, 2, 3, 4, 5]},
    ),
    "huge numbers": ('{"a": 1' + "0" * 5000 + ', "b": 1e400, "c": 1e-400}\n', {"a": [INF], "b": [INF], "c": [0]}),
    "a byte order mark": ('\ufeff{"step": 1, "loss": 0.5}\r\n\r\n', {"step": [1], "loss": [0.5]}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_read(case) -> None:
    text, expected = case
    assert sniffed_by(text_source(text)) == ["jsonl"]
    (table,) = tables_of(text)
    found = columns(table)
    if "iteration" in found or "coco/bbox_mAP" in found:
        found = {name: found[name] for name in expected}
    assert found == expected


def test_bookkeeping_of_ray_is_dropped_and_named() -> None:
    row = {
        "training_iteration": 1,
        "time_this_iter_s": 2.5,
        "time_total_s": 2.5,
        "pid": 7,
        "hostname": "h",
        "loss": 0.5,
    }
    row |= {"config": {"lr": 0.1}, "info": {"learner": {"total_loss": 1.5}}, "timestamp": 5, "node_ip": "::1"}
    (table,) = tables_of(json.dumps(row) + "\n")
    assert columns(table) == {"training_iteration": [1], "loss": [0.5], "info/learner/total_loss": [1.5]}
    assert table.left_out["config"] == "settings, not measurements"
    assert "Ray's own bookkeeping" in table.left_out.values()


def test_runs_of_one_file_are_told_apart() -> None:
    rows = [{"run_id": run, "step": i, "loss": i} for i in range(3) for run in ("b", "a")]
    found = tables_of("".join(json.dumps(row) + "\n" for row in rows))
    assert [(table.name, columns(table)) for table in found] == [
        ("b", {"step": [0, 1, 2], "loss": [0, 1, 2]}),
        ("a", {"step": [0, 1, 2], "loss": [0, 1, 2]}),
    ]


def test_runs_may_be_numbered() -> None:
    rows = [{"run": run, "loss": run} for run in (1, 2) for _ in range(4)]
    assert [table.name for table in tables_of("".join(json.dumps(row) + "\n" for row in rows))] == ["run=1", "run=2"]


@pytest.mark.parametrize("key", ["run_id", "name", "run"])
def test_a_key_that_changes_with_every_row_names_no_runs(key) -> None:
    (table,) = tables_of("".join(f'{{"{key}": "{i}x", "loss": {i}}}\n' for i in range(5)))
    assert columns(table)["loss"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('{"loss": 1}\n{"loss": 2}\n{"lo', "last line", "cut in the middle of a record"),
        ('[{"loss": 1}, {"loss": 2}, {"lo', "end of the file", "cut in the middle of a record"),
        ('{"loss": 1}\nTraceback\n{"loss": 2}\n', "1 line", "not JSON objects, the first is line 2"),
        ('{"loss": 1, "name": "net"}\n', "name", "holds no numbers but entries such as 'net'"),
        (
            '{"loss": 1, "t": 1}\n{"loss": 1, "t": "1:02"}\n',
            "part of t",
            "1 row without a number, the first with '1:02'",
        ),
        ('{"loss": 1, "hist": [1, 2, 3, 4, 5]}\n{"loss": 2}\n', "hist", "a list in every row"),
        ('{"loss": 1, "a": null}\n{"loss": 2, "b": ""}\n', "b", "always empty"),
    ],
)
def test_what_was_left_out_is_said(text, key, reason) -> None:
    (table,) = tables_of(text)
    assert table.left_out[key] == reason


@pytest.mark.parametrize("text", ["", "{", "[", "[1, 2]", "{}\n{}\n", "nothing\n", "[" * 100_000, '{"a":' * 100_000])
def test_a_text_without_records_is_refused(text) -> None:
    with pytest.raises(LogError, match=r"^-: no record with a number in it; expected JSON lines"):
        tables_of(text)


def test_too_many_columns_are_cut_by_name() -> None:
    (table,) = tables_of(json.dumps({"loss": 1, **{f"x{i}": i for i in range(1500)}}) + '\n{"loss": 2}\n')
    assert len(table.columns) == 1000
    assert columns(table)["loss"] == [1, 2]
    assert sum(reason.startswith("the log has too many columns") for reason in table.left_out.values()) == 501
