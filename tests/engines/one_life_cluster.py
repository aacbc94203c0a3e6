"""A cluster class of a user's own, as those of queueing systems: a lost worker does not come back by itself."""

from __future__ import annotations

from distributed import LocalCluster, Nanny


class OneLife(Nanny):
    """A job that ends with its worker, where Dask's own brings the worker back."""

    async def _on_worker_exit(self, exitcode):
        if self.status.name not in ("closing", "closed"):
            await self.close(reason="the job is over")


class Queue(LocalCluster):
    """Processes of this machine, each a job."""

    def __init__(self, **options):
        super().__init__(
            n_workers=0, threads_per_worker=1, memory_limit=0, host="127.0.0.1", dashboard_address="127.0.0.1:0",
            worker_class=OneLife, silence_logs=60, **options,
        )  # fmt: skip
