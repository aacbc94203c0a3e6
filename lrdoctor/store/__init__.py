"""The study folder: atomic writes, one writer, resume."""

from lrdoctor.store.folder import StudyFolder

__all__ = ["StudyFolder"]
