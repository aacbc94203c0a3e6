"""What a study may spend, as it is typed."""

from __future__ import annotations

import pytest

from lrdoctor.core.budget import Unit, budget_of


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("90s", 90, "seconds"),
        ("30m", 1800, "seconds"),
        ("2h", 7200, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("0.5s", 0.5, "seconds"),
        ("20000-steps", 20_000, "steps"),
        ("20k-steps", 20_000, "steps"),
        ("1.5M-steps", 1_500_000, "steps"),
        ("1.1k-steps", 1100, "steps"),
        ("0.07k-steps", 70, "steps"),
        ("1-steps", 1, "steps"),
    ],
)
def test_a_time_or_a_number_of_steps(text: str, amount: float, unit: Unit) -> None:
    found = budget_of(text)
    assert (found.given, found.amount, found.unit) == (text, amount, unit)


@pytest.mark.parametrize(
    "text",
    [
        "", "30", "30 m", "30min", "m", "-5m", "+5m", "1e3s", "nan", "infs", "0s", "0m", "0-steps", "1.5-steps",
        "0.0001k-steps", "20k", "20 k-steps", "20K-steps", "20k-step", "20k_steps", "1,000-steps", "1h30m", "3d",
        "\u0663s", "30m\n", "9" * 400 + "s", "9" * 400 + "-steps",
    ],
)  # fmt: skip
def test_what_is_neither_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^found .*expected a time such as 90s, 30m or 2h, or a number of steps"):
        budget_of(text)
