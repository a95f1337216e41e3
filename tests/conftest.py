"""Fixtures that several test files use."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from agentstate import StateStore
from support import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long one example takes says nothing on a machine that runs other tests.
settings.register_profile("agentstate", deadline=None)
settings.load_profile("agentstate")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[StateStore]:
    """Open an empty store, whose clock stands still."""
    with StateStore.open(tmp_path / "state.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Make a folder that other users can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
