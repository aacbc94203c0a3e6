"""The page of a running study: what it shows, when it is written, and that it ends."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from html_pages import faults
from report_samples import falling, run, trial
from sweep_in_process import Nobody

from lrdoctor.errors import StoreError
from lrdoctor.live import LivePage
from lrdoctor.reports.html.live import SECONDS
from lrdoctor.reports.html.live_rates import rates_figure


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def page() -> tuple[LivePage, list[str], Clock]:
    written: list[str] = []
    clock = Clock()
    return LivePage(Nobody(), "<mlp>", written.append, clock), written, clock


def test_the_page_shows_what_runs_and_what_is_finished() -> None:
    live, written, clock = page()
    whole = run(0.1, 2, train=falling())
    assert whole.trial is not None
    live.planned("grid", 4, 1)
    live.started(whole.trial, 0)
    clock.now = SECONDS
    live.progressed(whole.trial, 40, 1.25)
    assert len(written) == 2
    assert faults(written[-1]) == []
    for said in ("grid: 1 of 4 trials are finished", "lr=0.1 seed=2", "1.25", 'http-equiv="refresh" content="5"'):
        assert said in written[-1]
    clock.now = 2 * SECONDS
    live.finished(whole)
    assert "grid: 2 of 4 trials are finished" in written[-1]
    assert written[-1].count("<svg ") == 2
    assert "&lt;mlp&gt;" in written[-1]
    assert "Trials under way" not in written[-1]


def test_before_anything_is_planned_no_trial_of_none_is_counted() -> None:
    live, written, _ = page()
    live.look()
    assert "No trial is finished yet." in written[-1]
    assert "0 of 0" not in written[-1]


def test_the_losses_by_rate_grow_with_the_sweep() -> None:
    live, written, clock = page()
    ends = [run(0.01, val=[0.9, 0.5]), run(0.1, val=[0.7, 0.25]), run(1.0, train=[3.0], val=[], status="diverged")]
    for i, end in enumerate(ends):
        clock.now = i * SECONDS
        live.finished(end)
    assert "2 trials completed, 1 diverged (crosses)" in written[-1]
    assert "so far the lowest is 0.25 at 0.1" in written[-1]
    assert written[-1].count('class="line first dot"') == 2
    assert faults(written[-1]) == []


def test_what_only_diverged_or_belongs_to_a_fix_has_no_losses_to_show() -> None:
    warmed = run(0.1, val=[0.2])
    assert warmed.trial is not None
    assert rates_figure("rates", [replace(warmed, trial=replace(warmed.trial, procedure="warmup"))]) is None
    assert rates_figure("rates", [run(0.1, train=[math.nan], val=[], status="diverged")]) is None


def test_the_page_is_written_no_more_often_than_it_reloads() -> None:
    live, written, clock = page()
    live.planned("grid", 4, 0)
    for step in range(100):
        clock.now = step * SECONDS / 50
        live.progressed(trial(), step, 1.0)
    assert len(written) == 2


def test_an_ended_study_reloads_no_more() -> None:
    live, written, _ = page()
    live.planned("grid", 4, 0)
    live.look("The study is finished.")
    assert "The study is finished." in written[-1]
    assert 'http-equiv="refresh"' not in written[-1]
    assert faults(written[-1]) == []


def test_a_page_that_cannot_be_written_stops_nothing() -> None:
    def refuse(text: str) -> Any:
        raise StoreError("disk full")

    live = LivePage(Nobody(), "mlp", refuse, Clock())
    live.planned("grid", 4, 0)
    live.finished(run())
