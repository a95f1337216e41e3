"""The index file: made, brought up to date, interrupted, replaced, damaged and shared."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore, examine
from cli_support import measured
from cli_support import start as start_program
from support import (
    OWNER,
    STRANGER,
    as_root,
    finish,
    give,
    mode,
    raw,
    run_python,
    snapshot,
    start_python,
    thread,
)

if TYPE_CHECKING:
    from pathlib import Path

INDEX: Final = "state.db.search"
MANY: Final = 3000
"""Messages in more blocks than are compared at each search."""

FIND: Final = """
import sys
from agentstate import StateStore, examine
with StateStore.open(sys.argv[1], read_only=True) as store:
    found = store.search.find(sys.argv[2])
    print([hit.message_id for hit in found.hits], found.scanned)
"""

WITHOUT_FTS5: Final = """
import _sqlite3, ctypes, sqlite3, sys
try:
    drop = ctypes.CDLL(getattr(_sqlite3, "__file__", None)).sqlite3_drop_modules
except (AttributeError, OSError) as error:
    sys.exit(print(f"cannot be taken away: {error}"))
drop.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

def take_away(event, arguments):
    if event == "sqlite3.connect/handle":
        # What a connection of Python's has first is SQLite's.
        where = id(arguments[0]) + object.__basicsize__
        drop(ctypes.c_void_p.from_address(where).value, None)

TABLE = "CREATE VIRTUAL TABLE texts USING fts5(text)"
sqlite3.connect(":memory:").execute(TABLE)
sys.addaudithook(take_away)
try:
    sqlite3.connect(":memory:").execute(TABLE)
except sqlite3.OperationalError as error:
    print(error)
"""


def search(path: Path, query: str) -> list[int]:
    """Search by the index, in a store that is opened for it."""
    with StateStore.open(path, read_only=True) as store:
        found = store.search.find(query)
        assert found.scanned is None
        return sorted(hit.message_id for hit in found.hits)


def add(path: Path, *texts: str) -> None:
    with StateStore.open(path) as store:
        for text in texts:
            store.messages.append("t", "user", text)


def work_on(path: Path, query: str) -> list[tuple[str, int, int]]:
    """Search, and return what was said of the work on the index."""
    told: list[tuple[str, int, int]] = []
    with StateStore.open(path, read_only=True) as store:
        store.search.find(query, progress=lambda *said: told.append(said))
    return told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    with StateStore.open(folder / "state.db") as store:
        store.threads.create(thread())
    add(folder / "state.db", "first words", "second words")
    return folder / "state.db"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store with many messages and its index, to be copied."""
    path = tmp_path_factory.mktemp("large") / "state.db"
    with StateStore.open(path) as store:
        store.threads.create(thread())
    with raw(path) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages (id, thread_id, role, content, created_at) "
            "VALUES (?, 't', 'user', ?, 1)",
            [(number, f"message number {number}") for number in range(1, MANY + 1)],
        )
        connection.execute("COMMIT")
    assert search(path, '"number 17"')[0] == 17
    return path


def copy_of(large: Path, tmp_path: Path) -> Path:
    """Copy a store with its index, which takes it for the store that it knows."""
    folder = tmp_path / "copy"
    shutil.copytree(large.parent, folder)
    with raw(folder / INDEX) as index:
        index.execute(
            "UPDATE about SET store = ? || substr(store, instr(store, ':'))",
            ((folder / "state.db").stat().st_ino,),
        )
    return folder / "state.db"


def test_the_index_is_one_private_file_beside_the_store(path: Path) -> None:
    before = snapshot(path.parent)
    assert search(path, "words") == [1, 2]
    after = snapshot(path.parent)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {INDEX}
    assert mode(path.parent / INDEX) == 0o600
    assert search(path, "words") == [1, 2]
    assert snapshot(path.parent) == after
    assert work_on(path, "words") == []


def test_what_is_new_is_added_and_what_is_gone_is_not_found(path: Path) -> None:
    assert search(path, "words") == [1, 2]
    add(path, "third words")
    assert work_on(path, "words") == [("Indexing", 0, 1)]
    assert search(path, "words") == [1, 2, 3]
    with raw(path) as connection:
        connection.execute("DELETE FROM messages WHERE id = 2")
    assert search(path, "words") == [1, 3]


def test_the_index_can_be_deleted_at_any_time(path: Path) -> None:
    assert search(path, "words") == [1, 2]
    (path.parent / INDEX).unlink()
    assert search(path, "words") == [1, 2]


def test_a_message_that_was_changed_in_place_is_found_as_it_is(path: Path) -> None:
    assert search(path, "words") == [1, 2]
    with raw(path) as connection:
        connection.execute("UPDATE messages SET content = 'zebra' WHERE id = 1")
    assert search(path, "words") == [2]
    assert search(path, "zebra") == [1]


