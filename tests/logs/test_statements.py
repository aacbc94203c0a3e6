"""What a log says in words, with the step, in every text format; and what ordinary lines do not say."""

from __future__ import annotations

import pytest
from log_samples import Read, walk

N = 60
LOG = "".join(f"step {k} loss {v}\n" for k, v in enumerate(walk(N)))

SAID = {
    "Loss is nan, stopping training": "died",
    "Loss is inf, stopping training": "died",
    "FloatingPointError: Loss became infinite or NaN at iteration=59!": "died",
    "Monitored metric val_loss = nan is not finite. Previous best value was 0.3. Signaling Trainer to stop.": "died",
    "Batch 59: Invalid loss, terminating training": "died",
    "ERROR:tensorflow:Model diverged with loss = NaN.": "died",
    "The loss returned in `training_step` is nan.": "died",
    "AssertionError: Loss is NaN at step 59": "died",
    "RuntimeError: Function 'MseLossBackward0' returned nan values in its 0th output.": "died",
    "Loss exploded to 1e6, aborting": "died",
    "FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding.": "loss_scale",
    "Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.": "loss_scale",
    "found NaN in local forward loss calculation": "non_finite",
    "WARNING: NaN or Inf found in input tensor.": "non_finite",
    "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 65536.0": "skipped",
    "OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768": "skipped",
    "| WARNING: overflow detected, setting loss scale to: 0.03125": "skipped",
    "detected nan/inf gradient (norm=2.2); skipping optimizer step.": "skipped",
    "NaN detected in loss, skipping batch": "skipped",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.": "out_of_memory",
}


@pytest.mark.parametrize("sentence", SAID)
@pytest.mark.parametrize("end", ["\n", ""])
def test_what_is_said_and_at_which_step(read: Read, sentence: str, end: str) -> None:
    (run,) = read(f"{LOG}{sentence}{end}", "run.log")
    ((kind, step, text),) = run.provenance["said"]
    assert (kind, step) == (SAID[sentence], 59)
    assert text in sentence
    assert len(run.train_loss) == N


@pytest.mark.parametrize(
    "line",
    [
        "terminate_on_nan: True",
        "    raise FloatingPointError('Loss became infinite or NaN')",
        "        if loss is nan: stopping",
        "number of skipped iterations: 0 | number of nan iterations: 0",
        "2026-01-01 10:00:00 INFO memory: 3239",
        "the finance data set, terminal 3",
        "KeyboardInterrupt",
    ],
)
def test_what_says_nothing(read: Read, line: str) -> None:
    (run,) = read(f"{LOG}{line}\n", "run.log")
    assert "said" not in run.provenance


def test_a_sentence_is_cleaned_and_cut(read: Read) -> None:
    (run,) = read(f"{LOG}Loss is nan, stopping \x07\u202e{'x' * 5000}\n", "run.log")
    ((_, _, text),) = run.provenance["said"]
    assert text.isprintable()
    assert len(text) <= 160


def test_sentences_between_json_lines(read: Read) -> None:
    rows = "".join(f'{{"step": {k}, "loss": {v}}}\n' for k, v in enumerate(walk(N)))
    (run,) = read(f"{rows}Loss is nan, stopping training\n", "run.jsonl")
    assert run.provenance["said"] == (("died", 59, "Loss is nan, stopping training"),)


def test_each_of_several_runs_has_what_is_said_of_it(read: Read) -> None:
    first, second = read(f"{LOG}Loss is nan, stopping training\n{LOG}", "run.log")
    assert [kind for kind, _, _ in first.provenance["said"]] == ["died"]
    assert "said" not in second.provenance


def test_the_last_sentence_is_kept_however_many_were_before(read: Read) -> None:
    skipped = "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 1.0\n" * 6000
    (run,) = read(f"{LOG}{skipped}Loss is nan, stopping training\n", "run.log")
    assert run.provenance["said"][-1][0] == "died"
