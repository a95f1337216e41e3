"""Times as people read them: how long ago, and the date. Times are Unix seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_NOW: Final = 10
"""Closer than this, in seconds, is now."""

# Each unit is used up to the first limit above the distance, and says whole units only.
_UNITS: Final = (
    (_MINUTE, 1, "s"),
    (_HOUR, _MINUTE, "min"),
    (_DAY, _HOUR, "h"),
    (14 * _DAY, _DAY, "d"),
    (60 * _DAY, 7 * _DAY, "w"),
    (730 * _DAY, 30 * _DAY, "mo"),
    (10_000 * 365 * _DAY, 365 * _DAY, "y"),
)
UNKNOWN: Final = "?"
"""Shown for a time that no calendar holds, as damaged stores have."""


def age(then: int, now: int) -> str:
    """Return the distance in short: `now`, `45 s`, `2 h`, `3 d`, and `in 2 h` when yet to come."""
    distance = abs(now - then)
    if distance < _NOW:
        return "now"
    for limit, unit, name in _UNITS:
        if distance < limit:
            text = f"{distance // unit} {name}"
            return text if then <= now else f"in {text}"
    return UNKNOWN


def ago(then: int, now: int) -> str:
    """Return the distance for a sentence: `now`, `3 h ago`, `in 2 h`."""
    text = age(then, now)
    return f"{text} ago" if then < now and text not in {"now", UNKNOWN} else text


def to_the_second(seconds: int) -> str:
    """Return the local date and time for a column of them: `2027-01-15 09:00:05`."""
    date, separator, time = iso(seconds, local=True).partition("T")
    return f"{date} {time[:8]}" if separator else UNKNOWN


def iso(seconds: int, *, local: bool = False) -> str:
    """Return the date and time in UTC, or in local time with its offset.

    A time that the calendar does not hold comes back as its number.
    """
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
        if local:
            return moment.astimezone().isoformat()
    except (OverflowError, OSError, ValueError):
        return str(seconds)
    return moment.isoformat().replace("+00:00", "Z")
