"""How many threads numpy starts."""

from __future__ import annotations

import os


def one_for_numpy() -> None:
    """Keeps numpy's linear algebra at one thread; to be called before numpy is imported.

    It would start one for every core, a third of the time that importing numpy takes, and judging a log has no use for
    them. Only for commands that train nothing: worker processes inherit the setting.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
