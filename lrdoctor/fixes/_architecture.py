"""What is known of the model, for the fixes that change it."""

from __future__ import annotations

from lrdoctor.core.architecture import DEEP, Architecture, Site, places
from lrdoctor.core.report import Finding
from lrdoctor.core.study import Study


def lacks_basics(study: Study, finding: Finding) -> bool:
    """Whether residual connections or normalization are missing, as far as is known."""
    model = study.architecture
    return model is None or not model.sites or model.distinct_without_norm > DEEP


def has_norm_after_sum(study: Study, finding: Finding) -> bool:
    """Whether a residual sum is normalized, as far as is known."""
    model = study.architecture
    return model is None or bool(model.post_norm_sites)


def has_loud_branch(study: Study, finding: Finding) -> bool:
    """Whether a residual branch could start at zero and does not, as far as is known."""
    model = study.architecture
    return model is None or any(site.zeroable for site in model.sites)


def what_is_missing(model: Architecture) -> str:
    """Of residual connections and norms, in words."""
    missing = []
    if not model.sites:
        missing.append(f"no residual add was recognised over {model.depth_outside_residuals} layers{_from_to(model)}")
    if model.distinct_without_norm > DEEP:
        missing.append(f"{model.distinct_without_norm} layers have no normalization between them")
    return " and ".join(missing)


def _from_to(model: Architecture) -> str:
    """The first and the last layer by name, where they have names."""
    names = [scale.module for scale in model.chain]
    return f", from {names[0]} to {names[-1]}," if len(names) > 1 and names[0] and names[-1] else ""


def zeroable(model: Architecture) -> tuple[str, ...]:
    """Parameters to start at 0, each once: shared blocks run several times."""
    return tuple(dict.fromkeys(name for site in model.sites for name in site.zeroable))


def where_to_zero(model: Architecture) -> str:
    """Which branches can start at zero and which cannot, in words."""
    loud = [site for site in model.sites if site.zeroable]
    held = [site for site in model.sites if site.why_not and not site.is_zero]
    return f"at {places(loud)}" + (f"; not at {_why(held)}" if held else "")


def _why(sites: list[Site]) -> str:
    first = sites[0].why_not
    same = [site for site in sites if site.why_not == first]
    rest = len(sites) - len(same)
    return f"{places(same)}: {first}" + (f"; and {rest} of other kinds" if rest else "")
