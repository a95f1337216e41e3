"""The session index on real files: what is written, what is read, what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agentstate.errors import BadInputError, StoreUnavailableError
from agentstate.records import SessionIndexEntry
from agentstate.session_index import CompactionResult, IndexContents, SessionIndex, UnparsedLine
from indexes import entry, line, mode, names

DATA = Path(__file__).parent / "data"


@pytest.fixture
def index(tmp_path: Path) -> SessionIndex:
    return SessionIndex(tmp_path / "session_index.jsonl")


# What is written


@pytest.mark.parametrize("store", ["v0", "v1", "v2_rich"])
def test_append_writes_the_bytes_the_rust_program_wrote(index: SessionIndex, store: str) -> None:
    original = DATA / store / "session_index.jsonl"
    for read in SessionIndex(original).read().entries:
        index.append(read.entry)
    assert index.path.read_bytes() == original.read_bytes()


def test_control_characters_are_escaped_as_the_rust_program_does(index: SessionIndex) -> None:
    index.append(entry('"\\/', "\0\x08\x1b\x7f\n\r\t\x0c\u2028", -(2**63), "a/b"))
    assert index.path.read_bytes() == (
        b'{"thread_id":"\\"\\\\/","thread_name":"\\u0000\\b\\u001b\x7f\\n\\r\\t\\f\xe2\x80\xa8",'
        b'"updated_at":-9223372036854775808,"rollout_path":"a/b"}\n'
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"thread_id": "\ud800"},
        {"thread_name": "cut \udc00"},
        {"rollout_path": "/\udcff"},
        {"updated_at": 2**63},
        {"updated_at": -(2**63) - 1},
        {"updated_at": True},
        {"updated_at": 1.0},
        {"thread_id": None},
        {"thread_name": b"bytes"},
        {"rollout_path": Path("/not/text")},
    ],
)
def test_an_entry_nobody_could_read_is_refused(index: SessionIndex, fields: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"thread_id": "t", "updated_at": 1} | fields
    bad = SessionIndexEntry(**whole)
    with pytest.raises(BadInputError, match="no index line can be written for thread"):
        index.append(bad)
    with pytest.raises(BadInputError):
        index.replace([entry("good"), bad])
    assert names(index.path.parent) == []


def test_new_files_are_private(tmp_path: Path) -> None:
    index = SessionIndex(tmp_path / "new" / "deeper" / "session_index.jsonl")
    index.append(entry("a"))
    assert mode(index.path) == 0o600
    assert mode(index.path.with_name("session_index.jsonl.lock")) == 0o600
    assert mode(tmp_path / "new") == mode(tmp_path / "new" / "deeper") == 0o700


def test_a_torn_line_is_ended_before_the_next_is_written(index: SessionIndex) -> None:
    index.path.write_bytes(line("a") + b'{"thread_id":"b","thre')
    index.append(entry("c"))
    assert index.path.read_bytes().count(b"\n") == 3
    assert list(index.latest()) == ["a", "c"]


def test_a_relative_path_means_the_folder_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    index = SessionIndex(Path("session_index.jsonl"))
    monkeypatch.chdir("/")
    index.append(entry("a"))
    assert (tmp_path / "session_index.jsonl").exists()


# What is read


def test_a_missing_file_reads_as_empty_and_stays_missing(tmp_path: Path) -> None:
    for index in (SessionIndex(tmp_path / "i.jsonl"), SessionIndex(tmp_path / "no" / "i.jsonl")):
        assert index.latest() == {}
        assert index.entry_of("a") is None
        assert index.entries_of(["a"]) == {}
        assert index.path_of_name("a") is None
        assert index.read() == IndexContents(entries=(), bad_lines=(), lines=0, size=0)
        assert index.compact() == CompactionResult()
    assert names(tmp_path) == []


def test_the_last_line_of_a_thread_wins_and_gives_the_order(index: SessionIndex) -> None:
    for written in (entry("a"), entry("b"), entry("c"), entry("a", "new"), entry("b", None)):
        index.append(written)
    assert list(index.latest().values()) == [entry("c"), entry("a", "new"), entry("b", None)]
    assert index.entry_of("b") == entry("b", None)
    assert index.entries_of(["b", "x", "a"]) == {"a": entry("a", "new"), "b": entry("b", None)}


def _name_queries() -> list[Any]:
    texts = [(DATA / "v2_rich" / f"{name}.jsonl").read_bytes() for name in ("queries", "answers")]
    queries, answers = [[json.loads(line) for line in text.splitlines()] for text in texts]
    pairs = zip(queries, answers, strict=True)
    return [(query, answer["ok"]) for query, answer in pairs if "find_thread_" in query["op"]]


@pytest.mark.parametrize(("query", "answer"), _name_queries())
def test_names_are_found_as_the_rust_program_finds_them(
    query: dict[str, Any], answer: object
) -> None:
    index = SessionIndex(DATA / "v2_rich" / "session_index.jsonl")
    found: object
    if query["op"] == "find_thread_name_by_id":
        one = index.entry_of(query["thread_id"])
        found = one and one.thread_name
    elif query["op"] == "find_thread_names_by_ids":
        many = index.entries_of(query["ids"])
        found = {key: many[key].thread_name if key in many else None for key in query["ids"]}
    else:
        found = index.path_of_name(query["name"])
    assert found == answer


def test_a_torn_line_costs_no_other(tmp_path: Path) -> None:
    # The Rust program answers none of these: it stops at the torn line.
    torn = SessionIndex(DATA / "torn_index" / "session_index.jsonl")
    contents = torn.read()
    assert contents.bad_lines == (
        UnparsedLine(number=13, reason="it is not JSON: Expecting value: column 61"),
    )
    assert (contents.lines, len(contents.entries), contents.size) == (25, 24, 2649)
    assert torn.entry_of("t-run") == entry(
        "t-run", "Build fix FINAL", 1760004000, "/elsewhere/t-run.jsonl"
    )
    assert torn.entry_of("t-clear") is None
    assert torn.path_of_name("tree v2") == "/r/t-tree.jsonl"
    assert names(torn.path.parent) == sorted({p.name for p in (DATA / "torn_index").iterdir()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (b'{"thread_id":"a","thread_name":"\xe6\x97', "byte 33 is not UTF-8"),
        (b"\0\0\0\0", "it is not JSON: Expecting value: column 1"),
        (b'{"thread_id":"a","thread_name":"\0","updated_at":1}', "Invalid control character"),
        (b'{"thread_id":"a","updated_at":1} x', "it is not JSON: Extra data: column 34"),
        (b'{"thread_id":"a","updated_at":1,"x":NaN}', "it holds NaN"),
        (b'{"thread_id":"a","updated_at":-Infinity}', "it holds NaN, an infinity"),
        (b'["a","n",1,null]', "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b'{"updated_at":1}', "thread_id is missing or not a string"),
        (b'{"thread_id":7,"updated_at":1}', "thread_id is missing or not a string"),
        (b'{"thread_id":"a"}', "updated_at is missing or not a 64-bit integer"),
        (b'{"thread_id":"a","updated_at":1.0}', "updated_at is missing"),
        (b'{"thread_id":"a","updated_at":true}', "updated_at is missing"),
        (b'{"thread_id":"a","updated_at":9223372036854775808}', "updated_at is missing"),
        (b'{"thread_id":"a","updated_at":1' + b"0" * 5000 + b"}", "thousands of digits"),
        (b'{"thread_id":"a","updated_at":1,"thread_name":7}', "thread_name is neither"),
        (b'{"thread_id":"a","updated_at":1,"rollout_path":[]}', "rollout_path is neither"),
        (b'{"thread_id":"a","updated_at":1,"thread_name":"\\ud800"}', "a lone surrogate"),
        (b'{"thread_id":"a","updated_at":1,"x":' + b"[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_bad_line_is_skipped_and_reported(
    index: SessionIndex, stored: bytes, reason: str
) -> None:
    index.path.write_bytes(line("before") + line("a", "good") + stored + b"\n" + line("after"))
    contents = index.read()
    assert [bad.number for bad in contents.bad_lines] == [3]
    assert reason in contents.bad_lines[0].reason
    assert list(index.latest()) == ["before", "a", "after"]
    assert index.entry_of("a") == entry("a", "good")


@pytest.mark.parametrize(
    "stored",
    [
        b'{"thread_id":"a","updated_at":1}',
        b'{"thread_id":"a","updated_at":1}\r\n',
        b' { "updated_at" : 1 , "thread_id" : "a" } \n',
        b'{"thread_id":"x","thread_id":"a","updated_at":1}\n',
        b'{"thread_id":"\\u0061","thread_name":null,"updated_at":1,"rollout_path":null}\n',
        b'{"thread_id":"a","updated_at":1,"pinned":{"thread_id":"x"},"big":1e999}\n',
    ],
)
def test_every_spelling_of_an_entry_is_read(index: SessionIndex, stored: bytes) -> None:
    index.path.write_bytes(b"\n \t\r\n\xc2\xa0\n" + stored)
    assert index.latest() == {"a": entry("a", None)}
    assert index.entry_of("a") == entry("a", None)
    assert index.read().bad_lines == ()
    assert index.read().lines == 4


def test_an_id_is_found_however_one_of_its_characters_is_escaped(index: SessionIndex) -> None:
    for code in range(128):
        for spelling in (f"\\u{code:04x}", f"\\u{code:04X}"):
            index.path.write_bytes(line("other") + line(f"<{spelling}>") + line("other"))
            thread_id = f"<{chr(code)}>"
            assert index.entry_of(thread_id) == entry(thread_id), spelling


def test_lines_that_ran_together_all_count(index: SessionIndex) -> None:
    # Without the lock, a text and its newline come in two writes; others get in between.
    together = b"\0\0" + line("a")[:-1] + b'{"thread_id":"b","thread_na' + line("c")
    index.path.write_bytes(together + line("d"))
    assert list(index.latest()) == ["a", "c", "d"]
    assert index.entry_of("a") == entry("a")
    assert index.read().bad_lines == (
        UnparsedLine(number=1, reason="several writes ran together; entries that can be read: 2"),
    )
    index.compact()
    assert index.path.read_bytes() == (
        b"\0\0\n" + line("a") + b'{"thread_id":"b","thread_na\n' + line("c") + line("d")
    )


def test_a_name_cannot_pass_for_an_entry(index: SessionIndex) -> None:
    forged = '{"thread_id":"victim","thread_name":"forged","updated_at":9}'
    index.append(entry("a", forged))
    torn = index.path.read_bytes()[:-30]
    index.path.write_bytes(torn)
    index.append(entry("b", forged))
    assert list(index.latest()) == ["b"]
    assert index.entry_of("victim") is None


def test_of_equal_names_the_newest_wins_then_the_last_line(index: SessionIndex) -> None:
    for written in (
        entry("old", "Same", 1, "/old"),
        entry("b", "sAME", 5, "/b"),
        entry("a", "SAME", 5, "/a"),
        entry("renamed", "same", 9, "/renamed"),
        entry("renamed", "other", 9, "/renamed"),
        entry("umlaut", "\u00c4", 1, "/upper"),
    ):
        index.append(written)
    assert index.path_of_name("same") == "/a"
    assert index.path_of_name("\u00c4") == "/upper"
    assert index.path_of_name("\u00e4") is None
    assert index.path_of_name("\ud800") is None
    index.append(entry("newest", "same", 10, None))
    assert index.path_of_name("same") is None


# What is in the way


@pytest.mark.parametrize("obstacle", ["folder", "pipe", "device", "loop", "file for folder"])
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / "session_index.jsonl"
    if obstacle == "folder":
        path.mkdir()
    elif obstacle == "pipe":
        os.mkfifo(path)
    elif obstacle == "device":
        path.symlink_to("/dev/zero")
    elif obstacle == "loop":
        path.symlink_to(path)
    else:
        path.write_bytes(b"")
        path = path / "session_index.jsonl"
    index = SessionIndex(path)
    for call in (
        lambda: index.append(entry("a")),
        lambda: index.replace([entry("a")]),
        lambda: index.entry_of("a"),
        index.latest,
        index.read,
    ):
        with pytest.raises(StoreUnavailableError) as refused:
            call()
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)
        assert isinstance(refused.value.__cause__, OSError)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real" / "names.jsonl"
    real.parent.mkdir()
    path = tmp_path / "home" / "session_index.jsonl"
    path.parent.mkdir()
    path.symlink_to("../real/names.jsonl")
    index = SessionIndex(path)
    assert index.latest() == {}
    index.append(entry("a"))
    index.append(entry("a"))
    assert index.compact().lines_after == 1
    assert index.replace([entry("b")]) == real.with_name("names.jsonl.bak")
    assert path.is_symlink()
    assert not real.is_symlink()
    assert SessionIndex(real).latest() == {"b": entry("b")}
    assert names(path.parent) == ["session_index.jsonl", "session_index.jsonl.lock"]
    assert names(real.parent) == ["names.jsonl", "names.jsonl.bak"]
