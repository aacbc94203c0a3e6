"""Runs at the start of every Python process of a recorded command, then runs the sitecustomize that it stands before.

Python imports the first `sitecustomize` on its path (module `site`). Nothing else happens here before torch is
imported.
"""

import os
import sys


def _next_one() -> None:
    """Runs the sitecustomize that would have run without this folder."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if os.environ.get("LRDOCTOR_RECORDING"):
    try:
        from importlib.util import module_from_spec, spec_from_file_location

        # the package may be installed for another Python than the command's, so it is found beside this file
        _package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        _spec = spec_from_file_location("_lrdoctor_waiting", os.path.join(_package, "recording", "waiting.py"))
        assert _spec is not None
        assert _spec.loader is not None
        _waiting = module_from_spec(_spec)
        _spec.loader.exec_module(_waiting)
        _waiting.wait(_package)
    except Exception as error:  # the script must run all the same
        sys.stderr.write(f"lrdoctor: this training is not recorded: {error!r}\n")
_next_one()
