"""The page of a study: its figures, the files beside them, and what is damaged or missing of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from html_pages import Page, faults
from report_samples import finding, report, summary
from treat_samples import TREATS

from lrdoctor.core.fix_sections import TriedFix
from lrdoctor.core.plain import read
from lrdoctor.core.report import Report
from lrdoctor.reports.figures.style import files
from lrdoctor.reports.html import render
from lrdoctor.reports.treated import in_short


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study folder with a figure, a trial and study.json."""
    for name, content in files("figure_7a_objective_vs_learning_rate", lambda figure: "lr* is 0.01").items():
        (tmp_path / "figures").mkdir(exist_ok=True)
        (tmp_path / "figures" / name).write_bytes(content)
    (tmp_path / "trials/abc").mkdir(parents=True)
    rows = [f"{i},0.1,{5.0 if i == 20 else 1.0},nan," for i in range(40)]
    header = "step,learning_rate,train_loss,grad_norm,val_loss"
    (tmp_path / "trials/abc/steps.csv").write_text("\n".join([header, *rows]) + "\n")
    call = {"command_line": ["/bin/lrdoctor", "sweep", "a b.yaml"], "machine": "m", "started": "now", "exit": None}
    study = {"name": "<mlp>", "lrdoctor_version": "0.1.0", "environment": {"torch": "2"}, "invocations": [call]}
    (tmp_path / "study.json").write_text(json.dumps(study))
    return tmp_path


FIGURES = ["figures/figure_7a_objective_vs_learning_rate.png", "figures/figure_7a_objective_vs_learning_rate.svg"]


def of_folder(**changes: Any) -> Report:
    plain = report()
    assert plain.sweep is not None
    trial = summary(source="trials/abc/steps.csv")
    sweep = replace(plain.sweep, **{"figures": FIGURES, **changes.pop("sweep", {})})
    found = (*plain.findings[:1], finding("it rose", run=trial.name, code="LRD201", first_step=20))
    return replace(plain, runs=(trial,), findings=found, sweep=sweep)


@pytest.mark.parametrize("name", ["study.json", "trials/abc/steps.csv", FIGURES[1]])
def test_what_has_no_end_is_not_read(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    assert faults(render(of_folder(), folder)) == []


def test_a_study_shows_its_figures_and_where_it_comes_from(folder: Path) -> None:
    text = render(of_folder(), folder)
    assert faults(text) == []
    page = Page.of(text)
    assert [of["class"] for of in page.every("figure")] == ["paper", "drawn"]
    assert page.words["title"][1] == "lr* is 0.01"
    assert "unstable: the best learning rate sits at the edge of what is feasible" in page.words["desc"]
    assert page.words["h1"] == ["<mlp> "]
    assert "lrdoctor sweep 'a b.yaml'" in page.words["code"]


@pytest.mark.parametrize(
    "name",
    ["figures/../../secret.svg", "/etc/secret.svg", "figures/none.svg", "figures/bad.svg"],
)
def test_what_is_no_figure_of_the_study_is_named_and_not_shown(folder: Path, name: str) -> None:
    (folder / "figures/bad.svg").write_text("<svg><script>")
    (folder.parent / "secret.svg").write_text('<svg viewBox="0 0 9 9"><text>secret</text></svg>')
    page = Page.of(render(of_folder(sweep={"figures": [name]}), folder))
    assert "Not shown" in page.text
    assert "secret<" not in page.text
    assert [of["class"] for of in page.every("figure")] == ["drawn"]


@pytest.mark.parametrize("damage", ["study.json", "trials/abc/steps.csv", FIGURES[1]])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1", b"[]", b'{"invocations": 3}', b"step\n1\n"])
def test_a_damaged_folder_costs_no_more_than_its_part(folder: Path, damage: str, content: bytes) -> None:
    (folder / damage).write_bytes(content)
    text = render(of_folder(), folder)
    assert faults(text) == []
    assert "lr* is the last feasible rate" in text


def test_the_numbers_behind_each_figure_of_a_treatment_are_those_of_its_fix(folder: Path) -> None:
    swept = [row for row in TREATS["all"]["tried"] if row["rates"] and row["name"] != "lower_learning_rate"]
    names = [f"figures/figure_8_{i}.svg" for i in range(len(swept))]
    for name, row in zip(names, swept, strict=True):
        drawing = '<defs><path id="dot" d="M 0 0 L 1 1"/></defs><use href="#dot"/>'
        (folder / name).write_text(f'<svg viewBox="0 0 9 9"><title>{row["name"]}</title>{drawing}</svg>')
    text = render(report(treat={**TREATS["all"], "figures": names}, command="treat"), folder)
    assert faults(text) == []  # above all: no id twice
    page = Page.of(text)
    captions = [caption for caption in page.words["caption"] if caption.startswith("Without and with")]
    assert captions == [f"Without and with {in_short(read(TriedFix, row))}: median over the seeds" for row in swept]
    assert page.words["title"][1:] == [row["name"] for row in swept]


def test_a_close_up_shows_the_finding_and_its_surroundings(folder: Path) -> None:
    page = Page.of(render(of_folder(), folder))
    assert "training loss, steps 8 to 32, enlarged" in page.words["figcaption"]
    assert "it rose" in page.words["desc"]
    assert [of["class"] for of in page.every("rect")] == ["span error thin"]