def test_of_many_messages_some_blocks_are_compared_each_time(large: Path, tmp_path: Path) -> None:
    path = copy_of(large, tmp_path)
    assert work_on(path, "zebra") == []
    with raw(path) as connection:
        connection.execute("UPDATE messages SET content = 'a zebra' WHERE id % 250 = 7")
        connection.execute("UPDATE messages SET content = 'the newest' WHERE id = ?", (MANY,))
    assert search(path, "newest") == [MANY]
    assert len(search(path, "zebra")) == MANY // 250
    assert search(path, '"number 7"')[:2] == [70, 71]


def test_messages_that_come_back_are_noticed(large: Path, tmp_path: Path) -> None:
    path = copy_of(large, tmp_path)
    with raw(path) as connection:
        connection.execute("DELETE FROM messages WHERE id = 400")
    assert search(path, '"number 401"') == [401]
    with raw(path) as connection:
        connection.execute(
            "INSERT INTO messages (id, thread_id, role, content, created_at) "
            "VALUES (400, 't', 'user', 'a zebra came', 1)"
        )
    assert search(path, "zebra") == [400]


def test_a_store_that_was_replaced_is_indexed_anew(large: Path, tmp_path: Path, path: Path) -> None:
    other = copy_of(large, tmp_path)
    shutil.copyfile(other.parent / INDEX, path.parent / INDEX)
    assert search(path, "number") == []
    assert search(path, "words") == [1, 2]
    # The same file, but written over.
    shutil.copyfile(other, path)
    assert len(search(path, '"number 99"')) == 11
    assert search(path, "words") == []


@pytest.mark.parametrize(
    "damage", ["garbage", "torn", "foreign", "other version", "empty", "pages"]
)
def test_an_index_that_cannot_be_read_is_made_anew(path: Path, damage: str) -> None:
    assert search(path, "words") == [1, 2]
    index = path.parent / INDEX
    if damage == "garbage":
        index.write_bytes(b"no index at all" * 1000)
    elif damage == "torn":
        index.write_bytes(index.read_bytes()[:9000])
    elif damage == "empty":
        index.write_bytes(b"")
    elif damage == "foreign":
        index.unlink()
        with raw(index) as other:
            other.execute("CREATE TABLE blocks (x)")
            other.execute("PRAGMA user_version = 1")
    elif damage == "pages":
        index.write_bytes(index.read_bytes()[:4096] + b"\xff" * (index.stat().st_size - 4096))
    else:
        with raw(index) as other:
            other.execute("PRAGMA user_version = 99")
    assert search(path, "words") == [1, 2]
    add(path, "more words")
    assert search(path, "words") == [1, 2, 3]


def test_an_interrupted_build_goes_on_where_it_was(large: Path, tmp_path: Path) -> None:
    path = copy_of(large, tmp_path)
    (path.parent / INDEX).unlink()
    with raw(path) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages (thread_id, role, content, created_at) VALUES ('t', 'u', ?, 1)",
            [(f"later {number} " * 20,) for number in range(9000)],
        )
        connection.execute("COMMIT")
    code = FIND.replace(
        "sys.argv[2])",
        "sys.argv[2], progress=lambda *said: (print(*said, flush=True), sys.stdin.read(1)))",
    )
    process = start_python(code, path, "later")
    assert process.stdin is not None
    assert process.stdout is not None
    # Each line is said before a batch, which waits for us.
    for _ in range(2):
        assert process.stdout.readline().startswith("Indexing ")
        process.stdin.write(".")
        process.stdin.flush()
    assert process.stdout.readline().startswith("Indexing ")
    process.kill()
    process.communicate()
    with raw(path.parent / INDEX) as index:
        ((known,),) = index.execute("SELECT sum(messages) FROM blocks")
    assert known == 2 * 16 * 250
    told = work_on(path, "later")
    assert told[0] == ("Indexing", 0, MANY + 9000 - known)
    assert search(path, '"later 8999"') == [MANY + 9000]
    assert search(path, '"number 17"')[0] == 17


def test_ctrl_c_ends_a_build_and_loses_nothing(path: Path) -> None:
    add(path, *["words"] * 3)
    with StateStore.open(path, read_only=True) as store:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.search.find("words", progress=interrupt)
        assert store.search.find("words").matches == 5


def test_several_searches_at_once_share_the_work(large: Path, tmp_path: Path) -> None:
    path = copy_of(large, tmp_path)
    (path.parent / INDEX).unlink()
    processes = [start_python(FIND, path, '"number 2999"') for _ in range(4)]
    assert {finish(process) for process in processes} == {"[2999] None\n"}
    assert [one.name for one in path.parent.glob(f"{INDEX}*")] == [INDEX]


