"""Where trials run: one engine a file, all with the interface of `engines.base`, and all of them listed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An engine: how it is made, what it takes, and how it is told of."""

    maker: str
    """ "module:class", imported only when it is used: see `engines.entry.load`."""
    where: str = ""
    """Where it runs trials, for the help of `--engine`; empty for one that neither a spec nor an option names."""
    accepts: tuple[str, ...] = ()
    """Keys of the spec's block `engine` that it takes beside `jobs`."""
    address: str = ""
    """An example of the address that `--engine name=ADDRESS` takes; empty where it takes none."""
    ends_trials: bool = False
    """Whether it can end a trial that takes too long."""
    spans_machines: bool = False
    """Whether its workers may be on other machines, so that it is told where the code is and which study it serves."""
    needs: str = ""
    """A module that has to be installed for it, by the extra of its own name."""


ENGINES: Mapping[str, Kind] = {
    "local": Kind(maker="lrdoctor.engines.local:LocalEngine", where="processes here", ends_trials=True),
    "dask": Kind(
        maker="lrdoctor.engines.dask_engine:DaskEngine",
        where="a Dask cluster, started here or with its scheduler at the address",
        accepts=("address", "cluster"),
        address="tcp://10.0.0.1:8786",
        spans_machines=True,
        needs="distributed",
    ),
    "here": Kind(maker="lrdoctor.engines.here:HereEngine"),
}
"""By the name that a spec or `--engine` gives."""

NAMED: Mapping[str, Kind] = {name: kind for name, kind in ENGINES.items() if kind.where}
"""Those that a user can name."""
