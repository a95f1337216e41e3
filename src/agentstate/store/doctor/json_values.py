"""JSON as the agent program reads it: what of stored text it would refuse."""

from __future__ import annotations

import re
from typing import Final

from agentstate import jsontext
from agentstate.errors import BadInputError

# A number of fewer digits is within the range of a double.
_LONG_NUMBER: Final = re.compile("[0-9]{309}")


def is_json(text: str) -> bool:
    """Tell whether the agent program can read a stored text as JSON.

    Most text is judged by Python's reader, which is fast; what that takes and the agent's does
    not (half a surrogate pair, 128 levels, a number beyond a double) can only be in some.
    """
    try:
        jsontext.decode(text)
    except ValueError:
        return False
    if (
        "\\u" not in text
        and text.count("[") + text.count("{") <= jsontext.MAX_DEPTH
        and not _LONG_NUMBER.search(text)
    ):
        return True
    try:
        jsontext.parse(text, "it")
    except BadInputError:
        return False
    return True


def as_json(text: str) -> str:
    """Return the text if it is JSON, else as a JSON string of itself, in which nothing is lost."""
    return text if is_json(text) else jsontext.encode(text, "it")
