"""`python tests/stress`: the proofs, for as many rounds or seconds as they are told."""

from __future__ import annotations

import sys
from pathlib import Path

# As under pytest, which puts the folder of the tests before all others.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from stress.command import main  # noqa: E402 - it is found only now

sys.exit(main())
