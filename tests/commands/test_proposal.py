from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lrdoctor.commands import proposal
from lrdoctor.commands.proposal import Asked
from lrdoctor.errors import SpecError

WORDS = ("python", "train_net.py")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["python", "train_net.py", "--lr", "1"], "train_net"),
        (["python", "/examples/mnist/main.py"], "mnist-main"),
        (["torchrun", "--nproc-per-node", "2", "src/train.py", "x.yaml"], "src-train"),
        (["python", "-m", "my.training"], "my.training"),
        (["./go"], "go"),
    ],
)
def test_the_study_is_named_after_the_script(words: Sequence[str], name: str) -> None:
    assert proposal.name_of(words) == name


@pytest.mark.parametrize(
    ("low", "high", "usual", "rates"),
    [
        (0.01, 1.0, None, [0.01, 0.03162, 0.1, 0.3162, 1.0]),
        (0.1, 0.2, None, [0.1, 0.1414, 0.2]),
        # the command's own rate is one of them to the last bit
        (0.003162, 3.162, 0.1, [0.003162, 0.01, 0.03162, 0.1, 0.3162, 1.0, 3.162]),
        (1.897e-5, 0.01897, 6e-4, [1.897e-5, 6e-5, 1.897e-4, 6e-4, 1.897e-3, 6e-3, 0.01897]),
        (0.2, 2.0, None, [0.2, 0.6325, 2.0]),
    ],
)
def test_the_rates_are_half_a_decade_apart(low: float, high: float, usual: float | None, rates: list[float]) -> None:
    spec = proposal.finish("x", WORDS, Asked(steps=50, lowest=low, highest=high, usual=usual), ["seeds=[4]"])
    assert list(spec.swept) == rates
    assert (spec.seeds, spec.max_train_steps, spec.command) == ((4,), 50, WORDS)


def test_rates_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(SpecError, match=r"^found --max 0.1 with --min 1, expected --max above --min$"):
        proposal.finish("x", WORDS, Asked(steps=50, lowest=1.0, highest=0.1), ())


@pytest.mark.parametrize(
    ("saved", "is_known"),
    [({}, True), ({"command": ["python", "other.py"]}, False), ({"working_directory": ".."}, False)],
)
def test_a_study_of_the_same_command_is_gone_on_with(folder: Path, saved: dict[str, Any], is_known: bool) -> None:
    spec = proposal.finish("x", WORDS, Asked(steps=50, lowest=0.01, highest=1.0), ())
    (folder / "out").mkdir()
    text = spec.patched_yaml(folder / "out", saved, "") if saved else spec.to_yaml(folder / "out")
    (folder / "out" / "spec.yaml").write_text(text)
    known = proposal.of_study(folder / "out", proposal.begin("x", WORDS, ()))
    assert known == (Asked(steps=50, rates=(0.01, 0.03162, 0.1, 0.3162, 1.0)) if is_known else None)


@pytest.mark.parametrize(
    ("given", "steps", "rates"),
    [
        ((None, None, None), 50, (0.01, 0.1, 1.0)),
        ((70, None, None), 70, (0.01, 0.1, 1.0)),
        ((None, None, 0.1), 50, (0.01, 0.03162, 0.1)),
        ((None, 0.1, None), 50, (0.1, 0.3162, 1.0)),
    ],
)
def test_what_is_given_takes_the_place_of_what_is_known(
    given: tuple[int | None, float | None, float | None], steps: int, rates: tuple[float, ...]
) -> None:
    asked = Asked(steps=50, rates=(0.01, 0.1, 1.0)).with_given(*given)
    assert (asked.steps, asked.swept(), asked.is_whole) == (steps, rates, True)


def test_a_folder_without_a_study_knows_nothing(folder: Path) -> None:
    assert proposal.of_study(folder / "gone", proposal.begin("x", WORDS, ())) is None


def test_a_command_that_takes_its_rate_is_swept_where_short_trials_point(folder: Path) -> None:
    words = ("python", "train.py", "--lr", "{lr}")
    spec = proposal.finish("x", words, Asked(steps=50, is_auto=True), ())
    assert spec.swept is None
    (folder / "out").mkdir()
    (folder / "out" / "spec.yaml").write_text(spec.to_yaml(folder / "out"))
    known = proposal.of_study(folder / "out", proposal.begin("x", words, ()))
    assert known == Asked(steps=50, is_auto=True)
    assert known.is_whole
    assert known.with_given(None, 0.1, 1.0).swept() == (0.1, 0.3162, 1.0)
    assert not known.with_given(None, 0.1, None).is_whole


@pytest.mark.parametrize(("lowest", "highest"), [(0.1, None), (None, 0.1)])
def test_half_a_range_of_a_command_that_takes_its_rate_is_refused(lowest: float | None, highest: float | None) -> None:
    spec = proposal.begin("x", ("python", "train.py", "--lr", "{lr}"), ())
    with pytest.raises(SpecError, match=r"the command has \{lr\}, so that its own .*: give both --min and --max$"):
        proposal.look(spec, Asked(lowest=lowest, highest=highest), lambda text: None)
