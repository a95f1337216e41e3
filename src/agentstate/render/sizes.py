"""Sizes as people read them. They are kept and computed in bytes."""

from __future__ import annotations

from typing import Final

_STEP: Final = 1000
_UNITS: Final = ("kB", "MB", "GB", "TB", "PB", "EB")


def size(number: int) -> str:
    """Return a number of bytes in short: `812 bytes`, `4.5 kB`, `12 MB`, `2.1 GB`."""
    if number < _STEP:
        return f"{number} byte{'' if number == 1 else 's'}"
    scaled = float(number)
    for unit in _UNITS:
        scaled /= _STEP
        if scaled < _STEP or unit == _UNITS[-1]:
            break
    # 9.96 is 10 at one digit behind the point, and 10 has none.
    return f"{scaled:.1f} {unit}" if round(scaled, 1) < 10 else f"{scaled:.0f} {unit}"  # noqa: PLR2004 - two digits are enough
