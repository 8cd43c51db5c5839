from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.order import FIRST, LONGEST, ROOT, WAITING, side_by_side

NAMES = st.builds(
    "{}{}.py".format, st.sampled_from([*WAITING, "tests/analysis/", "tests/explainers/"]), st.integers(0, 99)
)


def test_every_long_file_is_there_and_waits() -> None:
    assert [name for name in (FIRST, *LONGEST) if not (ROOT / name).is_file()] == []
    assert [name for name in LONGEST if not name.startswith(WAITING)] == []


@given(st.lists(NAMES, unique=True))
def test_no_file_is_lost_and_those_that_compute_keep_their_order(names: list[str]) -> None:
    ordered = side_by_side(names)

    assert sorted(ordered) == sorted(names)
    computing = [name for name in names if not name.startswith(WAITING)]
    assert [name for name in ordered if name in computing] == computing


def test_what_waits_is_spread_and_the_longest_begins() -> None:
    computing = [f"tests/analysis/test_{n}.py" for n in range(6)]
    short, shorter, longest = "tests/hostile/test_a.py", "tests/promises/test_b.py", LONGEST[0]

    assert side_by_side([short, *computing, shorter, longest, FIRST]) == [
        FIRST, computing[0], longest, computing[1],
        computing[2], short, computing[3],
        computing[4], shorter, computing[5],
    ]  # fmt: skip
