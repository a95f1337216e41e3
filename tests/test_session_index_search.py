"""Whatever a session index holds: looking up one thread answers as reading every line does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentstate.records import SessionIndexEntry
from agentstate.session_index import SessionIndex
from agentstate.session_index.files import read_blocks_from_end
from agentstate.session_index.lines import pieces
from agentstate.session_index.scan import find_entry
from examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = [
    "",
    "a",
    "b",
    "ab",
    "thread_id",
    "01J-uuid_like.id",
    "C:\\a",
    'say "a"',
    "x/y",
    "h\u00e4se",
    "\u65e5\u672c",
    "\U0001f680",
    "two\nlines",
    "nul\0",
    "u0061",
    "\\u0061",
    " a ",
]


ALL = "all"


def _spelled(value: str | None, escaped: str) -> str:
    """Spell a JSON string, with escapes for the characters that need them, and for `escaped`."""
    if value is None:
        return "null"
    spelled = []
    for char in value:
        if char == escaped == "/":
            spelled.append("\\/")
        elif escaped in (char, ALL):
            units = char.encode("utf-16-be").hex()
            spelled += [f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4)]
        else:
            spelled.append(json.dumps(char, ensure_ascii=False)[1:-1])
    return '"' + "".join(spelled) + '"'


@st.composite
def _good_lines(draw: st.DrawFn) -> bytes:
    texts = st.sampled_from(IDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    gap = draw(st.sampled_from(["", "", " ", "\t"]))
    escaped = draw(st.sampled_from(["", "", "", ALL, *"a-0./ _j\u00e4"]))
    fields = [
        f'"thread_id":{gap}{_spelled(draw(st.sampled_from(IDS)), escaped)}',
        f'"updated_at":{gap}{draw(st.integers(-5, 5))}',
    ]
    others = draw(st.sets(st.sampled_from(["thread_name", "rollout_path", "unknown"])))
    fields += [f'"{key}":{gap}{_spelled(draw(st.none() | texts), escaped)}' for key in others]
    if draw(st.booleans()):
        fields.reverse()
    body = f"{gap},{gap}".join(fields)
    return f"{gap}{{{body}}}{gap}".encode()


@st.composite
def _lines(draw: st.DrawFn) -> bytes:
    good = draw(_good_lines())
    kind = draw(st.sampled_from(["good"] * 6 + ["torn", "tail", "noise", "blank", "together"]))
    if kind == "torn":
        return good[: draw(st.integers(0, len(good)))]
    if kind == "tail":
        return good[draw(st.integers(0, len(good))) :]
    if kind == "noise":
        return draw(st.binary(max_size=20)).replace(b"\n", b"")
    if kind == "blank":
        return draw(st.sampled_from([b"", b" ", b"\t\r"]))
    if kind == "together":
        return good[draw(st.integers(0, len(good))) :] + draw(_good_lines())
    return good


@st.composite
def _files(draw: st.DrawFn, line: Callable[[], st.SearchStrategy[bytes]] = _lines) -> bytes:
    lines = draw(st.lists(line(), max_size=12))
    ends = draw(st.sampled_from([b"\n", b"\r\n"]))
    return ends.join(lines) + draw(st.sampled_from([b"", b"\n"]))


def _reference(data: bytes) -> dict[str, tuple[str | None, int, str | None]]:
    """Read an index of good lines in the plainest way."""
    found: dict[str, Any] = {}
    for text in data.decode().split("\n"):
        if text.strip():
            fields = json.loads(text)
            found.pop(fields["thread_id"], None)
            found[fields["thread_id"]] = (
                fields.get("thread_name"),
                fields["updated_at"],
                fields.get("rollout_path"),
            )
    return found


@settings(deadline=None)
@given(_files(_good_lines))
def test_good_lines_read_as_the_json_module_reads_them(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = SessionIndex(Path(folder) / "session_index.jsonl")
        index.path.write_bytes(data)
        latest = index.latest()
        assert index.read().bad_lines == ()
    plain = {key: (e.thread_name, e.updated_at, e.rollout_path) for key, e in latest.items()}
    assert list(plain.items()) == list(_reference(data).items())


@settings(deadline=None)
@given(_files(), st.integers(1, 400))
@example(b'{"thread_id":"a","updated_at":1}\n{"thread_id":"\\u0061","updated_at":2}', 16)
def test_a_lookup_answers_as_reading_every_line_does(data: bytes, block: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = SessionIndex(Path(folder) / "session_index.jsonl")
        index.path.write_bytes(data)
        latest = index.latest()
        for thread_id in {*IDS, *latest, "absent", "\ud800"}:
            expected = latest.get(thread_id)
            assert index.entry_of(thread_id) == expected
            # Small blocks, so that lines lie across their borders.
            assert find_entry(read_blocks_from_end(index.path, block), thread_id) == expected
        wanted = [*IDS[::2], "absent"]
        assert index.entries_of(wanted) == {key: latest[key] for key in wanted if key in latest}
        assert index.entries_of([]) == {}
        assert b"".join(reversed(list(read_blocks_from_end(index.path, block)))) == data


@settings(deadline=None, max_examples=examples(60))
@given(_files())
def test_compaction_changes_no_answer_and_loses_no_bad_line(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = SessionIndex(Path(folder) / "session_index.jsonl")
        index.path.write_bytes(data)
        latest, unread = list(index.latest().items()), _unread(index.path)
        index.compact()
        assert (list(index.latest().items()), _unread(index.path)) == (latest, unread)
        # The first carried an unfinished last line over, the second may merge it, then all is done.
        index.compact()
        done = index.path.read_bytes()
        index.compact()
        assert index.path.read_bytes() == done
        assert (list(index.latest().items()), _unread(index.path)) == (latest, unread)


def _unread(path: Path) -> list[bytes]:
    lines = path.read_bytes().split(b"\n")
    return [piece.text for line in lines for piece in pieces(line) if piece.entry is None]


@settings(deadline=None, max_examples=examples(60))
@given(
    st.lists(
        st.builds(
            SessionIndexEntry,
            thread_id=st.text(st.characters(exclude_categories=["Cs"])),
            thread_name=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            updated_at=st.integers(-(2**63), 2**63 - 1),
            rollout_path=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read(entries: list[SessionIndexEntry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = SessionIndex(Path(folder) / "session_index.jsonl")
        index.replace(entries)
        assert [read.entry for read in index.read().entries] == entries
