"""A folder that `export` filled with bundles, brought back by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore, ThreadListFilters

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


ALL: Final = ThreadListFilters(include_archived=True)


@pytest.mark.parametrize("options", [(), ("--format", "agentstate")])
def test_a_folder_of_bundles_comes_back(cli: Cli, tmp_path: Path, options: tuple[str, ...]) -> None:
    with cli.store() as store:
        ids = sorted(thread.id for thread in store.threads.list(ALL))
    assert len(ids) > 1
    cli("export", *ids, "--to", "agentstate", "-O", f"{tmp_path}/talks/")
    other = tmp_path / "other" / "state.db"
    printed = cli.on(other)("import", tmp_path / "talks", *options).stdout
    assert sorted(printed.decode().split()) == ids
    with StateStore.open(other, read_only=True) as store:
        assert sorted(thread.id for thread in store.threads.list(ALL)) == ids
