"""Takes out of texts and JSON what should not be handed on: secrets, and who somebody is.

What is found by which rules, and what is not: docs/redaction.md.
"""

from __future__ import annotations

import copy
import json
import re
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final

from agentstate.errors import UsageError
from agentstate.jsontext import JsonText
from agentstate.redaction import commands, headers, named, personal, private_keys, tokens
from agentstate.redaction.names import Level
from agentstate.redaction.plain import PlainText
from agentstate.redaction.rule import mark

if TYPE_CHECKING:
    from agentstate.records import JsonValue
    from agentstate.redaction.rule import Found, Rule

# Each pass replaces something and what it writes is never replaced, so a text comes to rest;
# a hostile one is not searched again and again.
_PASSES: Final = 8
_PART: Final = re.compile(r'"(?:[^"\\]++|\\.)*"(?P<colon>\s*+:)?|[{}\[\],]')


class Redactor:
    """Replaces secrets, e-mail addresses and home folders by marks that say their kind.

    The same secret always becomes the same mark, `[redacted: KIND]`; a home folder becomes
    `~`. Text that holds nothing of that comes back as it was, and so does text that has been
    redacted before. Addresses that are nobody's stay: example.com and its like, `git@`,
    `noreply@`.
    """

    def __init__(self, home: str | None = None) -> None:
        """Load the rules; `home` is a home folder to hide, besides all that look like one.

        Raises `UsageError` where detect-secrets, which has many of the rules, is not installed.
        """
        try:
            from agentstate.redaction import library  # noqa: PLC0415 - 160 ms, and an extra
        except ImportError as error:
            raise UsageError(
                "--redact needs agentstate[redact]: pip install 'agentstate[redact]'"
            ) from error
        by_name = named.NamedSecrets(library.KEYWORDS)
        self._rules: tuple[Rule, ...] = (
            *private_keys.rules(),
            *tokens.rules(),
            *library.rules(),
            by_name,
            *map(headers.Authorizations, headers.SCHEMES),
            headers.Logins(),
            headers.UrlPasswords(),
            *commands.rules(),
            personal.EmailAddresses(),
            *personal.homes(home),
        )
        self._by_name = (
            (named.KIND, by_name.is_secret),
            (headers.KIND, headers.is_login),
        )
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """How many were replaced so far, by kind, in the order of the kinds' names."""
        return dict(sorted(self._counts.items()))

    def apart(self) -> Redactor:
        """Return one that does the same, and counts by itself."""
        other = copy.copy(self)
        other._counts = Counter()  # noqa: SLF001 - a copy of its own
        return other

    def text(self, text: str) -> str:
        """Return the text with marks in place of what is to be hidden."""
        for _ in range(_PASSES):
            before = text
            plain = PlainText(text)
            text = self._replaced(text, plain)
            if plain.is_joined:
                text = self._replaced(text, None)
            if text == before:
                break
        return text

    def _replaced(self, text: str, plain: PlainText | None) -> str:
        """Return the text with marks in place of what the rules find in it, as it is or plain."""
        searched = plain.text if plain else text
        taken: list[Found] = []
        for rule in self._rules:
            if (found := rule.found(searched)) and (
                free := [one for one in found if _is_free(one, taken)]
            ):
                taken = sorted(taken + free)
        if not taken:
            return text
        parts: list[str] = []
        done = 0
        for one in taken:
            start, end = plain.span(one.start, one.end) if plain else (one.start, one.end)
            parts += (text[done:start], one.written)
            done = end
            self._counts[one.kind] += 1
        return "".join((*parts, text[done:]))

    def value(self, value: JsonValue) -> JsonValue:
        """Return the JSON value with its strings and its keys redacted, in the same shape.

        A string under a name such as `password` is judged by that name too. The text of a
        `JsonText` stays as it was but for the strings that changed. Keys of one object that
        became equal are numbered, so that none is lost.
        """
        if isinstance(value, JsonText):
            return self._json_text(value)
        return self._value(value, "")

    def _value(self, value: JsonValue, name: str) -> JsonValue:
        if isinstance(value, str):
            return self._member(name, value)
        level = Level(name)
        if isinstance(value, dict):
            return {
                self.key(key, level.taken): self._part(level, key, one)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._part(level, None, one) for one in value]
        return value

    def _part(self, level: Level, key: str | None, value: JsonValue) -> JsonValue:
        redacted = self._value(value, level.part(key))
        if isinstance(value, str):
            level.passed(key, value)
        return redacted

    def _json_text(self, text: JsonText) -> JsonText:
        levels = [Level()]
        key: str | None = None

        def replaced(match: re.Match[str]) -> str:
            nonlocal key
            part, colon = match[0], match["colon"]
            if not part.startswith('"'):
                if part in "{[":
                    levels.append(Level(levels[-1].part(key)))
                elif part in "}]":
                    levels.pop()
                key = None
                return part
            written = part.removesuffix(colon) if colon else part
            string = json.loads(written, strict=False)
            if colon:
                key = string
                redacted = self.key(string, levels[-1].taken)
            else:
                redacted = self._member(levels[-1].part(key), string)
                levels[-1].passed(key, string)
            if redacted == string:
                return part
            return json.dumps(redacted, ensure_ascii=written.isascii()) + (colon or "")

        return JsonText(_PART.sub(replaced, text))

    def key(self, key: str, taken: dict[str, int]) -> str:
        """Return a key redacted, and numbered where its object, or column, has such a one already.

        `taken` has the keys so far: 0 for one that stays as it was, else how many became it.
        """
        redacted = numbered = self.text(key)
        made = redacted != key
        while numbered in taken and (made or taken[numbered]):
            made = True
            taken[redacted] += 1
            numbered = f"{redacted} {taken[redacted]}"
        taken[numbered] = max(taken.get(numbered, 0), int(made))
        return numbered

    def _member(self, name: str, value: str) -> str:
        """Return the string that stands under a name, or under none, redacted."""
        redacted = self.text(value)
        if name and redacted == value:
            for kind, is_secret in self._by_name:
                if is_secret(name, value):
                    self._counts[kind] += 1
                    return mark(kind)
        return redacted


def _is_free(one: Found, taken: list[Found]) -> bool:
    """Return whether nothing that was found before, and lies in order, overlaps with this."""
    at = bisect_left(taken, (one.end,))
    return at == 0 or taken[at - 1].end <= one.start
