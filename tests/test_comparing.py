"""The folder of a comparison, written by a command that may be killed at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from kills import kill_at_every_call
from report_samples import report, run

from lrdoctor import comparing
from lrdoctor.errors import StoreError
from lrdoctor.reports import figures


def saved(name: str) -> comparing.Saved:
    """A study without a sweep."""
    return comparing.Saved(name, Path("studies") / name, report(), (run(0.01, 0, train=[1.0, 0.5], val=[0.5]),), {})


def test_the_same_comparison_goes_on_after_a_kill_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = {"figure7.svg": b"<svg/>", "figure7.png": b"x"}
    monkeypatch.setattr(figures, "compare_figures", lambda *studies: drawing)

    def compare(number: int) -> None:
        comparing.compare([saved("a"), saved("b")], tmp_path / str(number))

    def again(number: int) -> None:
        compare(number)
        written = {path.name for path in (tmp_path / str(number)).rglob("*") if path.is_file()}
        assert written == {"compare.json", "report.html", *drawing}

    assert kill_at_every_call(monkeypatch, compare, again) > 20


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    with pytest.raises(StoreError, match="holds something that is no comparison"):
        comparing.compare([saved("a"), saved("b")], tmp_path)
