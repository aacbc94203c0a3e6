"""`--seeds auto`: seeds are added until the sweep settles on which side of the edge lr* is; an engine that trains
nothing answers for the trials."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_examine import SPEC, FakeEngine, Log, World, broken_at, opened

from lrdoctor import assess, examine
from lrdoctor.core.study import Study
from lrdoctor.examine.seeds import MOST_SEEDS
from lrdoctor.procedures.sweep import Settings
from lrdoctor.rules.best_at_edge import side
from lrdoctor.spec import load_spec

Edge = Callable[[int], float]


def world(edge: Edge) -> World:
    """A bowl about 0.01; every seed breaks from its edge on."""

    def losses(rate: float, seed: int) -> list[float]:
        if rate == 0:
            return [2.0] * 40
        if rate >= edge(seed):
            return broken_at(rate)
        goal = 0.1 * (1 + abs(math.log10(rate / 0.01)))
        return [goal + (2 - goal) * 0.9**t for t in range(40)]

    return losses


def settled(
    folder: Path, edge: Edge, seeds: str = "[0, 1, 2]", budget: int | None = None
) -> tuple[tuple[int, ...], Study, FakeEngine, Log]:
    """The seeds that it takes, the sweep over them, and who ran it."""
    (folder / "spec.yaml").write_text(SPEC)
    spec = load_spec(folder / "spec.yaml", [f"seeds={seeds}"])
    engine, log = FakeEngine(world(edge)), Log()
    with opened(spec, folder / "out") as study_folder:
        laboratory = examine.Laboratory(spec, study_folder, engine, log, budget=budget)
        settings = Settings(examine.grid(laboratory))
        enough = examine.enough_seeds(laboratory, settings, spec.seeds)
        trained = engine.trials
        study = examine.sweep(laboratory, settings, enough)
        assert engine.trials == trained  # every trial was there
    return enough, study, engine, log


def varied(seed: int) -> float:
    """Edges of 0.04 to 0.11, about 5 x lr*, below which the next swept rate is the edge: more than three seeds are
    needed to see on which side of it the middle lies."""
    return 0.067 * (0.6, 1.6, 1.0, 1.3, 0.8)[seed % 5]


Settled = tuple[tuple[int, ...], Study, FakeEngine, Log]


@pytest.fixture(scope="module")
def of_varied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settled]:
    """What `varied` takes, and its folder, which is to be copied by who writes into it."""
    folder = tmp_path_factory.mktemp("varied")
    return folder, settled(folder, varied)


@pytest.mark.parametrize(
    ("edge", "seeds", "n"),
    [
        (lambda _: 0.17, "[0, 1, 2]", 3),  # far from the limit: three are enough
        (lambda _: 9.0, "[0]", 3),  # one is not, however clear
        (lambda _: 9.0, "[0, 1, 2, 3, 4]", 5),  # none is taken away
    ],
)
def test_clear_sweeps_take_no_more_seeds(tmp_path: Path, edge: Edge, seeds: str, n: int) -> None:
    enough, study, _, log = settled(tmp_path, edge, seeds)
    assert enough == tuple(range(n))
    assert side(study) == "beyond"
    assert not any("is added" in message for message in log.messages)


def test_seeds_are_added_until_it_is_settled(of_varied: tuple[Path, Settled]) -> None:
    enough, study, _, log = of_varied[1]
    assert 3 < len(enough) <= MOST_SEEDS
    assert enough == tuple(range(len(enough)))
    assert side(study) != "open" or len(enough) == MOST_SEEDS
    added = [message for message in log.messages if "is added" in message]
    assert added[0] == "3 seeds do not settle the verdict: seed 3 is added"
    assert len(added) == len(enough) - 3


def test_the_seeds_before_the_last_did_not_settle_it(of_varied: tuple[Path, Settled], tmp_path: Path) -> None:
    folder, (enough, _, _, _) = of_varied
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    fewer = load_spec(tmp_path / "spec.yaml", [f"seeds={list(enough[:-1])}"])
    with opened(fewer, tmp_path / "out") as study_folder:
        engine = FakeEngine(world(varied))
        laboratory = examine.Laboratory(fewer, study_folder, engine, Log())
        study = examine.sweep(laboratory, Settings(examine.grid(laboratory)), enough[:-1])
    assert engine.trials == 0
    assert side(study) == "open"
    report = assess.report_of_sweep(study, "sweep")
    assert report.verdict == "inconclusive"
    assert "cannot tell whether the best learning rate" in report.summary
    assert study.certainty is not None
    needed = study.certainty.seeds_to_settle["LRD401"]
    assert f"lrdoctor sweep SPEC --seeds {needed or 'auto'}" in report.next_steps


def test_it_resumes(of_varied: tuple[Path, Settled], tmp_path: Path) -> None:
    folder, (first, _, _, _) = of_varied
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    second, _, engine, _ = settled(tmp_path, varied)
    assert (second, engine.trials) == (first, 0)


def test_a_budget_that_is_spent_leaves_the_seeds_so_far(of_varied: tuple[Path, Settled], tmp_path: Path) -> None:
    needed, _, engine, _ = of_varied[1]
    enough, study, _, log = settled(tmp_path, varied, budget=engine.trials * 40 // 2)
    assert 3 <= len(enough) < len(needed)
    assert side(study) == "open"
    assert any("seeds it is" in message and "--max-trial-steps leaves" in message for message in log.messages)


def test_seeds_are_numbered_on_from_the_highest() -> None:
    assert examine.numbered_on([4, 0], 4) == (4, 0, 5, 6)
    assert examine.numbered_on([0, 1, 2, 3], 3) == (0, 1, 2, 3)
