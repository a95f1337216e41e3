"""Fixtures that several test files use."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from agentstate import StateStore
from cli_stores import fill, fill_demo
from cli_support import Cli
from damage import sound_store
from support import Clock, thread

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
def talk(store: StateStore) -> StateStore:
    """Fill a store: thread t has messages 1 - 2 - 3 and, below 2, the leaf 4; thread u has 5."""
    for thread_id in "tu":
        store.threads.create(thread(thread_id))
    for content in ("one", "two", "three"):
        store.messages.append("t", "user", content)
    store.messages.fork(2, "user", "four")
    store.messages.append("u", "user", "five")
    return store


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Make a folder that other users can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder whose store holds one of everything, to be copied and not to be changed."""
    folder = tmp_path_factory.mktemp("filled")
    with StateStore.open(folder / "state.db") as store:
        fill(store)
    return folder


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store in which nothing is wrong, to be copied and not to be changed."""
    return sound_store(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def cli(
    filled: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Cli:
    """Return the command line on a store that holds one of everything, away from the user's."""
    for variable in ("AGENTSTATE_DB", "CODEWHALE_HOME", "COLUMNS", "NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TERM", "xterm-256color")
    folder = tmp_path / "store"
    shutil.copytree(filled, folder)
    return Cli(folder / "state.db", capsysbinary)


@pytest.fixture
def demo(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return the command line on a store in which everything is of a known age."""
    monkeypatch.setenv("HOME", "/home/user")
    new = cli.on(tmp_path / "demo" / "state.db")
    fill_demo(new.db)
    return new
