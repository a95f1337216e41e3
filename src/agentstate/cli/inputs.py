"""What a user hands in: text, files, JSON, times. Everything is checked before a store opens."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate import jsontext
from agentstate.errors import BadInputError, UsageError

if TYPE_CHECKING:
    from agentstate.jsontext import JsonText

# Patterns are text: compiling one costs more than most runs that never use it.
_AGE: Final = r"(\d{1,9})(mo|[smhdwy])"
_SECONDS: Final = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "mo": 30 * 86_400,
    "y": 365 * 86_400,
}
"""The units that ages are shown in, too: see `agentstate.render.times`."""
_DATE: Final = r"\d{4}-\d\d-\d\d"
_NUMBER: Final = r"-?\d{1,18}"
_SIZE: Final = r"(\d{1,15})(\.\d{1,9})?\s?([KMGT]?)(I?)B"

BEYOND_IDS: Final = 2**63
"""A number that no message has, for SQLite's ids end below it."""


def content(text: str | None, file: Path | None) -> str:
    """Return a message's text, from `--content` or `--content-file`; exactly one is needed."""
    if (text is None) == (file is None):
        raise UsageError("give the text with --content TEXT, or --content-file PATH (- for stdin)")
    return utf8(text, "the text") if text is not None else read_text(str(file))


def read_text(source: str) -> str:
    """Return a file's bytes as text, unchanged; `-` is standard input."""
    if source == "-" and sys.stdin is None:
        raise BadInputError("cannot read standard input: it is closed")
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {source!r}: {error.strerror}") from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        name = "standard input" if source == "-" else repr(source)
        raise BadInputError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        ) from error


def json_text(given: str, what: str) -> JsonText:
    """Return JSON text given as itself, as `@file`, or as `-` for standard input."""
    if given == "-":
        given = read_text("-")
    elif given.startswith("@"):
        given = read_text(given[1:])
    return jsontext.parse(utf8(given, what), what)


def age(given: str | None, option: str, now: int) -> int | None:
    """Return the time, in Unix seconds, that was as long ago as said: 90d, or a date in ISO 8601.

    A number without a unit is refused: whoever writes 90 means days, and not 1970.
    """
    if given is not None and re.fullmatch(_NUMBER, given):
        raise UsageError(f"{option} {given}: {given} what? write {given.lstrip('-')}d for days")
    return moment(given, option, now, takes="an age such as 90d, 12h or 2w, or ISO 8601")


def moment(
    given: str | None,
    option: str,
    now: int,
    *,
    takes: str = "Unix seconds, ISO 8601, or an age such as 90s, 3d or 6mo",
) -> int | None:
    """Return a time in Unix seconds, given as such, as ISO 8601, or as an age such as 3d.

    Without an offset it is local; `--until` with only a date means the end of that day.
    """
    if given is None:
        return None
    if age := re.fullmatch(_AGE, given):
        return now - int(age[1]) * _SECONDS[age[2]]
    if re.fullmatch(_NUMBER, given):
        return int(given)
    from datetime import datetime, timedelta  # noqa: PLC0415 - only for a time in ISO 8601

    try:
        time = datetime.fromisoformat(given)
        if option == "--until" and re.fullmatch(_DATE, given):
            time += timedelta(days=1, seconds=-1)
        return int(time.timestamp())
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{option} takes {takes}; not {given!r}") from error


def size(given: str | None, option: str) -> int | None:
    """Return a size in bytes, given as such or with a unit: 500MB, 1.5GB, 1GiB."""
    if given is None:
        return None
    if re.fullmatch(r"\d{1,18}", given):
        return int(given)
    match = re.fullmatch(_SIZE, given, re.IGNORECASE)
    if match is None or (match[4] and not match[3]):
        raise UsageError(
            f"{option} takes bytes, or a size such as 500MB, 2GB or 1GiB; not {given!r}"
        )
    step = 1024 if match[4] else 1000
    return int(float(match[1] + (match[2] or "")) * step ** " KMGT".index(match[3].upper() or " "))


def message_number(digits: str) -> int:
    """Return the number of a message, `BEYOND_IDS` for any that is too large to be one."""
    significant = digits.lstrip("0") or "0"
    # Python refuses to read a number of thousands of digits.
    return min(int(significant), BEYOND_IDS) if len(significant) < 20 else BEYOND_IDS  # noqa: PLR2004 - digits of 2**63


def current_folder() -> str:
    """Return the current folder; raises `UsageError` where it is gone or cannot be reached."""
    try:
        return os.getcwd()  # noqa: PTH109 - a path is text here
    except OSError as error:
        raise UsageError(
            "the current folder is gone or closed to you; go to another, and try again"
        ) from error


def home_folder() -> str:
    """Return the home folder, by which paths are shortened; "~" itself where none is known."""
    return os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where none is known


def absolute(path: str) -> str:
    """Return a path as an absolute one, `~` spelled out, without following links."""
    path = os.path.expanduser(path)  # noqa: PTH111 - pathlib drops "." and resolves nothing else
    if not os.path.isabs(path):  # noqa: PTH117 - as above
        path = os.path.join(current_folder(), path)  # noqa: PTH118 - as above
    return os.path.normpath(path)


def destination(path: str) -> str:
    """Return an absolute path, as `absolute` does, which ends in a slash if it did before."""
    return absolute(path) + ("/" if path.endswith("/") else "")


def utf8(text: str, what: str) -> str:
    """Refuse an argument whose bytes were not UTF-8, which Python shows as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInputError(f"{what} is not UTF-8 at character {error.start}") from error
    return text
