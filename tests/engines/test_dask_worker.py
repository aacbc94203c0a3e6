"""What workers and the scheduler of Dask run for the engine."""

from __future__ import annotations

from types import SimpleNamespace

from lrdoctor.engines import dask_worker


def test_what_has_ended_is_not_kept_for_nobody():
    tasks = {key: SimpleNamespace(state=key) for key in ("waiting", "processing", "memory", "erred", "no-worker")}
    asked: list[tuple[list[str], str]] = []
    scheduler = SimpleNamespace(tasks=tasks, client_desires_keys=lambda keys, client: asked.append((keys, client)))
    assert dask_worker.keep([*tasks, "unread"], scheduler) == set(tasks)
    assert asked == [(["no-worker", "processing", "waiting"], "fire-and-forget")]
