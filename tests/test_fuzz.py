"""Noise in files and arguments: no traceback, no hang, and no write where reading was asked.

`python tests/stress fuzz` tries as many examples as it is told.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from examples import examples
from stress import fuzz

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def logged(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder whose store has a log that a killed writer left."""
    folder = tmp_path_factory.mktemp("logged") / "store"
    shutil.copytree(filled, folder)
    return fuzz.leave_a_log(folder)


@given(content=fuzz.INDEXES)
@example(content=b"[" * 100_000)
@settings(max_examples=examples(25))
def test_any_bytes_in_place_of_the_index(filled: Path, content: bytes) -> None:
    fuzz.try_index(filled, content)


@given(flips=fuzz.FLIPS, command=st.sampled_from(fuzz.WRITING))
@settings(max_examples=examples(12))
def test_flipped_bytes_in_a_store(filled: Path, flips: fuzz.Flips, command: fuzz.Arguments) -> None:
    fuzz.try_store(filled, "state.db", flips, command)


@given(flips=fuzz.FLIPS, command=st.sampled_from(fuzz.WRITING))
@settings(max_examples=examples(7))
def test_flipped_bytes_in_a_log(logged: Path, flips: fuzz.Flips, command: fuzz.Arguments) -> None:
    fuzz.try_store(logged, "state.db-wal", flips, command)


@given(command=st.sampled_from(fuzz.BY_SELECTOR), word=fuzz.SELECTORS)
def test_any_selector(filled: Path, command: fuzz.Arguments, word: str) -> None:
    fuzz.try_argument(filled / "state.db", command, word, reads=True)


@pytest.fixture(scope="module")
def written(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "store"
    shutil.copytree(filled, folder)
    return folder / "state.db"


@given(command=st.sampled_from(fuzz.BY_JSON), text=fuzz.JSONS)
def test_any_json(written: Path, command: fuzz.Arguments, text: str) -> None:
    fuzz.try_argument(written, command, text, reads=False)
