"""Secrets that can be told only by the name they are given: in code, data, commands."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

from agentstate.redaction.rule import mark

KIND: Final = "secret"
_MORE_KEYWORDS: Final = (
    "access_?key",
    "encryption_?key",
    "signing_?key",
    "master_?key",
    "session_?key",
    "passphrase",
    "[_-]pass",
    "credential",
    "token(?!s|i[sz]|_?(?:count|limit|budget|usage|type|name))",
)
# Each keyword has one of these in it; they are found fast, in lower case.
_STEM: Final = re.compile("key|pass|pwd|secret|token|credential|contrase")
_PASSWORD: Final = re.compile("pass|pwd|contrase", re.IGNORECASE)
_NAME_BEFORE: Final = re.compile(r"[\w-]*\Z")
_NAME_AFTER: Final = re.compile(r"[\w-]{0,30}")
_QUOTE: Final = r"""\\{0,7}["'`]"""
_QUOTED: Final = rf"(?P<quote>{_QUOTE})(?P<quoted>[^\s\"'`\\]++){_QUOTE}"
_BARE: Final = r"""(?P<bare>[^\s"'`,;&<>(){}\[\]$\\|]++)"""
_ASSIGNED: Final = re.compile(
    rf"(?:{_QUOTE}\]?)?(?P<sign>\s{{0,3}}(?::=|=>|={{1,3}}|:|>)\s{{0,3}})(?:{_QUOTED}|{_BARE})"
)
_FLAGGED: Final = re.compile(rf"(?P<sign>\s{{1,3}})(?:{_QUOTED}|{_BARE})")
_CODE: Final = tuple("([{$")
_PLACEHOLDER: Final = re.compile(
    r"""(?x) (?: <.* | \{.* | \[.* | \$.* | %\w+% | :?(.)\1* | .*\.\.\.  | (?:%[a-z]\W?)+
    | (?:your|my|the|some|an?|new|old|test|example|sample|dummy|fake|insert)[_\- ].*
    | .*(?:pass(?:word|phrase|wd)?|secret|token|key|example|change_?me|placeholder
        |redacted|required|optional|invalid|undefined|string|value|here|none|null|true|false)
    )""",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r"(?:[A-Za-z]:|~|\.{0,2})[\\/]|[a-z]+://")
# self.token1, config-v2, 8-16, pkg/mod_2: words and small numbers.
_WORDS: Final = re.compile(
    r"(?:[A-Za-z]+\d{0,2}|\d{1,4})(?:[-_./:@]+(?:[A-Za-z]+\d{0,2}|\d{1,4}))*"
)
_CHAIN: Final = re.compile(r"[./:]|\A[-\d]*\Z")
_LONGEST_BEFORE: Final = 24
_SHORTEST_PASSWORD: Final = 4
_SHORTEST_KEY: Final = 12
_LEAST_ENTROPY: Final = 3.0
"""Bits a character: hexadecimal keys have 3.2 and more, repeated and spoken words less."""


class NamedSecrets:
    """Finds secrets by names such as `password` and `api_key`; a rule."""

    def __init__(self, library_keywords: tuple[str, ...]) -> None:
        """Take the library's patterns of names, and add those it lacks."""
        keywords = "|".join((*library_keywords, *_MORE_KEYWORDS)).replace("_?", "[_-]?")
        self._keyword = re.compile(keywords, re.IGNORECASE)

    def is_secret(self, name: str, value: str) -> bool:
        """Return whether the value that data has under this name is a secret."""
        return self._keyword.search(name) is not None and _is_secret(name, value, stated=True)

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of the secrets that are named in it."""
        # Lower case has the same length but for this letter.
        lowered = text.replace("\u0130", "i").lower()
        parts: list[str] = []
        done = at = 0
        while stem := _STEM.search(lowered, at):
            at, secret = self._judge(text, stem)
            if secret is not None:
                parts += (text[done : secret[0]], mark(KIND))
                done = secret[1]
                counts[KIND] += 1
        return "".join((*parts, text[done:])) if parts else text

    def _judge(self, text: str, stem: re.Match[str]) -> tuple[int, tuple[int, int] | None]:
        """Return where to look next, and the place of the secret that the name is given."""
        after = _NAME_AFTER.match(text, stem.end())
        end = after.end() if after else stem.end()
        line = text[max(0, stem.start() - _LONGEST_BEFORE) : stem.start()]
        first = _NAME_BEFORE.search(line)
        name = (first[0] if first else "") + text[stem.start() : end]
        if not self._keyword.search(name):
            return end, None
        match = _ASSIGNED.match(text, end)
        stated = False
        if match is None and "--" in line:
            match, stated = _FLAGGED.match(text, end), True
        if match is None:
            return end, None
        if match["quoted"] is not None:
            secret = _is_secret(name, match["quoted"], stated=True)
            return (match.end(), match.span("quoted")) if secret else (end, None)
        stated = stated or (name.isupper() and match["sign"] == "=")
        code = text[match.end() : match.end() + 1] in _CODE
        secret = not code and _is_secret(name, match["bare"].rstrip(".:"), stated=stated)
        return match.end(), match.span("bare") if secret else None


def _is_secret(name: str, value: str, *, stated: bool) -> bool:
    """Judge a value; what is `stated` is surely data, while other text may be code or prose."""
    if _PLACEHOLDER.fullmatch(value) or _PLACE.match(value) or re.search(r"\s", value):
        return False
    digits = re.search("[0-9]", value) is not None
    words = _WORDS.fullmatch(value) is not None
    if _PASSWORD.search(name):
        likely = not value.isalpha() if stated else digits and not (words and _CHAIN.search(value))
        return len(value) >= _SHORTEST_PASSWORD and likely
    likely = digits and not words
    return len(value) >= _SHORTEST_KEY and likely and _entropy(value) >= _LEAST_ENTROPY


def _entropy(value: str) -> float:
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())
