"""Names of the package that are fetched when they are first used."""

from __future__ import annotations

import pytest

from lrdoctor import assess


def test_every_name_has_a_home() -> None:
    homes = [name for names in assess._HOMES.values() for name in names]
    assert sorted(homes) == assess.__all__
    assert all(callable(getattr(assess, name)) for name in assess.__all__)


def test_any_other_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"'lrdoctor\.assess' has no attribute 'report_of_nothing'"):
        _ = assess.report_of_nothing  # type: ignore[attr-defined]
