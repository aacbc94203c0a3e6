"""The spec: the user's YAML, read, checked and filled in. The only package that imports pydantic or yaml."""

from lrdoctor.spec.base import Spec
from lrdoctor.spec.command import CommandSpec
from lrdoctor.spec.model import ModelSpec, load_spec, spec_from, spec_schema
from lrdoctor.spec.others import other_optimizers

__all__ = ["CommandSpec", "ModelSpec", "Spec", "load_spec", "other_optimizers", "spec_from", "spec_schema"]
