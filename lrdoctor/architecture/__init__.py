"""What a model is made of: one real batch is run under a recorder, and residual sites are read off what ran."""

from lrdoctor.architecture.look import LossOf, Model, Scalar, look
from lrdoctor.architecture.rewrite import RewritePlan, apply, planned, rewrite
from lrdoctor.architecture.sharpness import sharpness

__all__ = ["LossOf", "Model", "RewritePlan", "Scalar", "apply", "look", "planned", "rewrite", "sharpness"]
