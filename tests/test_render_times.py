from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate.cli.inputs import moment
from agentstate.render.times import UNKNOWN, age, ago, iso, to_the_second

NOW = 1_800_000_000
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "now", "now"),
        (9, "now", "now"),
        (-9, "now", "now"),
        (10, "10 s", "10 s ago"),
        (59, "59 s", "59 s ago"),
        (60, "1 min", "1 min ago"),
        (3599, "59 min", "59 min ago"),
        (3600, "1 h", "1 h ago"),
        (86399, "23 h", "23 h ago"),
        (86400, "1 d", "1 d ago"),
        (13 * 86400, "13 d", "13 d ago"),
        (14 * 86400, "2 w", "2 w ago"),
        (59 * 86400, "8 w", "8 w ago"),
        (60 * 86400, "2 mo", "2 mo ago"),
        (729 * 86400, "24 mo", "24 mo ago"),
        (730 * 86400, "2 y", "2 y ago"),
        (NOW, "57 y", "57 y ago"),
        (-45, "in 45 s", "in 45 s"),
        (-7200, "in 2 h", "in 2 h"),
        (2**62, "?", "?"),
        (-(2**62), "?", "?"),
    ],
)
def test_ages(seconds: int, short: str, long: str) -> None:
    assert age(NOW - seconds, NOW) == short
    assert ago(NOW - seconds, NOW) == long


@pytest.mark.parametrize(
    "shown", ["45 s", "59 min", "23 h", "13 d", "8 w", "2 mo", "13 mo", "24 mo", "2 y", "57 y"]
)
def test_an_age_can_be_given_as_it_is_shown(shown: str) -> None:
    then = moment(shown.replace(" ", "").replace("min", "m"), "--since", NOW)
    assert then is not None
    assert age(then, NOW) == shown
    assert age(then + 1, NOW) != shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (NOW, "2027-01-15T08:00:00Z"),
        (-5, "1969-12-31T23:59:55Z"),
        (-62135596800, "0001-01-01T00:00:00Z"),
        (253402300799, "9999-12-31T23:59:59Z"),
        (253402300800, "253402300800"),
        (2**63 - 1, "9223372036854775807"),
        (-(2**63), "-9223372036854775808"),
    ],
)
def test_dates(seconds: int, text: str) -> None:
    assert iso(seconds) == text


@given(INT64, INT64, st.booleans())
def test_any_time_has_a_text(then: int, now: int, local: bool) -> None:  # noqa: FBT001 - drawn
    assert 1 <= len(age(then, now)) <= len("in 59 min")
    assert ago(then, now)
    date = iso(then, local=local)
    assert date == str(then) or date[-6] in "+-" or (date.endswith("Z") and not local)


@given(INT64)
def test_a_time_to_the_second_is_the_start_of_the_local_one(seconds: int) -> None:
    local = iso(seconds, local=True)
    expected = local[:19].replace("T", " ") if "T" in local else UNKNOWN
    assert to_the_second(seconds) == expected
    assert len(expected) == (19 if "T" in local else 1)
