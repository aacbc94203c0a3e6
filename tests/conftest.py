"""What all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

# no test depends on the clock; in CI the same examples are drawn in every run, elsewhere new ones
settings.register_profile("lrdoctor", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lrdoctor")

# the command is fuzzed with damaged copies of the samples that the readers are tested with
sys.path.append(str(Path(__file__).parent / "logs"))
