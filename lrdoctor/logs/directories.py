"""Every log below a directory."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lrdoctor.errors import LogError
from lrdoctor.logs import dvclive, hf_trainer, mlflow

OTHER_FILES = frozenset({
    ".pt", ".pth", ".bin", ".safetensors", ".ckpt", ".npz", ".npy", ".onnx", ".h5", ".hdf5", ".pkl", ".pickle",
    ".gguf", ".msgpack", ".model", ".joblib", ".distcp", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp",
    ".bmp", ".ico", ".pdf", ".eps", ".mp4", ".avi", ".wav", ".mp3", ".flac", ".py", ".pyc", ".pyi", ".ipynb",
    ".sh", ".bat", ".ps1", ".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".so", ".o", ".js", ".ts", ".css", ".html",
    ".tex", ".bib", ".md", ".rst", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".lock", ".zip", ".tar", ".tgz",
    ".bz2", ".xz", ".7z", ".whl", ".egg", ".patch", ".diff", ".parquet", ".arrow",
})  # fmt: skip
"""Suffixes of weights, pictures, code, settings and archives, none of which is a log."""
SETTINGS_FILES = frozenset({
    "config.json", "generation_config.json", "adapter_config.json", "preprocessor_config.json",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "params.json", "package.json", "package-lock.json", "wandb-metadata.json",
    "wandb-summary.json", "requirements.txt", "all_results.json", "train_results.json", "eval_results.json",
    "model.safetensors.index.json", "pytorch_model.bin.index.json", "README.txt", "LICENSE.txt", "license.txt",
    "meta.json",
})  # fmt: skip
"""JSON and text files that tools write beside a log."""
OTHER_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "venv"})
DEEPEST = 64
"""Directories below each other; a limit keeps a hostile tree from exhausting the stack."""
STUDY_FILES = frozenset({"study.json", "trials.csv", "report.json", "trial.json"})
"""What lrdoctor writes into a study folder beside the curves of its trials."""
STUDY, TRIAL = {"study.json", "trials"}, {"trial.json", "steps.csv"}
"""What a study folder, and the folder of a trial in it, are known by."""
RECORDING, RECORDING_FILES = {"recording.json", "steps.csv"}, STUDY_FILES | {"recording.json", "evaluations.csv"}
"""What the folder of a recording is known by, and what lies in it beside the curves."""
RAY_RESULT = "result.json"
RAY_TWINS = ("progress.csv", "events.out.tfevents")
"""What Ray writes beside `result.json`, with the same numbers."""


def sources_below(path: Path, skipped: Counter[str] | None = None) -> Iterator[Path]:
    """Files and folders below `path` that may be logs, in sorted order, each run once.

    A folder is given itself where it is one source: a DVCLive folder, or a run of MLflow's file store. Of a Trainer's
    run folder, the `trainer_state.json` that goes furthest is given. Whether a file is a log is for the readers to say.

    Args:
        path: a directory; links to directories are followed, to each directory once.
        skipped: counts what was passed over, by reason.

    Raises:
        LogError: the directory cannot be listed.
    """
    counts: Counter[str] = Counter() if skipped is None else skipped
    try:
        with os.scandir(path):
            pass
    except OSError as error:
        raise LogError(f"{path}: cannot be listed: {error.strerror or error}") from error
    return _walk(path, counts, set(), 0)


def _walk(folder: Path, skipped: Counter[str], seen: set[tuple[int, int]], depth: int) -> Iterator[Path]:
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
        one_source = dvclive.is_folder(folder) or mlflow.is_run_folder(folder)
        state = hf_trainer.newest_state(folder)
    except OSError:
        skipped["unreadable directories"] += 1
        return
    if depth > DEEPEST:
        skipped["directories nested too deeply"] += 1
        return
    if (status.st_dev, status.st_ino) in seen:
        skipped["links to directories already read"] += 1
        return
    seen.add((status.st_dev, status.st_ino))
    if one_source:
        yield folder
        return
    names = {entry.name for entry in entries}
    has_ray_result, is_study, is_recording = RAY_RESULT in names, names >= STUDY or names >= TRIAL, names >= RECORDING
    for entry in entries:
        if state is not None and entry == state.parent:
            yield state
        elif is_study and entry.name in STUDY_FILES:
            skipped["lrdoctor's own records of a study"] += 1
        elif is_recording and entry.name in RECORDING_FILES:
            skipped["lrdoctor's own records of a recording"] += 1
        elif reason := _passed_over(entry, state, has_ray_result):
            skipped[reason] += 1
        elif entry.is_dir():
            yield from _walk(entry, skipped, seen, depth + 1)
        else:
            yield entry


def _passed_over(entry: Path, state: Path | None, has_ray_result: bool) -> str | None:
    """Why an entry of a folder is no log, None when it may be one."""
    if entry.name.startswith("."):
        return "hidden files and directories"
    try:
        status = entry.stat()
    except OSError:
        return "broken links"
    if stat.S_ISDIR(status.st_mode):
        if entry.name in OTHER_FOLDERS:
            return "directories that hold no logs"
        return "older checkpoints" if state is not None and hf_trainer.is_checkpoint(entry) else None
    if not stat.S_ISREG(status.st_mode):
        return "pipes, sockets and devices"
    if not status.st_size:
        return "empty files"
    if entry.name == hf_trainer.FILE:
        return None if entry == state else "older checkpoints"
    if has_ray_result and entry.name.startswith(RAY_TWINS):
        return "copies of a Ray result.json"
    # the suffix of `weights.pt.gz` is what was compressed
    name = Path(entry.stem) if entry.suffix.lower() == ".gz" else entry
    return (
        "weights, pictures, code and settings"
        if name.suffix.lower() in OTHER_FILES or entry.name in SETTINGS_FILES
        else None
    )
