"""One thread as a file, and back: every value with its type and bytes, and nothing by halves."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentstate import (
    AgentStateError,
    BadInputError,
    ConflictError,
    CorruptStoreError,
    DynamicToolRecord,
    StateStore,
    ThreadGoalRecord,
    ThreadNotFoundError,
)
from agentstate.db import catalog
from bundle_support import bundle_of, dump, fill_thread, insert, sealed, unordered, unsealed
from cli_support import measured
from examples import examples
from old_stores import old_store
from support import Clock, new_store, raw, rows, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "bundle-format.md"

TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES: Final = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    TEXT,
    TEXT.map(lambda text: f"{text}\0\x1b[31m\u202e{text}"),
    st.binary(max_size=20),
    st.binary(max_size=20).map(lambda data: ("text", data)),
)
NULLABLE: Final = VALUES | st.none()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateStore]:
    """Open a store that the examples of one test use in turn."""
    with StateStore.open(tmp_path_factory.mktemp("bundles") / "state.db", clock=Clock()) as store:
        store.threads.create(thread("other"))
        store.messages.append("other", "user", "of another thread")
        yield store


def put_row(path: Path, table: str, row: dict[str, Any]) -> None:
    """Add a row as another program may; a pair ("text", bytes) is text of those bytes."""
    values = [
        f"CAST(:{name} AS TEXT)" if isinstance(row[name], tuple) else f":{name}" for name in row
    ]
    plain = {name: value[1] if isinstance(value, tuple) else value for name, value in row.items()}
    with raw(path) as connection:
        connection.execute(
            f"INSERT INTO {table}({', '.join(row)}) VALUES ({', '.join(values)})",  # noqa: S608 - names of ours
            plain,
        )


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_column_holds_comes_back(
    shared: StateStore, tmp_path: Path, data: st.DataObject
) -> None:
    def row(table: str, given: dict[str, Any]) -> None:
        sql = 'SELECT name, "notnull" FROM pragma_table_info(?)'
        columns = dict(rows(shared.path, sql, table))
        chosen = {
            name: data.draw(VALUES if columns[name] else NULLABLE)
            for name in columns
            if name not in given
        }
        put_row(shared.path, table, {**chosen, **given})

    if shared.threads.exists("t"):  # of an example that failed
        shared.threads.delete("t")
    row("threads", {"id": "t"})
    ids = data.draw(st.lists(st.integers(100, 2**40), max_size=4, unique=True))
    for message_id in ids:
        row("messages", {"id": message_id, "thread_id": "t"})
    for name in data.draw(st.lists(TEXT, max_size=3, unique=True)):
        row("checkpoints", {"thread_id": "t", "checkpoint_id": name})
    if data.draw(st.booleans()):
        row("thread_dynamic_tools", {"thread_id": "t"})
        row("thread_goals", {"thread_id": "t", "status": "active"})
    before = dump(shared.path)
    path = tmp_path / "bundle"
    bundle_of(shared, path)
    assert path.read_bytes().isascii()
    shared.threads.delete("t")
    insert(shared, path)
    assert dump(shared.path) == before


def test_a_bundle_is_as_documented(store: StateStore, tmp_path: Path) -> None:
    store.threads.create(thread("t", name="Fix \u00fc", preview="nul \0"))
    store.messages.append("t", "user", "one")
    with raw(store.path) as connection:
        connection.execute(
            "UPDATE messages SET content = CAST(x'ff41' AS TEXT), item_json = x'00ff'"
        )
        connection.execute("UPDATE threads SET cli_version = 1e999, path = 5, git_sha = 0.5")
    first, thread_row, message_row, end = bundle_of(store, tmp_path / "b").splitlines(keepends=True)
    assert json.loads(first) == {
        "agentstate_bundle": 1,
        "thread_id": "t",
        "name": "Fix \u00fc",
        "written_at": store.now,
        "expires_at": None,
        "schema_version": 4,
        "rows": {
            "threads": 1,
            "messages": 1,
            "checkpoints": 0,
            "thread_dynamic_tools": 0,
            "thread_goals": 0,
        },
        "index": None,
    }
    found = json.loads(thread_row)
    assert found["table"] == "threads"
    assert found["row"]["preview"] == "nul \0"
    assert (found["row"]["path"], found["row"]["git_sha"]) == ("5", "0.5")
    assert found["row"]["cli_version"] == "Inf"
    assert json.loads(message_row) == {
        "table": "messages",
        "row": {
            "id": 1,
            "thread_id": "t",
            "role": "user",
            "content": {"text": base64.b64encode(b"\xffA").decode()},
            "item_json": {"blob": base64.b64encode(b"\0\xff").decode()},
            "created_at": store.now,
            "parent_entry_id": None,
        },
    }
    digest = hashlib.sha256(first + thread_row + message_row).hexdigest()
    assert json.loads(end) == {"rows": 2, "sha256": digest}
    page = DOCUMENT.read_text(encoding="utf-8")
    for member in [*json.loads(first), *json.loads(end), "table", "row"]:
        assert f"`{member}`" in page
    for tag in ("blob", "text", "real"):
        assert f'{{"{tag}": ' in page


def test_the_example_of_the_document_is_a_bundle(store: StateStore, tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    (tmp_path / "b").write_text(example)
    insert(store, tmp_path / "b")
    assert [message.content for message in store.messages.branch("t-1")] == ["Why?", "Because."]


@pytest.mark.parametrize("name", ["v1", "v2_rich", "v3", "v4"])
def test_bundles_of_every_version_come_into_the_newest(tmp_path: Path, name: str) -> None:
    if name == "v4":
        path = old_store("v3", tmp_path)
        StateStore.open(path).close()
    else:
        path = old_store(name, tmp_path)
    with (
        StateStore.open(path, read_only=True) as old,
        StateStore.open(tmp_path / "new.db") as new,
    ):
        ids = list(old.threads.ids())
        assert ids
        for thread_id in ids:
            bundle_of(old, tmp_path / "b", thread_id)
            insert(new, tmp_path / "b")
    StateStore.open(path).close()  # migrates it
    expected = unordered(dump(path))
    for table in set(expected) - {
        "threads",
        "messages",
        "checkpoints",
        "thread_dynamic_tools",
        "thread_goals",
    }:
        del expected[table]
    assert unordered(dump(tmp_path / "new.db")) == expected


NEWER: Final = """
ALTER TABLE messages ADD COLUMN tokens INTEGER;
ALTER TABLE messages ADD COLUMN "odd ""name; --" TEXT DEFAULT 'x';
CREATE TABLE agentstate_notes (
    thread TEXT REFERENCES Threads(id) ON DELETE CASCADE, n REAL, twice AS (n * 2), note
);
CREATE TABLE "agentstate parts" (
    message INTEGER REFERENCES messages ON DELETE CASCADE, part TEXT, PRIMARY KEY (message, part)
) WITHOUT ROWID;
CREATE TABLE agentstate_bits (
    message INTEGER, part TEXT, bit BLOB, thread TEXT REFERENCES threads(id) ON DELETE CASCADE,
    FOREIGN KEY (message, part) REFERENCES "agentstate parts"(message, part) ON DELETE CASCADE
);
CREATE TABLE agentstate_others (id INTEGER PRIMARY KEY, thread TEXT REFERENCES threads(id));
INSERT INTO agentstate_notes(thread, n, note) VALUES ('t', 3, x'00'), ('t', 0.1, 7), ('u', 1, 'u');
INSERT INTO "agentstate parts" VALUES (1, 'b'), (1, 'a'), (2, 'a'), (4, 'a');
INSERT INTO agentstate_bits VALUES (1, 'a', x'ff', 't'), (1, 'b', 'text', NULL), (4, 'a', 1, 'u');
UPDATE messages SET tokens = id * 10;
"""


@pytest.fixture
def newer(store: StateStore) -> StateStore:
    """Fill a store that another program has given columns and tables of its own."""
    fill_thread(store, "t")
    fill_thread(store, "u")
    with raw(store.path) as connection:
        connection.executescript(NEWER)
    return store


def test_columns_and_tables_of_other_programs_come_along(newer: StateStore, tmp_path: Path) -> None:
    before = unordered(dump(newer.path))
    entry = newer.trash.put("t")
    left = dump(newer.path)
    assert {name: len(left[name]) for name in left} == {
        "threads": 1,
        "messages": 3,
        "checkpoints": 3,
        "agentstate_notes": 1,
        "agentstate parts": 1,
        "agentstate_bits": 1,
    }
    newer.trash.restore(entry)
    assert unordered(dump(newer.path)) == before
    # In a store without them they have no place, and nothing is dropped in silence.
    bundle_of(newer, tmp_path / "b")
    with (
        StateStore.open(tmp_path / "plain.db") as plain,
        pytest.raises(BadInputError, match="the store has no table 'agentstate_notes' of threads"),
    ):
        insert(plain, tmp_path / "b")


def test_the_family_of_threads_is_found_in_the_file(newer: StateStore) -> None:
    found = catalog.family(newer._context.database, "threads", "id")  # noqa: SLF001 - the test's own look
    assert [table.name for table in found] == [
        "threads",
        "agentstate_notes",
        "checkpoints",
        "messages",
        "thread_dynamic_tools",
        "thread_goals",
        "agentstate parts",
        "agentstate_bits",
    ]
    assert found[1].columns == ("thread", "n", "note")
    assert found[6].order == '"message", "part"'


TAKING_MORE: Final = {
    "a trigger": "CREATE TRIGGER more AFTER DELETE ON messages BEGIN DELETE FROM jobs; END",
    "a reference that is emptied": """
