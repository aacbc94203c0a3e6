"""The pictures of docs/ are those that tools.pictures draws."""

from __future__ import annotations

import re

import pytest
from document_commands import pages

from tools.pictures import FROM_STUDIES, PICTURES, gallery
from tools.sample_runs import SAMPLES


def words(svg: bytes) -> list[str]:
    """The texts of a drawing; the places of its letters move with the version of matplotlib."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg.decode("utf-8"))


def test_the_gallery_is_up_to_date() -> None:
    drawn = words(gallery())
    assert {sample.file for sample in SAMPLES} <= set(drawn)
    assert words((PICTURES / "sample_runs.svg").read_bytes()) == drawn, "run: python -m tools.pictures"


@pytest.mark.parametrize("picture", [*FROM_STUDIES, "sample_runs.svg"])
def test_every_picture_is_there_and_shown(picture: str) -> None:
    assert (PICTURES / picture).is_file()
    assert any(picture.rpartition("/")[2] in page.read_text("utf-8") for page in pages())


def test_no_picture_is_left_over() -> None:
    assert {path.name for path in PICTURES.iterdir()} == {
        name for name in [*FROM_STUDIES, "sample_runs.svg"] if "/" not in name
    }
