"""Callbacks that record a training from within, and judge it while it runs: `hf`, `lightning`, `keras`.

Each module needs its framework, which `import lrdoctor` never imports. For a loop of your own, and for Accelerate,
there is `lrdoctor.Recorder`.
"""
