"""Where trials run: one file an engine, all with the interface of `engines.base`."""
