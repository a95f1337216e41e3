"""What holds of every format, whatever bytes it is given."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate.formats.registry import FORMATS, detect, format_of
from examples import examples
from format_samples import HEADS, LINES, MORE_LINES, WHOLE, Line, as_lines, marks_in
from format_support import Read, read, source_of

always = settings(max_examples=examples(60), deadline=None)
every_format = pytest.mark.parametrize("name", FORMATS)
each_of_lines = pytest.mark.parametrize("name", sorted(LINES))

TEXT: Final = st.text(st.characters(exclude_categories=()), max_size=8)
NUMBERS: Final = st.sampled_from([0, -1, 1, 1.5, 2**63, 10**400, float("nan"), float("inf"), 1e300])
JSON: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NOISE: Final = st.sampled_from(
    [
        *(b"", b" ", b"\0\0", b"\xff\xfe", b"not json", b"{", b'{"', b"]", b"}", b'"x"', b"[1,2]"),
        *(b"null", b"NaN", b"1e999", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"{}", b'{"a":1}'),
        b'\xef\xbb\xbf{"type":{"a":[]},"id":[],"uuid":{},"parentUuid":[[]],"payload":{"type":[]}}',
    ]
)


def text_of(found: Read) -> str:
    return "\n".join(message.content for message in found.messages)


def sound(name: str) -> list[bytes]:
    """Return the lines of a sound source; of a format that is one value, parts of its text."""
    if name in LINES:
        return as_lines([*HEADS[name], *LINES[name], *MORE_LINES[name]])
    text = json.dumps(WHOLE[name], indent=1).encode()
    return text.split(b"\n")


@every_format
def test_a_sound_source_gives_all_its_messages_and_is_known(name: str) -> None:
    sources = [b"\n".join(as_lines([*HEADS[name], *LINES[name]]))] if name in LINES else []
    sources += [json.dumps(WHOLE[name]).encode()] if name in WHOLE else []
    for data in sources:
        found = read(name, data)
        texts = [message.content for message in found.messages]
        assert sorted(marks_in("\n".join(texts))) == sorted(marks_in(data.decode()))
        assert len(set(texts)) == len(texts)
        assert not found.notes
        known = detect(source_of(data, "session.json"))
        assert known is not None
        assert known.name == name


@every_format
@always
@given(data=st.binary(max_size=200))
def test_no_bytes_are_too_odd(name: str, data: bytes) -> None:
    read(name, data)
    format_of(name).detect(source_of(data, "x"))


@every_format
@always
@given(data=st.data())
def test_no_damage_is_too_much(name: str, data: st.DataObject) -> None:
    parts = sound(name)
    for _ in range(data.draw(st.integers(1, 5), "changes")):
        at = data.draw(st.integers(0, len(parts) - 1), "at")
        other = data.draw(st.integers(0, len(parts) - 1), "other")
        change = data.draw(st.sampled_from(["drop", "twice", "swap", "cut", "flip", "noise"]))
        if change == "drop" and len(parts) > 1:
            del parts[at]
        elif change == "twice":
            parts.insert(other, parts[at])
        elif change == "swap":
            parts[at], parts[other] = parts[other], parts[at]
        elif change == "cut":
            parts[at] = parts[at][: data.draw(st.integers(0, len(parts[at])), "length")]
        elif change == "flip" and parts[at]:
            place = data.draw(st.integers(0, len(parts[at]) - 1), "place")
            byte = data.draw(st.integers(0, 255), "byte")
            parts[at] = parts[at][:place] + bytes([byte]) + parts[at][place + 1 :]
        else:
            parts.insert(at, data.draw(NOISE, "noise"))
    end = data.draw(st.sampled_from([b"", b"\n", b"\0", b'{"ty']), "end")
    whole = data.draw(st.sampled_from([b"\n", b"\r\n", b""]), "between").join(parts) + end
    read(name, whole)
    format_of(name).detect(source_of(whole, "x"))


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any JSON
    keys: Any = value if isinstance(value, dict) else ()
    if isinstance(value, list):
        keys = range(len(value))
    found = [path] if path else []
    return found + [place for key in keys for place in places_in(value[key], (*path, key))]


@every_format
@always
@given(data=st.data())
def test_no_value_is_too_odd_where_it_stands(name: str, data: st.DataObject) -> None:
    lines: list[Line] = [*HEADS.get(name, []), *LINES.get(name, []), *MORE_LINES.get(name, [])]
    values = lines if name in LINES and data.draw(st.booleans()) else WHOLE.get(name, lines)
    changed = json.loads(json.dumps(values))
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        places = places_in(changed)
        *path, key = data.draw(st.sampled_from(places), "place")
        holder = changed
        for step in path:
            holder = holder[step]
        holder[key] = data.draw(JSON, "value")
    if values is lines:
        read(name, "\n".join(json.dumps(line) for line in changed))
    else:
        read(name, json.dumps(changed))


@each_of_lines
@always
@given(data=st.data())
def test_good_lines_survive_whatever_is_around_them(name: str, data: st.DataObject) -> None:
    good = as_lines(LINES[name])
    parts = [line for line in good if data.draw(st.integers(0, 4)) > 0]
    expected = marks_in(b"".join(parts).decode())
    parts = data.draw(st.permutations(parts), "order") if data.draw(st.booleans()) else parts
    for _ in range(data.draw(st.integers(0, 6), "pieces of noise")):
        at = data.draw(st.integers(0, len(parts)), "at")
        torn = data.draw(st.sampled_from(good), "torn")
        cut = torn[: data.draw(st.integers(0, len(torn) - 1), "length")]
        parts.insert(at, data.draw(NOISE | st.just(cut), "noise"))
    joined = b"\n".join([*as_lines(HEADS[name]), *parts])
    assert expected <= marks_in(text_of(read(name, joined)))


@each_of_lines
def test_reading_what_has_grown_gives_the_same_at_first(name: str) -> None:
    lines = sound(name)
    for count in range(1, len(lines)):
        before = read(name, b"\n".join(lines[:count]) + b"\n")
        after = read(name, b"\n".join(lines[: count + 1]) + b"\n")
        for told in before.conversations:
            grown = {one.session.session_id: one for one in after.conversations}
            assert told.session.session_id in grown
            tree = dict(grown[told.session.session_id].tree())
            assert told.tree() == [(key, tree[key]) for key, _ in told.tree()]
