"""Private files and folders, and replacing a file so that a crash leaves the old or the new."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from agentstate import ConflictError, StoreUnavailableError
from agentstate.filesystem import (
    create_file,
    make_folder,
    new_folder,
    replacing,
    scratch_folder,
    system_errors,
)
from support import OWNER, as_root, mode, run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_what_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    os.close(create_file(folder / "file"))
    with replacing(folder / "new") as temporary:
        temporary.write_text("new")
    assert [mode(path) for path in (folder.parent, folder)] == [0o700, 0o700]
    assert [mode(path) for path in sorted(folder.iterdir())] == [0o600, 0o600]


@as_root
def test_what_root_makes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, OWNER, OWNER)
    make_folder(tmp_path / "a" / "b")
    with replacing(tmp_path / "a" / "b" / "new") as temporary:
        temporary.write_text("new")
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.rglob("*")}
    assert owners == {(OWNER, OWNER)}


def test_a_link_of_that_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "link")
    with pytest.raises(ConflictError), replacing(tmp_path / "link"):
        pytest.fail("the block must not run")
    assert not (tmp_path / "target").exists()


def test_a_file_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ConflictError, match="exists; nothing was written"), replacing(path):
        pytest.fail("the block must not run")
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ConflictError):
        _write_both(path)
    assert path.read_text() == "theirs"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(StoreUnavailableError, match=r"cannot write .*file: No space left on"):
        _write_half(path)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_the_leftover_of_a_killed_process_goes_with_the_next_try(tmp_path: Path) -> None:
    path = tmp_path / "file"
    run_python(
        """
import os, pathlib, sys
from agentstate.filesystem import replacing
with replacing(pathlib.Path(sys.argv[1])):
    os._exit(0)
""",
        path,
    )
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".file.new-")
    (tmp_path / f".file.new-{os.getppid()}").touch()
    (tmp_path / ".file.new-mine").touch()
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert sorted(found.name for found in tmp_path.iterdir()) == [
        f".file.new-{os.getppid()}",
        ".file.new-mine",
        "file",
    ]


def test_what_a_killed_process_of_the_same_number_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """In a container the next process often has the number of the last."""
    left = [tmp_path / f".file.{kind}-{os.getpid()}" for kind in ("new", "scratch")]
    left[0].write_text("half")
    left[1].mkdir()
    (left[1] / "old").touch()
    with replacing(tmp_path / "file") as temporary, scratch_folder(tmp_path / "file") as folder:
        assert temporary.read_text() == ""
        assert list(folder.iterdir()) == []
        assert mode(folder) == 0o700
        temporary.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert {*tmp_path.iterdir()} == {*left, tmp_path / "file"}


@pytest.mark.parametrize("fails", [True, False])
def test_a_new_folder_goes_again_where_nothing_came_into_it(tmp_path: Path, *, fails: bool) -> None:
    folder = tmp_path / "a" / "b"
    with suppress(KeyError), new_folder(folder):
        assert mode(folder) == 0o700
        if fails:
            raise KeyError
    assert (tmp_path / "a").exists() is not fails


def _write_both(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("ours")
        path.write_text("theirs")


def _write_half(path: Path) -> None:
    with system_errors("write", path), replacing(path, overwrite=True) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
