"""lrdoctor: finds out why a PyTorch model's training is unstable, by controlled trials.

The command line is `lrdoctor.cli`. Importing this package imports neither torch nor pandas.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
