"""Changes of a model that need no author: made on a copy, and verified by recording it again."""

from lrdoctor.architecture.rewrite.applying import apply
from lrdoctor.architecture.rewrite.plan import RewritePlan
from lrdoctor.architecture.rewrite.planning import planned, rewrite

__all__ = ["RewritePlan", "apply", "planned", "rewrite"]
