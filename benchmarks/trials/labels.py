"""What is right: a label for every curve of the grid, given by eye, and a verdict for every sweep.

The labels were given before lrdoctor had judged any of these curves, from the contact sheets of `pictures` and the
numbers in their titles, with the control and the lower rates beside each curve. The rules:

- A curve is *unstable* when somebody who sees the control and the lower rates would say that this rate is too high or
  that this run went wrong. A noise floor that rises with the rate, a slow start and a spike that the control has on the
  same batch are stable. So is a rate that is too low to learn anything.
- The label is how the curve *ends* where it ends badly (divergence before stuck), else what it came back from (early
  blow-up before rise). `also` holds the other kinds that the same curve shows: naming those as well is no error.
- `not_the_rate`: the event is in the control, or at the same steps at every rate. Where nothing happens in the curve
  and the sweep as a whole is spoilt (the rate has no effect, nothing can be learnt, trials do not start alike), it and
  `stable` are two words for the same; the other one stands under `also`.
- `unclear` is scored nowhere.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml

from lrdoctor.core.report import Verdict

Label = Literal["stable", "early_blow_up", "rise", "divergence", "stuck", "not_the_rate", "unclear"]
LABELS: tuple[Label, ...] = get_args(Label)
UNSTABLE: frozenset[Label] = frozenset({"early_blow_up", "rise", "divergence", "stuck"})
"""early_blow_up: far above the control within the first fifth or so, and back. rise: the same later on, or a climb that
ends short of divergence. divergence: not finite, or ends far above the start. stuck: flat at a level far above what
lower rates reach, such as that of a constant prediction."""

FOLDER = Path(__file__).parent

Curve = tuple[str, float, int]
"""Workload, base learning rate, seed."""


@dataclass(frozen=True)
class Labelled:
    """The truth about one curve.

    Args:
        label: what it is.
        also: other kinds that it shows.
        basis: what the picture shows.
    """

    label: Label
    also: frozenset[Label]
    basis: str


@dataclass(frozen=True)
class Expected:
    """The truth about one sweep; the fields are explained at the head of verdicts.yaml."""

    right: tuple[Verdict, ...]
    acceptable: tuple[Verdict, ...]
    unstable_rate: tuple[float, float] | None
    why: str


def read_labels(path: Path = FOLDER / "labels.csv") -> dict[Curve, Labelled]:
    """Every row of labels.csv.

    Raises:
        ValueError: a curve is labelled twice, or with a word that is no label.
    """
    found: dict[Curve, Labelled] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curve = (row["workload"], float(row["rate"]), int(row["seed"]))
            label, *also = (_known(word, path, curve) for word in (row["label"], *row["also"].split()))
            if curve in found:
                raise ValueError(f"{path}: {curve} is labelled twice, as {found[curve].label} and as {label}")
            found[curve] = Labelled(label, frozenset(also), row["basis"])
    return found


def read_verdicts(path: Path = FOLDER / "verdicts.yaml") -> dict[str, Expected]:
    """Workload -> the right verdict of its sweep."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        name: Expected(
            tuple(entry["right"]),
            tuple(entry["acceptable"]),
            None if entry["unstable_rate"] is None else (entry["unstable_rate"][0], entry["unstable_rate"][1]),
            entry["why"],
        )
        for name, entry in entries.items()
    }


def _known(word: str, path: Path, curve: Curve) -> Label:
    for label in LABELS:
        if word == label:
            return label
    raise ValueError(f"{path}: {curve} has the label {word!r}, expected one of {', '.join(LABELS)}")
