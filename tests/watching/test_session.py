"""Logs that are followed from the first row to the report, without a clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from watching.growing_logs import HEADER, HEALTHY, LOST, rows

import lrdoctor
from lrdoctor.errors import LogError
from lrdoctor.streaming import StreamEvent
from lrdoctor.watching.session import Session


class Watch:
    """A session, with what it said."""

    def __init__(self, *paths: Path) -> None:
        self.events: list[StreamEvent] = []
        self.said: list[str] = []
        self.session = Session(
            [str(path) for path in paths], on_event=self.events.append, say=self.said.append, clock=lambda: 0.0
        )

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(event.kind, event.verdict) for event in self.events]


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("batch", [1, 50, 1000])
def test_a_file_that_grows(tmp_path: Path, batch: int) -> None:
    """However the rows come, the alarm is the same, and the end is that of diagnose."""
    path, watch = tmp_path / "log.csv", Watch(tmp_path / "log.csv")
    watch.session.poll()
    write(path, HEADER)
    text = rows(LOST).splitlines(keepends=True)
    for k in range(290, len(text), batch) if batch == 1 else range(0, len(text), batch):
        first = 0 if batch == 1 and k == 290 else k
        write(path, "".join(text[first : k + batch]))
        watch.session.poll()
    assert watch.kinds == [("verdict", "stable"), ("alarm", "unstable")]
    alarm = watch.events[-1]
    assert (alarm.step, alarm.rule, alarm.first_step) == (300, "LRD101", 300)
    report = watch.session.finish()
    assert watch.kinds[-1] == ("confirmed", "unstable")
    assert [finding.message for finding in report.findings] == [
        finding.message for finding in lrdoctor.diagnose(path).findings
    ]


def rotated(path: Path) -> None:
    path.rename(path.with_name("log.csv.1"))
    path.write_text(HEADER)


def rotated_without_a_header(path: Path) -> None:
    path.rename(path.with_name("log.csv.1"))
    path.touch()


def truncated(path: Path) -> None:
    path.write_text("")


def deleted(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("values", [HEALTHY, LOST], ids=["healthy", "lost"])
@pytest.mark.parametrize("change", [rotated, rotated_without_a_header, truncated, deleted])
@pytest.mark.parametrize("in_folder", [False, True], ids=["file", "folder"])
def test_a_log_goes_on_after(
    tmp_path: Path, values: list[float], change: Callable[[Path], None], in_folder: bool
) -> None:
    """What is judged is what was written, all of it."""
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "log.csv"
    watch = Watch(folder if in_folder else path)
    write(path, HEADER + rows(values[:200]))
    watch.session.poll()
    change(path)
    watch.session.poll()
    write(path, rows(values[200:], first=200))
    watch.session.poll()
    report = watch.session.finish()
    whole = lrdoctor.diagnose({"step": range(len(values)), "train_loss": values})
    assert report.verdict == whole.verdict
    assert [run.n_points for run in report.runs] == [len(values)]
    assert [finding.message for finding in report.findings] == [finding.message for finding in whole.findings]
    assert len(watch.said) >= 1


def test_a_training_that_begins_again_in_the_same_file_is_a_run_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    watch = Watch(path)
    write(path, HEADER + rows(LOST))
    watch.session.poll()
    path.write_text(HEADER + rows([1.1 * value for value in HEALTHY]))
    watch.session.poll()
    report = watch.session.finish()
    assert [(run.verdict, run.n_points) for run in report.runs] == [("unstable", len(LOST)), ("stable", len(HEALTHY))]


def test_runs_of_a_folder_as_they_appear(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.session.poll()
    write(tmp_path / "a.csv", HEADER + rows(HEALTHY))
    watch.session.poll()
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper" / "b.csv", HEADER + rows(LOST))
    write(tmp_path / "notes.txt", "hello\n")
    watch.session.poll()
    assert watch.session.verdict == "unstable"
    assert {(Path(event.run).name, event.verdict) for event in watch.events} == {
        ("a.csv", "stable"), ("b.csv", "stable"), ("b.csv", "unstable"),
    }  # fmt: skip
    report = watch.session.finish()
    assert report.verdict == "unstable"
    assert len(report.runs) == 2


def test_a_file_that_is_written_anew_as_a_whole(tmp_path: Path) -> None:
    """The Trainer of Hugging Face does so at every checkpoint."""
    path, watch = tmp_path / "trainer_state.json", Watch(tmp_path / "trainer_state.json")
    for n in (100, 250, len(LOST)):
        entries = [{"step": step, "loss": value} for step, value in enumerate(LOST[:n])]
        path.write_text(json.dumps({"global_step": n, "log_history": entries}))
        watch.session.poll()
    assert watch.kinds == [("verdict", "stable"), ("alarm", "unstable")]
    assert watch.session.finish().verdict == lrdoctor.diagnose(path).verdict == "unstable"


def test_what_is_never_there_is_inconclusive(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "nowhere.csv")
    watch.session.poll()
    report = watch.session.finish()
    assert report.verdict == "inconclusive"
    assert report.is_incomplete


def test_half_a_row_is_no_point(tmp_path: Path) -> None:
    """`2.5` of `2.5e-3` would be a blow-up."""
    path, watch = tmp_path / "log.csv", Watch(tmp_path / "log.csv")
    write(path, HEADER + rows(HEALTHY[:100]) + "100,9999")
    watch.session.poll()
    ((run, _),) = watch.session.runs
    assert len(run.train_loss) == 100
    watch.session.finish()


def test_standard_input_is_not_followed() -> None:
    with pytest.raises(LogError, match="lrdoctor diagnose -"):
        Watch(Path("-"))


def test_reading_takes_a_share_of_the_time(tmp_path: Path) -> None:
    """A log is left alone for 19 times as long as reading it took."""
    path = tmp_path / "log.csv"
    now = iter([10.0, 11.0, 29.9, 30.1, 30.1, 50.0, 50.0])
    session = Session([str(path)], clock=lambda: next(now))
    write(path, HEADER + rows(HEALTHY[:100]))
    session.poll()
    write(path, rows(HEALTHY[100:200], first=100))
    session.poll()
    assert len(session.runs[0][0].train_loss) == 100
    session.poll()
    assert len(session.runs[0][0].train_loss) == 200
    session.finish()
