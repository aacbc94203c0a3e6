"""study.json: what a study folder holds, and whether an invocation may go on with it."""

from __future__ import annotations

import json
import platform
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lrdoctor import __version__
from lrdoctor.core import saved_json
from lrdoctor.errors import Interrupted, StoreError
from lrdoctor.store.files import explained, read_file

SCHEMA_VERSION = 1
STUDY, RUNNING = "study.json", "running"
OURS = ("trials", RUNNING, "figures", "trials.csv", "spec.yaml", "prescription.yaml", "report.*", "live.html")
"""What --fresh deletes; study.json stays until a new one takes its place, so that the folder is a study throughout."""

KINDS: Mapping[str, type] = {
    "lrdoctor_version": str,
    "id": str,
    "name": str,
    "identity": dict,
    "environment": dict,
    "invocations": list,
    "data": dict,
    "trained_on": dict,
}
"""What study.json holds under these keys."""

INVISIBLE = {".lock", f".{STUDY}.tmp"}
"""What a process killed at its very start leaves: a folder with nothing else counts as empty."""

ADVICE = "Try another --out, or --fresh to delete the saved trials and start over."


def new_study(name: str, what: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a new study.json.

    Args:
        name: the study's name.
        what: its `identity` and `environment`, as plain values.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "lrdoctor_version": __version__,
        "id": new_id(),
        "name": name,
        **what,
        "created": _now(),
        "invocations": [],
    }


def new_id() -> str:
    """Text that tells a study from every other one, wherever its folder is seen from."""
    return uuid.uuid4().hex


def invocation(command_line: Sequence[str]) -> dict[str, Any]:
    """The record of an invocation that begins."""
    return {
        "command_line": list(command_line),
        "machine": platform.platform(),
        "started": _now(),
        "finished": None,
        "exit": None,
    }


def ending(error: type[BaseException] | None) -> dict[str, str]:
    """What the record of an invocation gains when it ends."""
    if error is None:
        how = "completed"
    elif issubclass(error, Interrupted | KeyboardInterrupt):
        how = "interrupted"
    else:
        how = f"failed: {error.__name__}"
    return {"finished": _now(), "exit": how}


def load_study(out: Path) -> dict[str, Any] | None:
    """The folder's study.json, None when the folder is empty or missing.

    Raises:
        StoreError: the folder holds something else than a study, or cannot be read.
    """
    with explained("read", out):
        if not out.exists():
            return None
        if not out.is_dir():
            raise StoreError(f"{out} is a file, expected a folder; pass another --out")
        names = sorted({path.name for path in out.iterdir()} - INVISIBLE)
        if not names:
            return None
        text = read_file(out / STUDY) if STUDY in names else b""
    study = _parsed(text)
    problem = _problem(study)
    if problem:
        wrong = f"its {STUDY} {problem}" if STUDY in names else f"it has no {STUDY}"
        raise StoreError(
            f"{out} holds {names[0]!r} and is no study of lrdoctor ({wrong}), so nothing was changed in it; "
            "pass an --out that is empty or does not exist yet"
        )
    # what is absent differs from whatever is to be run
    return {"identity": {}, "environment": {}, "invocations": [], **study}


def _problem(study: Any) -> str:
    """What of a study.json lrdoctor never writes so; "" where it is all right."""
    if not isinstance(study, dict) or "lrdoctor_version" not in study:
        return "is damaged or not lrdoctor's"
    if study.get("schema_version") != SCHEMA_VERSION:
        return ""  # of another format: `refuse_format` says more
    for key, kind in KINDS.items():
        if key in study and not isinstance(study[key], kind):
            return f"is damaged: {key}: found {type(study[key]).__name__}, expected {kind.__name__}"
    if not all(isinstance(invocation, dict) for invocation in study.get("invocations", ())):
        return "is damaged: invocations: found something else than objects"
    if not _are_texts(study.get("trained_on", {}).values()):
        return "is damaged: trained_on: found something else than text"
    optimizer = study.get("identity", {}).get("optimizer", {})
    if not isinstance(optimizer, dict) or not _are_texts(optimizer.get(key, "") for key in ("name", "class_path")):
        return "is damaged: identity.optimizer: found something else than an optimizer"
    return ""


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def delete_results(out: Path) -> None:
    """Deletes what lrdoctor wrote to a study folder but study.json, and nothing else."""
    with explained("delete what is in", out):
        for pattern in OURS:
            for path in sorted(out.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def refuse_changed(out: Path, saved: Mapping[str, Any], what: Mapping[str, Any]) -> None:
    """Compares a saved study with what is to be run now.

    Raises:
        StoreError: they differ; the text lists every difference.
    """
    refuse_format(out, saved)
    told = []
    if changed := list(changes(saved["identity"], what["identity"])):
        told += [f"{out} holds a study of another spec:", *changed]
        told += _of_optimizers(out, saved["identity"].get("optimizer"), what["identity"].get("optimizer"))
    if changed := list(changes(saved["environment"], what["environment"])):
        told += [f"{out} holds trials of other versions, whose curves do not mix with new ones:", *changed]
    if told:
        raise StoreError("\n".join([*told, ADVICE]))


def _of_optimizers(out: Path, old: Any, new: Any) -> Iterator[str]:
    """What to do where the optimizer is another one."""
    if old != new and isinstance(new, dict):
        name = re.split(r"[.:]", str(new.get("name") or new.get("class_path")))[-1]
        yield (
            "Learning rates hold for one optimizer only, so each has a study of its own: "
            f"pass --out {out}-{name} for this one."
        )


def refuse_format(out: Path, saved: Mapping[str, Any]) -> None:
    """Raises StoreError when another version of lrdoctor wrote the study in another format."""
    if saved.get("schema_version") != SCHEMA_VERSION:
        raise StoreError(
            f"{out / STUDY} has schema_version {saved.get('schema_version')!r}, expected {SCHEMA_VERSION}: "
            f"lrdoctor {saved['lrdoctor_version']} wrote it, this is {__version__}.\n{ADVICE}"
        )


def changes(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every dotted key whose value differs, a line each.

    Args:
        old, new: plain values: mappings are descended into, anything else is compared whole.
        path: the keys that lead to the two.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(old.get(key, ...), new.get(key, ...), (*path, key))
    elif _shown(old) != _shown(new):
        name = path[-1] if path else ""
        if name.startswith("file:") and ... not in (old, new):
            yield f"  the content of {name.removeprefix('file:')} changed"
        else:
            yield f"  {'.'.join(path)}: was {_shown(old)}, is now {_shown(new)}"


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as it reads back from JSON: tuples are lists.

    Raises:
        ValueError: a number in it is not finite.
    """
    read_back: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    return read_back


def _shown(value: Any) -> str:
    return "not set" if value is ... else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _parsed(text: bytes) -> Any:
    try:
        return saved_json.loads(text, parse_constant=_refuse)
    except ValueError:
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
