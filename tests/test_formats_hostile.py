"""Files that were made to take for ever: time and memory go with the size of what is read."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import blocks
from agentstate.render.export import call_ids
from agentstate.store.search.snippets import snippet
from format_support import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentstate.records import JsonValue

TIME: Final = "2025-01-01T00:00:00Z"
_SECONDS: Final = 8
"""Each takes a tenth of that; work that grew with the square of the size took several times it."""


def _line_with_damage() -> tuple[str, str]:
    return "pi", '{"a" x}{"a":1} ' * 100_000


def _damage_behind_much_that_is_sound() -> tuple[str, str]:
    sound = ",".join(f'"k{at}":{{"message":null}}' for at in range(90_000))
    damaged = '{"a":1 x}' * 30_000
    return "chatgpt", f'[{{"mapping":{{{sound},"z" x {damaged}}}}}]'


def _the_same_node_again_and_again() -> tuple[str, str]:
    nodes = (f'"a":{{"message":{{"author":{{"role":"user"}},"id":"{at}"}}}}' for at in range(8_000))
    return "chatgpt", f'[{{"id":"c","mapping":{{{",".join(nodes)}}}}}]'


def _many_rewinds() -> tuple[str, str]:
    shown = {"type": "user", "timestamp": TIME, "content": "x"}
    lines: list[dict[str, object]] = [{"sessionId": "s", "projectHash": "p", "startTime": TIME}]
    lines += [{"id": f"m{at}", **shown} for at in range(30_000)]
    for at in range(30_000):
        lines += [{"id": f"n{at}", **shown}, {"$rewindTo": f"n{at}"}]
    return "gemini", "\n".join(map(json.dumps, lines))


def _many_headers() -> tuple[str, str]:
    header = {"type": "session", "id": "s", "timestamp": TIME}
    return "pi", "\n".join([json.dumps(header)] * 20_000)


@pytest.mark.parametrize(
    "make",
    [
        _line_with_damage,
        _damage_behind_much_that_is_sound,
        _the_same_node_again_and_again,
        _many_rewinds,
        _many_headers,
    ],
)
def test_reading_takes_time_in_proportion(make: Callable[[], tuple[str, str]]) -> None:
    format_name, text = make()
    began = time.process_time()
    read(format_name, text)
    assert time.process_time() - began < _SECONDS


def test_whole_objects_between_damage_are_all_read() -> None:
    entry = json.dumps({"type": "message", "timestamp": TIME, "message": {"role": "user"}})
    found = read("pi", f'{{"a" x}}{entry} ' * 3_000)
    assert [message.native_id for message in found.messages][:2] == ["1", "1.1"]
    assert len(found.messages) == 3_000


def test_ids_that_come_again_are_counted() -> None:
    nodes = ",".join(
        f'"{key}":{{"message":{{"author":{{"role":"user"}},"id":"{at}"}}}}'
        for at, key in enumerate(["a", "a:2", "a", "a", "a:2"])
    )
    found = read("chatgpt", f'[{{"id":"c","mapping":{{{nodes}}}}}]')
    assert [one.native_id for one in found.messages] == ["a", "a:2", "a:3", "a:4", "a:2:2"]


def test_a_long_block_is_taken_apart_in_little_memory() -> None:
    content = "[thinking] " + "ab\n" * 700_000
    tracemalloc.start()
    try:
        assert len(blocks.split(content)) == 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(content)


@pytest.mark.parametrize(
    "content", ["[thinking]\n\n\n[thinking]", "[image: a]\n\n\n[image: b]\n\nc"]
)
def test_a_mark_behind_three_line_breaks_is_text(content: str) -> None:
    assert "\n\n".join(block.source for block in blocks.split(content)) == content


def test_calls_are_found_however_deep_an_item_is() -> None:
    item: JsonValue = {"type": "function_call", "call_id": "c"}
    for _ in range(5_000):
        item = [{"in": item}]
    assert call_ids.called(item) == ["c"]


def test_a_snippet_of_many_matches_takes_little_time() -> None:
    spans = [(at, at + 1) for at in range(0, 400_000, 4)]
    began = time.process_time()
    piece = snippet("a   " * 100_000, spans)
    assert time.process_time() - began < _SECONDS
    assert piece.matches
