"""The study folder: atomic writes, one writer, resume."""

from lrdoctor.store.files import folder_name
from lrdoctor.store.folder import StudyFolder
from lrdoctor.store.saved import SavedStudy
from lrdoctor.store.trial_files import TrialRecord, run_name

__all__ = ["SavedStudy", "StudyFolder", "TrialRecord", "folder_name", "run_name"]
