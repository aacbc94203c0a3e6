"""Where trials run: one engine a file, all with the interface of `engines.base`."""

ENGINES = {
    "local": "lrdoctor.engines.local:LocalEngine",
    "here": "lrdoctor.engines.here:HereEngine",
    "dask": "lrdoctor.engines.dask_engine:DaskEngine",
}
"""Name in a spec -> "module:class", imported only when it is used: see `engines.entry.load`."""
