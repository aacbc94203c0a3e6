"""The spec: the user's YAML, read, checked and filled in. The only package that imports pydantic or yaml."""

from lrdoctor.spec.model import Spec, load_spec, spec_of, spec_schema
from lrdoctor.spec.others import other_optimizers

__all__ = ["Spec", "load_spec", "other_optimizers", "spec_of", "spec_schema"]
