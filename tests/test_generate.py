from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor import generate
from lrdoctor.logs import READERS


def test_every_generated_file_is_up_to_date() -> None:
    assert generate.stale() == [], "run: python -m lrdoctor.generate"


def test_main_writes_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, old, fresh = (tmp_path / name for name in ("missing", "old", "fresh"))
    old.write_text("before")
    fresh.write_text("text")
    monkeypatch.setattr(generate, "generated", lambda: [(path, "text") for path in (missing, old, fresh)])
    assert generate.stale() == [missing, old]
    generate.main()
    assert capsys.readouterr().out.split() == [str(missing), str(old)]
    assert generate.stale() == []


def test_what_is_generated_depends_on_no_terminal_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert generate.stale() == []


def test_the_readme_shows_a_report_and_names_every_format() -> None:
    readme = generate.README.read_text("utf-8")
    assert f"$ lrdoctor diagnose {generate.SAMPLE}\nUNSTABLE: " in readme
    assert [reader.NAME for reader in READERS if f"`{reader.NAME}`" not in readme] == []
