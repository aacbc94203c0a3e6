"""Every spelling of a number."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.logs import _names
from lrdoctor.logs.numbers import NUMBER, is_missing, number, numbers, pandas_rounds

NAN = ["nan", "NaN", "NAN", "-nan", "+nan", "nan(ind)", "-nan(ind)", "1.#QNAN", "-1.#IND", "tensor(nan)", "'nan'"]
VALUES = {
    "3": 3.0, "-3.25": -3.25, "+1e-3": 1e-3, "1.": 1.0, ".5": 0.5, "2E+05": 2e5, " 7 ": 7.0, '"7"': 7.0,
    "1.5D-03": 1.5e-3, "1,234": 1234.0, "1,234,567.5": 1234567.5, "-20,478": -20478.0, "3,5": 3.5, "0,123": 0.123,
    "12,34": 12.34, "12.5%": 12.5, "0.82 %": 0.82, "\u22121.5": -1.5, "1\u00a0": 1.0,
    "inf": math.inf, "-Infinity": -math.inf, "+INF": math.inf, "1.#INF": math.inf, "-1.#INF": -math.inf,
    "1e999": math.inf,
    "tensor(3.13)": 3.13, "tensor(3.13, device='cuda:0')": 3.13, "tensor([3.13], grad_fn=<NllLossBackward0>)": 3.13,
    "tensor(-inf, dtype=torch.float16)": -math.inf, "np.float32(2.5)": 2.5, "array(2.5, dtype=float32)": 2.5,
    "<tf.Tensor(2.5, shape=(), dtype=float32)>": 2.5,
}  # fmt: skip
NO_NUMBERS = [
    "", "a", "1.2.3", "1e", "e5", "--1", "1_000", "0x10", "1 2", "12:30", "1/2", "nano", "information", "tensor()",
    "tensor(1, 2", "2026-01-01", "\u0663", "1,2,3", "true", "1e5e5", "K", "5K",
]  # fmt: skip


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    assert number(text) == VALUES[text]


@pytest.mark.parametrize("text", NAN)
def test_nan(text: str) -> None:
    found = number(text)
    assert found is not None
    assert math.isnan(found)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5K", 2500.0),
        ("1.31M", 1.31e6),
        ("3b", 3e9),
        ("524k", 524e3),
        ("1T", 1e12),
        ("7", 7.0),
        ("nan", None),
        ("K", None),
    ],
)
def test_suffixes_count_where_the_format_has_them(text: str, value: float | None) -> None:
    found = number(text, suffixes=True)
    assert found == value or (text == "nan" and found is not None and math.isnan(found))


@pytest.mark.parametrize(("text", "value"), [("3,5", 3.5), ("1.234", 1234.0), ("1.234,5", 1234.5), ("0,001", 0.001)])
def test_decimal_commas(text: str, value: float) -> None:
    assert number(text, decimal=",") == value


@pytest.mark.parametrize("text", ["", " ", "None", "null", "N/A", "-", "<NA>", '""'])
def test_missing(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize("decimal", [".", ","])
@given(
    cells=st.lists(
        st.one_of(st.none(), st.floats().map(repr), st.sampled_from([*VALUES, *NAN, *NO_NUMBERS]), st.text())
    )
)
def test_many_cells_are_read_as_one_by_one(decimal: str, cells: list[str | None]) -> None:
    found = numbers(np.array(cells, dtype=object), decimal=decimal)
    for k, cell in enumerate(cells):
        one = None if cell is None else number(cell, decimal=decimal)
        missing = cell is None or is_missing(cell)
        assert bool(found.logged[k]) == (one is not None and not missing)
        assert bool(found.unreadable[k]) == (one is None and not missing)
        if found.logged[k]:
            np.testing.assert_array_equal(found.value[k], one)


@given(st.floats())
def test_what_python_prints_is_read_back(value: float) -> None:
    np.testing.assert_array_equal(number(repr(value)), value)
    np.testing.assert_array_equal(number(f"tensor({value!r}, device='cuda:0')"), value)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("loss: 7.62585 tps: 10,050", ["7.62585", "10,050"]),
        ("lm loss: 2.504220E+00 | norm NAN (-INF)", ["2.504220E+00", "NAN", "-INF"]),
        ("mom 0.9,0.99", ["0.9", "0.99"]),
        ("a .5 b 1. c 1e-05", [".5", "1.", "1e-05"]),
    ],
)
def test_numbers_inside_a_line(line: str, found: list[str]) -> None:
    assert re.findall(NUMBER, line, re.IGNORECASE) == found


@given(st.text(max_size=50))
def test_no_text_raises(text: str) -> None:
    found = number(text)
    assert found is None or isinstance(found, float)


def test_digits_are_those_of_python_with_a_pandas_that_does_not_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older pandas takes a neighbour for a fifth of all numbers of 16 digits."""
    whole = pd.to_numeric
    monkeypatch.setattr(pd, "to_numeric", lambda *args, **how: whole(*args, **how) * (1 + 1e-12))
    pandas_rounds.cache_clear()
    try:
        assert not pandas_rounds()
        found = numbers(np.array(["0.25891675029296335", "12%", "5e-324", "", "x"], dtype=object))
    finally:
        pandas_rounds.cache_clear()
    assert found.value[:3].tolist() == [0.25891675029296335, 12.0, 5e-324]


def test_texts_that_differ_after_a_nul_are_two_with_a_pandas_that_takes_them_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut(function: Any, cells: list[str]) -> Any:
        return function(np.array([cell.partition("\0")[0] for cell in cells], dtype=object))

    for name in ("factorize", "unique"):
        monkeypatch.setattr(pd, name, partial(cut, getattr(pd, name)))
    monkeypatch.setattr(_names, "FEW", 3)
    _names.pandas_tells_apart.cache_clear()
    try:
        found = numbers(np.array(["", "\0", "1", "1\0", "1"], dtype=object))
    finally:
        _names.pandas_tells_apart.cache_clear()
    assert found.logged.tolist() == [False, False, True, False, True]
    assert found.unreadable.tolist() == [False, True, False, True, False]
