"""The experiment loggers that this process has open, as places for an event.

None of them is ever imported: one that the user's code has not imported has nothing open.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lrdoctor.streaming.events import StreamEvent

Write = Callable[[StreamEvent], object]

TAG = "lrdoctor"
TITLE = "lrdoctor: training is {verdict}"
"""Below the 64 characters that W&B takes."""
LONGEST = 500
"""Characters of a tag of MLflow; its servers refuse longer ones from 5000, older ones from 500."""


def open_loggers() -> Iterator[tuple[str, Write]]:
    """(name, how to write an event into it) of each that is open, as this thread sees it."""
    for of in (_tensorboard, _wandb, _mlflow, _trackio):
        try:
            found = list(of())
        except Exception:  # another version of a library that need not be there at all
            continue
        yield from found


def _tensorboard() -> Iterator[tuple[str, Write]]:
    """Every writer that is not closed: there is no register of them but the interpreter's own."""
    names = ("torch.utils.tensorboard.writer", "tensorboardX.writer")
    modules: list[Any] = [sys.modules[name] for name in names if name in sys.modules]
    kinds = tuple(module.SummaryWriter for module in modules if hasattr(module, "SummaryWriter"))
    if not kinds:
        return
    # by type alone: isinstance would ask objects that make up their class when asked
    for writer in [one for one in gc.get_objects() if issubclass(type(one), kinds)]:
        if writer.all_writers is not None:
            yield "TensorBoard", partial(_add_text, writer)


def _add_text(writer: Any, event: StreamEvent) -> None:
    writer.add_text(TAG, event.text, global_step=event.step)
    writer.flush()


def _wandb() -> Iterator[tuple[str, Write]]:
    run = getattr(sys.modules.get("wandb"), "run", None)
    if run is not None:
        yield "W&B", lambda event: run.alert(title=_title(event), text=event.text, level=_level(event))


def _mlflow() -> Iterator[tuple[str, Write]]:
    module: Any = sys.modules.get("mlflow")
    run = module.active_run() if module is not None else None
    if run is None:
        return

    def write(event: StreamEvent) -> None:
        # by its id: the active run is that of a thread
        client = module.MlflowClient()
        client.set_tag(run.info.run_id, f"{TAG}.verdict", event.verdict)
        client.set_tag(run.info.run_id, f"{TAG}.event", event.text[:LONGEST])

    yield "MLflow", write


def _trackio() -> Iterator[tuple[str, Write]]:
    variables, module = sys.modules.get("trackio.context_vars"), sys.modules.get("trackio")
    run: Any = variables.current_run.get() if variables is not None else None
    if run is not None and hasattr(run, "alert"):
        levels = module.AlertLevel  # type: ignore[union-attr]
        yield (
            "Trackio",
            lambda event: run.alert(title=_title(event), text=event.text, level=levels[_level(event)], step=event.step),
        )


def _title(event: StreamEvent) -> str:
    return TITLE.format(verdict=event.verdict)


def _level(event: StreamEvent) -> str:
    """As W&B and Trackio call it."""
    return "ERROR" if event.verdict == "unstable" else "INFO"
