"""How many examples a test that hypothesis feeds takes."""

from __future__ import annotations

import os
from typing import Final

_TIMES: Final = int(os.environ.get("AGENTSTATE_TEST_EXAMPLES_TIMES", "1"))


def examples(number: int) -> int:
    """Return the number of a usual run, multiplied for a long one."""
    return number * _TIMES