CREATE TABLE agentstate_links (a TEXT REFERENCES threads(id) ON DELETE SET NULL);
INSERT INTO agentstate_links VALUES ('t');
""",
    "a table that hangs on itself": """
CREATE TABLE agentstate_tree (
    id INTEGER PRIMARY KEY, above INTEGER REFERENCES agentstate_tree(id) ON DELETE CASCADE,
    thread TEXT REFERENCES threads(id) ON DELETE CASCADE
);
INSERT INTO agentstate_tree VALUES (1, NULL, 't'), (2, 1, NULL);
""",
}


@pytest.mark.parametrize("schema", TAKING_MORE)
def test_a_deletion_that_would_take_more_is_refused(tmp_path: Path, schema: str) -> None:
    path = new_store(tmp_path / "state.db")
    with StateStore.open(path, trust_schema=True) as store:
        fill_thread(store)
        with raw(path) as connection:
            connection.executescript(TAKING_MORE[schema])
            connection.execute("INSERT INTO jobs VALUES ('j', 'n', 'queued', 0, '', 1, 1)")
        before = dump(path)
        with pytest.raises(ConflictError, match=r"rows that its bundle does not hold.*--no-bundle"):
            store.trash.put("t")
        assert dump(path) == before
        assert list(Path(f"{path}.trash").iterdir()) == []
        store.threads.delete("t")


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_text_of_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "state.db"
    with raw(path) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE x(y)")
        connection.execute("DROP TABLE x")
    name = "\u6f22\0\ufeff\U0001f680"
    with StateStore.open(path, clock=Clock()) as store:
        store.threads.create(thread("t", name=name))
        before = dump(path)
        bundle = bundle_of(store, tmp_path / "b")
        assert unsealed(bundle)[0]["name"] == name
        store.threads.delete("t")
        insert(store, tmp_path / "b")
        assert dump(path) == before
        # A half pair, which SQLite would not give back.
        with raw(path) as connection:
            connection.execute("UPDATE threads SET preview = CAST(x'd8d8' AS TEXT)")
        before = dump(path)
        with pytest.raises(CorruptStoreError, match=r"text that is not utf-16.*--no-bundle"):
            store.trash.put("t")
        assert dump(path) == before
        raw_text = {"id": "t", "preview": {"text": "/w=="}}
        header = {**unsealed(bundle)[0], "rows": {"threads": 1}}
        (tmp_path / "b").write_bytes(sealed([header, {"table": "threads", "row": raw_text}]))
        store.threads.delete("t")
        with pytest.raises(BadInputError, match="the store keeps utf-16"):
            insert(store, tmp_path / "b")


# What is no bundle, or none any more.


@pytest.fixture
def bundle(store: StateStore, tmp_path: Path) -> bytes:
    """Return a good bundle, whose thread is not in the store, but another one is."""
    fill_thread(store)
    store.tools.replace("t", [DynamicToolRecord(position=0, name="grep", input_schema={})])
    store.goals.set(
        ThreadGoalRecord(thread_id="t", goal_id="g", objective="o", created_at=1, updated_at=1)
    )
    made = bundle_of(store, tmp_path / "good")
    store.threads.delete("t")
    store.threads.create(thread("other"))
    store.messages.append("other", "user", "theirs")
    return made


@pytest.fixture
def refused(store: StateStore, tmp_path: Path) -> Callable[..., str]:
    """Return a function that inserts what must be refused, and returns why."""

    def insert_it(made: bytes, kind: type[AgentStateError] = BadInputError) -> str:
        before = dump(store.path)
        (tmp_path / "bad").write_bytes(made)
        with pytest.raises(kind) as caught:
            insert(store, tmp_path / "bad")
        assert type(caught.value) is kind
        assert dump(store.path) == before
        return str(caught.value)

    return insert_it


def test_a_bundle_that_was_cut_is_refused(bundle: bytes, refused: Callable[..., str]) -> None:
    lines = bundle.splitlines(keepends=True)
    for end in range(len(lines)):
        whole = b"".join(lines[:end])
        assert "cut short" in refused(whole)
        assert "cut short" in refused(whole + lines[end][: len(lines[end]) // 2])
    assert "cut short" in refused(bundle[:-1])


@given(data=st.data())
@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bundle_that_was_changed_is_refused(
    bundle: bytes, refused: Callable[..., str], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(bundle) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != bundle[place]))
    refused(bundle[:place] + bytes([other]) + bundle[place + 1 :])


def test_lines_added_dropped_or_moved_are_noticed(
    bundle: bytes, refused: Callable[..., str]
) -> None:
    *lines, end = bundle.splitlines(keepends=True)
    assert "does not fit" in refused(b"".join([*lines[:-1], end]))
    assert "does not fit" in refused(b"".join([*lines[:2], *lines[3:], lines[2], end]))
    assert "does not fit" in refused(bundle + b"\n")
    assert "does not fit" in refused(bundle + end)
    # Where the end was made to fit, the counts at the start do not.
    assert "its start does not fit" in refused(sealed(lines[:-1]))


HEADERS: Final[dict[str, object]] = {
    "agentstate_bundle": 2,
    "thread_id": 5,
    "name": ["x"],
    "written_at": 1.5,
    "expires_at": "soon",
    "schema_version": None,
    "rows": {"threads": True},
    "index": {"thread_id": "t"},
}


@pytest.mark.parametrize("member", HEADERS)
def test_a_start_that_is_not_as_it_should_be(
    bundle: bytes, refused: Callable[..., str], member: str
) -> None:
    header, *others = unsealed(bundle)
    refused(sealed([{**header, member: HEADERS[member]}, *others]))
    refused(sealed([{name: header[name] for name in header if name != member}, *others]))
    refused(sealed([{**header, "more": 1}, *others]))


VALUES_REFUSED: Final[list[bytes]] = [
    b"true",
    b"[1]",
    b"9223372036854775808",
    b"1" * 5000,
    b"1e999",
    b"NaN",
    b"-Infinity",
    b'"\\ud800"',
    b"{}",
    b'{"blob": 5}',
    b'{"blob": "A"}',
    b'{"blob": "AA==", "text": "AA=="}',
    b'{"real": "nan"}',
    b'{"hex": "00"}',
    b"[" * 100_000,
    b'{"blob": "\xff"}',
    b"nul",
]


@pytest.mark.parametrize("value", VALUES_REFUSED, ids=lambda value: value[:20].decode("latin-1"))
def test_values_that_no_column_holds(
    bundle: bytes, refused: Callable[..., str], value: bytes
) -> None:
    header, thread_row, *others = bundle.splitlines(keepends=True)[:-1]
    assert b'"git_sha":null' in thread_row
    changed = thread_row.replace(b'"git_sha":null', b'"git_sha":' + value)
    refused(sealed([header, changed, *others]))


def test_rows_that_do_not_belong(bundle: bytes, refused: Callable[..., str]) -> None:
    header, thread_row, *others = unsealed(bundle)
    message = next(line for line in others if line["table"] == "messages")

    def with_row(table: str, **row: object) -> str:
        counts = {**header["rows"], table: header["rows"].get(table, 0) + 1}
        line = {"table": table, "row": row}
        return refused(sealed([{**header, "rows": counts}, thread_row, *others, line]))

    another = {**message["row"], "id": 99, "thread_id": "other"}
    assert with_row("messages", **another) == "the bundle holds rows of another thread"
    orphan = {**message["row"], "id": 99, "thread_id": "nobody"}
    assert "FOREIGN KEY" in with_row("messages", **orphan)
    second = {**thread_row["row"], "id": "second"}
    assert with_row("threads", **second) == "the bundle holds rows of another thread"
    assert "NOT NULL" in with_row("messages", **{**message["row"], "id": 99, "content": None})
    assert "no table 'jobs'" in with_row("jobs", id="j")
    assert "no table 'sqlite_schema'" in with_row("sqlite_schema", sql="x")
    assert "no table 'messages; --'" in with_row("messages; --", id=1)
    assert "no column 'x) --'" in with_row("messages", **{"x) --": 1})
    assert "no column 'ROWID'" in with_row("messages", **{**message["row"], "ROWID": 9})
    assert "is not as" in with_row("messages")


def test_an_id_after_which_none_is_left(
    store: StateStore, bundle: bytes, tmp_path: Path, refused: Callable[..., str]
) -> None:
    header, thread_row, *_ = unsealed(bundle)
    header = {**header, "rows": {"threads": 1, "messages": 1}}

    def with_id(message_id: object) -> bytes:
        row = {"id": message_id, "thread_id": "t", "role": "r", "content": "c", "created_at": 1}
        return sealed([header, thread_row, {"table": "messages", "row": row}])

    for message_id in (2**63 - 1, 2**53 + 1, str(2**63 - 1)):
        assert "leaves none for others" in refused(with_id(message_id))
    (tmp_path / "b").write_bytes(with_id(2**53))
    insert(store, tmp_path / "b")
    assert store.messages.append("other", "user", "on") == 2**53 + 1
    store.threads.delete("t")
    # Where the store has gone beyond already, its own come back.
    store.threads.delete("other")
    (tmp_path / "b").write_bytes(with_id(2**53 + 1))
    insert(store, tmp_path / "b")


def test_a_bundle_without_its_thread(bundle: bytes, refused: Callable[..., str]) -> None:
    header, thread_row, *others = unsealed(bundle)
    renamed = {"table": "threads", "row": {**thread_row["row"], "id": "new"}}
    refused(sealed([header, renamed, *others]))
    refused(sealed([{**header, "rows": {"threads": 0}}]))
    refused(sealed([{**header, "thread_id": "new", "rows": {"threads": 1}}, thread_row]))


def test_what_is_there_already(
    store: StateStore, bundle: bytes, tmp_path: Path, refused: Callable[..., str]
) -> None:
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET id = 2")
    assert refused(bundle, ConflictError) == (
        "message 2 of thread 't' exists already; nothing was written"
    )
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET id = 100")
    insert(store, tmp_path / "good")
    assert refused(bundle, ConflictError) == "thread 't' exists; nothing was written"
    with raw(store.path) as connection:  # without foreign keys, as another program may
        connection.execute("DELETE FROM threads WHERE id = 't'")
    assert "in checkpoints, without the thread; see agentstate doctor" in refused(
        bundle, ConflictError
    )


def test_a_thread_that_is_not_there(store: StateStore, tmp_path: Path) -> None:
    with pytest.raises(ThreadNotFoundError):
        bundle_of(store, tmp_path / "b")


def test_a_large_thread_needs_little_memory(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    with raw(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(
            "INSERT INTO messages(thread_id, role, content, created_at) VALUES ('t0', 'u', ?, 1)",
            ((f"{number}" * 700_000,) for number in range(10, 40)),
        )
    size = path.stat().st_size / 2**20
    before = rows(path, "SELECT count(*), sum(length(content)) FROM messages")
    (tmp_path / "out").mkdir()
    deleted = measured(tmp_path / "out", "threads", "delete", "t0", "--yes", db=path)
    assert rows(path, "SELECT count(*) FROM messages") == [(0,)]
    restored = measured(tmp_path / "out", "threads", "undelete", "t0", db=path)
    assert rows(path, "SELECT count(*), sum(length(content)) FROM messages") == before
    assert size > 40
    assert max(deleted, restored) < 55
