from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor import generate


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
