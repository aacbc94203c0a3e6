"""The procedures that lrdoctor offers, each one value: the command line and Python run them by `runner.run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lrdoctor import assess, examine
from lrdoctor.core.report import Part, Report
from lrdoctor.core.study import Study
from lrdoctor.examine import Laboratory
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures.clip import Clipping
from lrdoctor.procedures.probe import Probed
from lrdoctor.procedures.sweep import Settings
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.warmup_comparison import WarmupFound
from lrdoctor.runner import Asked, Procedure, above_0

Seeds: TypeAlias = Sequence[int]
Drawn: TypeAlias = Iterator[tuple[Part, Mapping[str, bytes]]]

HIGHEST_PERCENTILE = 100.0


def _sweep(laboratory: Laboratory, seeds: Seeds, asked: Asked) -> Study:
    return examine.sweep(laboratory, Settings(examine.grid(laboratory)), seeds)


def _figures_of_sweep(study: Study, report: Report) -> Drawn:
    from lrdoctor.reports import figures

    yield "sweep", figures.sweep_figures(study)


SWEEP = Procedure(
    name="sweep",
    examine=_sweep,
    study_of=lambda study: study,
    report=lambda study: assess.report_of_sweep(study, "sweep"),
    figures=_figures_of_sweep,
)


@dataclass(frozen=True, kw_only=True)
class AskedOfProbe(Asked):
    """What a short run above lr* is asked."""

    factor: float | None = None
    """Its rate as a multiple of lr*; None for the spec's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        above_0(factor=self.factor)


def _probe(laboratory: Laboratory, seeds: Seeds, asked: AskedOfProbe) -> Probed:
    spec = laboratory.spec
    factor = spec.probe.factor if asked.factor is None else asked.factor
    settings = probes.Settings(factor=factor, steps=spec.probe.steps)
    return examine.probe(laboratory, settings, seeds, asked.learning_rate)


def _figures_of_probe(probed: Probed, report: Report) -> Drawn:
    from lrdoctor.reports import figures

    if probed.study.rates:
        yield "sweep", figures.sweep_figures(probed.study)
    if report.probe:  # drawn from the report, so that both say the same
        of = (probed.study.name, probed.runs, report.probe)
        yield "probe", figures.probe_figures(*of) | figures.probe_norm_figures(*of)


PROBE = Procedure(
    name="probe",
    examine=_probe,
    study_of=lambda probed: probed.study,
    report=lambda probed: assess.report_of_probe(probed, "probe"),
    figures=_figures_of_probe,
)


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A sweep, and the search for a warmup that was made after it."""

    study: Study
    warmup: WarmupFound | None
    """None where there was nothing to search."""


def _warmup(laboratory: Laboratory, seeds: Seeds, asked: Asked) -> Searched:
    study = examine.rates(laboratory, seeds, asked.learning_rate, asked.unstable_learning_rate)
    found = examine.warmup(laboratory, study, seeds)
    if found is not None:
        found = examine.confirm_warmup(laboratory, found, study, seeds)
    return Searched(study=study, warmup=found)


def _figures_of_warmup(searched: Searched, report: Report) -> Drawn:
    from lrdoctor.reports import figures

    if searched.study.rates:
        yield "sweep", figures.sweep_figures(searched.study)
    if searched.warmup is not None:
        yield "warmup", figures.warmup_figures(report, searched.study.name, searched.warmup.runs)


WARMUP = Procedure(
    name="warmup",
    examine=_warmup,
    study_of=lambda searched: searched.study,
    report=lambda searched: assess.report_of_warmup(searched.study, searched.warmup),
    figures=_figures_of_warmup,
)


@dataclass(frozen=True, kw_only=True)
class AskedOfClip(Asked):
    """What a study of clipping is asked."""

    percentile: float | None = None
    """Of the gradient norms at lr*, the first threshold; None for the spec's."""
    harder: bool = False
    """Also try harder thresholds at the best clipped rate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.percentile is not None and not 0 < self.percentile <= HIGHEST_PERCENTILE:
            raise ValueError(
                f"percentile={self.percentile!r}: expected a number above 0 and at most {HIGHEST_PERCENTILE:g}"
            )


def _clip(laboratory: Laboratory, seeds: Seeds, asked: AskedOfClip) -> Clipping:
    percentile = laboratory.spec.clip.percentile if asked.percentile is None else asked.percentile
    settings = clips.Settings(percentile, search_harder=asked.harder)
    study = examine.rates(laboratory, seeds, asked.learning_rate, asked.unstable_learning_rate)
    return examine.confirm_clipping(laboratory, examine.clip(laboratory, settings, seeds, study), seeds)


def _figures_of_clip(clipping: Clipping, report: Report) -> Drawn:
    from lrdoctor.reports import figures

    study = clipping.study
    if clipping.was_swept:
        yield "sweep", figures.sweep_figures(study)
    runs = study.runs + clipping.runs
    yield "clip", figures.clip_figures(study.name, runs, report.clip, report.unstable_base_learning_rate)


CLIP = Procedure(
    name="clip",
    examine=_clip,
    study_of=lambda clipping: clipping.study,
    report=lambda clipping: assess.report_of_clip(clipping, "clip"),
    figures=_figures_of_clip,
)


@dataclass(frozen=True, kw_only=True)
class AskedOfTreat(Asked):
    """What the whole procedure is asked."""

    everything: bool = False
    """Try the fixes after one that suffices too, and where the room above lr* does not call for them."""
    add_norm: bool = False
    """Try norms at the ends of residual branches too, on a copy of the model."""


def _treat(laboratory: Laboratory, seeds: Seeds, asked: AskedOfTreat) -> Treated:
    rates = (asked.learning_rate, asked.unstable_learning_rate)
    return examine.treat(laboratory, seeds, *rates, asked.everything, asked.add_norm)


def _figures_of_treat(treated: Treated, report: Report) -> Drawn:
    from lrdoctor.reports import figures

    study = treated.study
    yield "sweep", figures.sweep_figures(study)
    if treated.probed is not None and report.probe is not None:
        yield "probe", figures.probe_figures(study.name, treated.probed.runs, report.probe)
    if treated.warmup is not None:
        yield "warmup", figures.warmup_figures(report, study.name, treated.warmup.runs)
    if report.clip is not None:
        runs = (*study.runs, *treated.runs)
        yield "clip", figures.clip_figures(study.name, runs, report.clip, report.unstable_base_learning_rate)
    yield "treat", figures.treat_figures(report, study.name)


def _prescribed_spec(treated: Treated, report: Report, laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    """The spec with the prescribed fix in it."""
    changes = assess.prescription_changes(treated)
    if report.treat is not None and report.treat.prescription is not None and changes is not None:
        prescription = report.treat.prescription
        comment = f"{report.summary}\nThe learning rate to use: {prescription.base_learning_rate:.4g}"
        yield prescription.spec_file, laboratory.spec.patched_yaml(laboratory.folder.out, changes, comment)


TREAT = Procedure(
    name="treat",
    examine=_treat,
    study_of=lambda treated: treated.study,
    report=lambda treated: assess.report_of_treat(treated),
    figures=_figures_of_treat,
    files=_prescribed_spec,
)
