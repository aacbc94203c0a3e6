"""The study folder: atomic writes, one writer, resume."""

from lrdoctor.store.files import folder_name
from lrdoctor.store.folder import StudyFolder

__all__ = ["StudyFolder", "folder_name"]
