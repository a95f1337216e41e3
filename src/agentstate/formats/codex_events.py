"""What a rollout of Codex says twice: a person's words, as an item and as an event.

Mostly the event is a copy, written just before or just after the item. Where no item holds the
words, the event is all there is of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentstate import blocks
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from agentstate.formats.reading import Line

_WAITING: Final = 16
"""How many words wait for an item; programs write it within a few lines."""

_LOOKED_AT: Final = 1 << 16
"""Characters of the last item in which the words of an event are looked for."""


class Words(NamedTuple):
    """What an event says that a person said."""

    text: str
    line: Line


def words_in(event: dict[str, Any]) -> str | None:
    """Return what an event says that a person said; None where it says nothing of the kind."""
    kind = event.get("type")
    if kind == "user_message":
        return as_text(event.get("message"))
    item = event.get("item")
    if kind != "item_completed" or not isinstance(item, dict):
        return None
    if item.get("type") not in ("UserMessage", "user_message"):
        return None
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    return blocks.join(as_text(one.get("text")) for one in parts if isinstance(one, dict))


class Copies:
    """Which words of events are held by items. Of texts only hashes are kept, besides a few."""

    def __init__(self) -> None:
        """Begin with no words."""
        self._held: Counter[int] = Counter()
        self._told: dict[str, Counter[int]] = {}
        self._last = ""
        self._waiting: dict[int, Words] = {}
        """Words, in their order, whose item may still come."""

    def hold(self, text: str, *, is_speech: bool) -> tuple[list[Words], Words | None]:
        """Take an item of a person's words.

        Return the words before it that no item holds, and those that it is the item of. Items come
        in the order of their events; but the program's own words may come between.
        """
        self._held[_key(text)] += 1
        self._last = text[:_LOOKED_AT]
        for key, words in self._waiting.items():
            if _has(text, words.text):
                return self._lost_before(key), words
        return (self.rest() if is_speech else []), None

    def tell(self, kind: str, text: str, line: Line) -> list[Words]:
        """Take an event of a person's words; return older words, where too many wait.

        Events of two kinds may both be copies of one item, so each kind is counted by itself.
        """
        key = _key(text)
        told = self._told.setdefault(kind, Counter())
        told[key] += 1
        waits = key in self._waiting
        if told[key] <= self._held[key] + waits or not text.strip() or _has(self._last, text):
            return []
        lost = self.rest() if waits or len(self._waiting) == _WAITING else []
        self._waiting[key] = Words(text, line)
        return lost

    def rest(self) -> list[Words]:
        """Return the words that wait for an item which cannot come any more."""
        return self._lost_before(None) if self._waiting else []

    def _lost_before(self, found: int | None) -> list[Words]:
        lost = []
        while self._waiting:
            key = next(iter(self._waiting))
            words = self._waiting.pop(key)
            if key == found:
                break
            # From now on a message holds them, which another event may be a copy of.
            self._held[key] += 1
            lost.append(words)
        return lost


def _has(text: str, words: str) -> bool:
    """Tell whether words are whole lines of a text, as an editor or an image adds others."""
    return f"\n{words.strip()}\n" in f"\n{text.strip()}\n"


def _key(text: str) -> int:
    return hash(text.strip())