def test_the_store_can_be_written_while_it_is_indexed(path: Path) -> None:
    with StateStore.open(path, read_only=True) as reader:

        def write(*_: object) -> None:
            add(path, "written meanwhile")

        found = reader.search.find("written", progress=write)
    assert found.matches == 1


def test_large_messages_do_not_take_much_memory(path: Path) -> None:
    line = "The quick brown fox jumps over the lazy dog, again and again. "
    add(path, *[line * (4_000_000 // len(line)) + f"end {number}" for number in range(3)])
    output = path.parent / "output"
    assert measured(output, "search", "end 2", "-o", "tsv", db=path) < 115
    (hit,) = output.read_text().splitlines()
    assert hit.startswith("5\t")
    assert "\t…" in hit


def test_another_users_store_is_indexed_in_the_cache(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    (path.parent / INDEX).symlink_to(tmp_path / "elsewhere")
    assert search(path, "words") == [1, 2]
    assert not (tmp_path / "elsewhere").exists()
    (index,) = (cache / "agentstate").iterdir()
    assert (mode(cache), mode(index), index.suffix) == (0o700, 0o600, ".search")
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert search(link, "words") == [1, 2]
    assert list((cache / "agentstate").iterdir()) == [index]


def test_without_a_place_every_message_is_read(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    os.mkfifo(path.parent / INDEX)
    with StateStore.open(path, read_only=True) as store:
        found = store.search.find("words")
    assert {hit.message_id for hit in found.hits} == {1, 2}
    assert found.scanned == (
        "no index can be written beside the store or in the user's cache, so every message is read"
    )


def test_without_fts5_every_message_is_read(path: Path) -> None:
    before = snapshot(path.parent)
    taken, *found = run_python(WITHOUT_FTS5 + FIND, path, "words").splitlines()
    if taken.startswith("cannot be taken away"):
        pytest.skip(f"FTS5 {taken}")
    assert taken == "no such module: fts5"
    assert found == ["[1, 2] this Python's SQLite has no FTS5, so every message is read"]
    assert snapshot(path.parent) == before


def test_an_index_that_is_locked_is_done_without(path: Path) -> None:
    assert search(path, "words") == [1, 2]
    add(path, "new words")
    with raw(path.parent / INDEX) as other:
        other.execute("BEGIN IMMEDIATE")
        with StateStore.open(path, read_only=True, timeout=0.1) as store:
            found = store.search.find("words")
    assert {hit.message_id for hit in found.hits} == {1, 2, 3}
    assert found.scanned is not None
    assert found.scanned.startswith("the index cannot be used (")
    assert (path.parent / INDEX).exists()


@as_root
def test_each_user_has_an_index_that_the_others_cannot_spoil(public_folder: Path) -> None:
    path = public_folder / "state.db"
    with StateStore.open(path) as store:
        store.threads.create(thread())
    add(path, "first words")
    public_folder.chmod(0o777)
    give(public_folder, OWNER)
    path.chmod(0o666)
    caches = {user: public_folder / str(user) for user in (OWNER, STRANGER)}
    code = "import os\nos.environ['XDG_CACHE_HOME'] = sys.argv.pop(1)\n" + FIND
    code = "import sys\n" + code + "\nassert not store.path.with_name('state.db-wal').exists()"
    for user, expected in ((STRANGER, False), (OWNER, True), (0, True)):
        cache = caches.get(user, public_folder / "root")
        assert run_python(code, cache, path, "words", user=user) == "[1] None\n"
        assert (public_folder / INDEX).exists() == expected
        assert (cache / "agentstate").exists() != expected
    assert (public_folder / INDEX).stat().st_uid == OWNER


def test_a_long_build_is_shown_on_a_terminal_only(path: Path) -> None:
    with start_program("search", "words", db=path) as process:
        output, errors = process.communicate(timeout=60)
    assert (len(output.splitlines()), errors) == (2, b"")


def test_doctor_finds_an_index_that_others_may_read(path: Path) -> None:
    search(path, "words")
    (path.parent / INDEX).chmod(0o644)
    (finding,) = (one for one in examine(path).findings if one.slug == "file_open_to_others")
    assert finding.ids == (str(path.parent / INDEX),)


def test_the_terms_of_the_index_are_the_trigrams(path: Path) -> None:
    search(path, "words")
    with closing(sqlite3.connect(path.parent / INDEX)) as index:
        index.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, grams, row)")
        terms = {row[0] for row in index.execute("SELECT term FROM temp.terms")}
    assert {"fir", "t w", "ds ", "s  "} <= terms
    assert all(len(term) == 3 for term in terms)
