"""Changes of a model that need no author: made on a copy, and verified by recording it again."""

from lrdoctor.architecture.rewrite.applying import apply
from lrdoctor.architecture.rewrite.plan import Plan
from lrdoctor.architecture.rewrite.planning import planned, rewrite

__all__ = ["Plan", "apply", "planned", "rewrite"]
