"""The report of a look at the model: no verdict on a training, but on what the model is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lrdoctor import fixes, rules
from lrdoctor.assess import safe_rate
from lrdoctor.assess.judging import checks_of_models, split
from lrdoctor.core.architecture import Architecture, Inspection
from lrdoctor.core.report import TREAT, Finding, Report, Skip
from lrdoctor.core.sections import Model
from lrdoctor.core.study import Study

SHARPNESS = "sharpness"
"""Stands for a code where the sharpness could not be measured."""


def report_of_inspection(seen: Inspection, study: Study, command: str = "inspect") -> Report:
    """The report of a look at the model.

    Inconclusive where the model could not be looked at; else never unstable, since nothing was trained.

    Args:
        seen: what the look brought.
        study: the spec's, without runs.
        command: the command that looked.
    """
    model = seen.model
    findings, skips = _judged(seen)
    known = Study(name=study.name, runs=(), spec=study.spec, architecture=model)
    return Report(
        command=command,
        verdict="stable" if model is not None else "inconclusive",
        summary=_summary(model, findings, skips) if model is not None else f"not looked at: {seen.failure}",
        runs=(),
        findings=findings,
        skipped=skips,
        fixes=fixes.recommend(known, findings) if model is not None else (),
        architecture=_section(seen, study.spec or {}),
        next_steps=_next_steps(findings),
        checks=checks_of_models(),
    )


def _judged(seen: Inspection) -> tuple[tuple[Finding, ...], tuple[Skip, ...]]:
    if seen.model is not None:
        findings, skips = split(rules.judge_model(seen.model))
    else:
        reason = f"{seen.failure}; the architecture checks were skipped"
        findings, skips = (), tuple(rule.skip(reason) for rule in rules.RULES if rule.check_model is not None)
    if seen.sharpness_failure:
        skips += (Skip(code=SHARPNESS, reason=seen.sharpness_failure),)
    return findings, skips


def _summary(model: Architecture, findings: tuple[Finding, ...], skips: tuple[Skip, ...]) -> str:
    n = len(model.sites)
    warnings = sum(finding.severity != "info" for finding in findings)
    told = f"{warnings} warning{'s' if warnings > 1 else ''}" if warnings else "no warning"
    unknown = (
        f", {len(model.unknown)} unknown operation{'s' if len(model.unknown) > 1 else ''}" if model.unknown else ""
    )
    seen = f"{n} residual add{'' if n == 1 else 's'} (x + f(x))" if n else "no residual add (x + f(x))"
    untrained = f"{told} in the model as it is before training"
    return f"{untrained}: {seen} in one pass on one batch ({model.mode} mode){unknown}{_broken(model)}"


def _broken(model: Architecture) -> str:
    return "" if math.isfinite(model.loss) else f"; the loss is {model.loss} before any update"


def _section(seen: Inspection, spec: Mapping[str, Any]) -> Model:
    """`Report.architecture`; null numbers where the model could not be looked at."""
    model, sharpness = seen.model, safe_rate.of_report(seen.sharpness, spec)
    if model is None:
        return Model(failure=seen.failure, n_parameters=seen.n_parameters, sharpness=sharpness)
    return Model(
        failure=seen.failure,
        n_parameters=seen.n_parameters,
        mode=model.mode,
        loss=model.loss,
        residual_adds=len(model.sites),
        post_norm_sites=len(model.post_norm_sites),
        branches_not_norm_last=sum(not site.is_norm_last for site in model.sites),
        branches_zero_at_init=len(model.zero_sites),
        depth_outside_residuals=model.depth_outside_residuals,
        depth_without_norm=model.depth_without_norm,
        activation_growth=model.activation_growth,
        gradient_growth=model.gradient_growth,
        unknown_operations=len(model.unknown),
        unknown=model.unknown,
        sites=model.sites,
        chain=model.chain,
        sharpness=sharpness,
    )


def _next_steps(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    if all(finding.severity == "info" for finding in findings):
        return ()
    return tuple(_proofs())


def _proofs() -> Iterator[str]:
    yield TREAT
    yield "The model alone does not show whether its training is unstable: `lrdoctor sweep` on this spec measures it."
