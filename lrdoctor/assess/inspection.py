"""The report of a look at the model: no verdict on a training, but on what the model is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from lrdoctor import fixes, rules
from lrdoctor.assess.judging import checks_of_models, split
from lrdoctor.assess.safe_rate import as_dict as sharpness_dict
from lrdoctor.core.architecture import Architecture, Inspection, Site
from lrdoctor.core.report import Finding, Report, Skip
from lrdoctor.core.study import Study

SITE = ("where", "module", "skip", "branch_scale", "last_operation", "post_norm")
"""Fields of a site that come first in the report."""
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
        architecture={**_table(seen), SHARPNESS: sharpness_dict(seen.sharpness, study.spec or {})},
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
    told = f"{warnings} warning{'s' if warnings > 1 else ''}" if warnings else "nothing to warn of"
    unknown = f", {len(model.unknown)} unknown operations" if model.unknown else ""
    return (
        f"{n or 'no'} residual add{'' if n == 1 else 's'} seen in one forward and backward pass on one batch "
        f"({model.mode} mode){unknown}: {told}{_broken(model)}"
    )


def _broken(model: Architecture) -> str:
    return "" if math.isfinite(model.loss) else f"; the loss is {model.loss} before any update"


def _table(seen: Inspection) -> dict[str, Any]:
    """`Report.architecture`, as plain data; null where the model could not be looked at."""
    model = seen.model
    return {
        "failure": seen.failure,
        "n_parameters": seen.n_parameters,
        "mode": model and model.mode,
        "loss": model and model.loss,
        "residual_adds": model and len(model.sites),
        "post_norm_sites": model and len(model.post_norm_sites),
        "branches_not_norm_last": model and sum(not site.is_norm_last for site in model.sites),
        "branches_zero_at_init": model and len(model.zero_sites),
        "depth_outside_residuals": model and model.depth_outside_residuals,
        "depth_without_norm": model and model.depth_without_norm,
        "activation_growth": model and model.activation_growth,
        "gradient_growth": model and model.gradient_growth,
        "unknown_operations": model and len(model.unknown),
        "unknown": list(model.unknown) if model is not None else [],
        "sites": [_site(site) for site in model.sites] if model is not None else [],
        "chain": [asdict(scale) for scale in model.chain] if model is not None else [],
    }


def _site(site: Site) -> Mapping[str, Any]:
    whole = asdict(site)
    first = {name: whole[name] for name in SITE}
    return {**first, **whole, "zeroable": list(site.zeroable)}


def _next_steps(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    if all(finding.severity == "info" for finding in findings):
        return ()
    return tuple(_proofs())


def _proofs() -> Iterator[str]:
    yield "`lrdoctor treat` on this spec: what can be changed in a copy of the model is tried, and proven or rejected"
    yield "`lrdoctor sweep` on this spec: whether the training is unstable is measured, not read off the model"
