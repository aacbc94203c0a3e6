"""JSON of others: one kind of error, whatever is wrong with it."""

import pytest

from lrdoctor.core import saved_json


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("1" * 400, "beyond the range of floats"),
        ("-" + "1" * 400, "beyond the range of floats"),
        ("1" * 5000, "beyond the range of floats"),
        ("1e400", "beyond the range of floats"),
        (b"\xff\xfe\xfd", "decode"),
    ],
)
def test_what_cannot_be_read_is_a_value_error(text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        saved_json.loads(text)


def test_what_can_be_is_what_json_makes_of_it() -> None:
    assert saved_json.loads('{"a": [1, 2.5, 1e308, 123456789012345678901234567890, "NaN", null, true]}') == {
        "a": [1, 2.5, 1e308, 123456789012345678901234567890, "NaN", None, True]
    }
