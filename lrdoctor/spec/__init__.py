"""The spec: the user's YAML, read, checked and filled in. The only package that imports pydantic or yaml."""

from lrdoctor.spec.model import Spec, load_spec, spec_schema

__all__ = ["Spec", "load_spec", "spec_schema"]
