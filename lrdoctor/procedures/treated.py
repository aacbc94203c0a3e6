"""Everything that the whole procedure found."""

from __future__ import annotations

from dataclasses import dataclass, field

from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.rewriting import Possible
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.procedures.clip import Clipping
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.probe import Probed
from lrdoctor.procedures.treatment import Settings
from lrdoctor.procedures.treatment_results import Cost, Tried, Verified
from lrdoctor.procedures.warmup_comparison import WarmupFound


@dataclass(frozen=True, kw_only=True)
class Treated:
    """Everything that the whole procedure found."""

    study: Study
    """The sweep of the spec's own training."""
    probed: Probed | None = None
    """None where there is no lr* to probe above."""
    before: Measured | None = None
    unneeded: str = ""
    """Why no fix was tried; empty where fixes were."""
    tried: tuple[Tried, ...] = ()
    """In the order in which they were tried."""
    prescribed: Verified | None = None
    possible: Possible | None = None
    """What can be changed in the model; None where no fix came to that."""
    warmup: WarmupFound | None = None
    clipping: Clipping | None = None
    runs: tuple[Run, ...] = ()
    """Every trial of the fixes."""
    findings: tuple[Finding, ...] = ()
    """Of these runs."""
    skipped: tuple[Skip, ...] = ()
    cut: tuple[str, ...] = ()
    """What the budget of training steps left no room for."""
    cost: Cost = field(default_factory=Cost)
    """Of the whole procedure."""
    limits: Settings = field(default_factory=Settings)
