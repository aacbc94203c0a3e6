from __future__ import annotations

import pytest

from lrdoctor.engines.affinity import choose


@pytest.mark.parametrize(
    ("waiting", "served", "others", "expected"),
    [
        ("abc", "", "", 0),
        ("abc", "b", "", 1),
        ("abc", "cb", "", 1),  # the last one served before an earlier one
        ("acc", "bc", "", 1),
        ("abc", "ca", "a", 0),  # its own, though another worker has it too
        ("aab", "", "a", 2),  # a new one before one that another worker prepared
        ("aab", "", "ab", 0),
        ([None, "a"], "a", "", 1),
        ([None, "a"], "", "", 0),
        ([None, "a"], "", "a", 0),
    ],
)
def test_the_cheapest_task_is_chosen(waiting, served, others, expected):
    assert choose(list(waiting), list(served), set(others)) == expected
