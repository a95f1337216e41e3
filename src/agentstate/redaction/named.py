"""Secrets that can be told only by the name they are given: in code, data, commands."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import QUOTE, Found, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    r"(?:\b|_|proxy-?)authorization\Z",
    "token(?!s|i[sz]|_?(?:count|limit|budget|usage|type|name))",
)
# Each keyword has one of these in it; they are found fast, in lower case.
_STEM: Final = re.compile("key|pass|pwd|secret|token|credential|contrase|authorization")
_PASSWORD: Final = re.compile("pass|pwd|contrase", re.IGNORECASE)
_NAME_BEFORE: Final = re.compile(r"[\w-]*\Z")
_NAME_AFTER: Final = re.compile(r"[\w-]{0,30}")
_QUOTED: Final = rf"(?P<quote>{QUOTE})(?P<quoted>[^\s\"'`\\]++){QUOTE}"
_BARE: Final = r"""(?P<bare>[^\s"'`,;&<>(){}\[\]$\\|]++)"""
_ASSIGNED: Final = re.compile(
    rf"(?P<member>{QUOTE}\]?)?(?P<sign>\s{{0,3}}(?::=|=>|={{1,3}}|:|>)\s{{0,3}})(?:{_QUOTED}|{_BARE})"
)
# Where a name stands in such a place, its value follows without a sign: an option of a command;
# a line of a Dockerfile and its like; the file of logins that curl and git read, .netrc.
_VALUE_FOLLOWS: Final = re.compile(
    r"--[\w.-]*\Z|\b(?:ENV|ARG|setx?|setenv|SETX?)\s{1,3}\w*\Z"
    r"|\b(?:login|account)\s{1,3}\S{1,64}(?:\\n|[^A-Za-z]){1,24}\Z"
)
_FOLLOWING: Final = re.compile(rf"(?P<sign>\s{{1,3}})(?:{_QUOTED}|{_BARE})")
_LISTED: Final = re.compile(rf"{QUOTE}(?P<sign>,\s{{0,24}}){_QUOTED}")
_OPTION: Final = re.compile(r"(?<![\w.-])--?[\w.-]*\Z")
# name: API_KEY, and then value: …, on the next line or in the same object or tag.
_LABEL: Final = re.compile(rf"\b(?:name|key)(?:{QUOTE})?\s{{0,3}}[:=]\s{{0,3}}(?:{QUOTE})?[\w-]*\Z")
_LABELLED: Final = re.compile(
    rf"(?:{QUOTE})?(?:[\s,]|\\{{1,8}}[nrt]){{1,40}}(?:{QUOTE})?value(?:{QUOTE})?"
    rf"(?P<sign>\s{{0,3}}(?::|=(?={QUOTE}))\s{{0,3}})(?:{_QUOTED}|{_BARE})"
)
_GIVEN: Final = ((_FOLLOWING, _VALUE_FOLLOWS), (_LISTED, _OPTION), (_LABELLED, _LABEL))
_CODE: Final = tuple("([{$")
# In a file of variables for the environment a value may hold what would be code elsewhere.
_VARIABLE: Final = r"""[^\s"'`,;&<>\[\]\\|]"""
_ENVIRONMENT: Final = re.compile(rf"{_VARIABLE}{{1,128}}+(?!{_VARIABLE})")
_CALL: Final = re.compile(r"[\w.]+\(.*\)|.*\$(?:[({]|[A-Z_]{3}).*|[^0-9]*")
_PLACEHOLDER: Final = re.compile(
    r"""(?x) (?: <.* | \{.* | \[.* | \$.* | %\w+% | AWS4-.* | :?(.)\1* | .*\.\.\.  | (?:%[a-z]\W?)+
    | (?:your|my|the|some|an?|new|old|test|example|sample|dummy|fake|insert)[_\- ].*
    | .*(?:pass(?:word|phrase|wd)?|secret|token|key|example|change_?me|placeholder
        |header|redacted|required|optional|invalid|undefined|string|value|here|none|null|true|false
        |disabled|enabled|hidden|encrypted|protected|forbidden|missing|unknown|unset|changed)
    )""",
    re.IGNORECASE,
)
_PASSWORD_NAME: Final = re.compile("pass(?:word|wd|phrase)?\\Z|pwd\\Z", re.IGNORECASE)
_MARK: Final = re.compile(r"\[redacted: [a-z0-9-]*\]")
_PLACE: Final = re.compile(r"(?:[A-Za-z]:|~|\.{0,2})[\\/]|[a-z]+://")
# self.token1, config-v2, 8-16, pkg/mod_2: words and small numbers.
_WORDS: Final = re.compile(
    r"(?:[A-Za-z]+\d{0,2}|\d{1,4})(?:[-_./:@]+(?:[A-Za-z]+\d{0,2}|\d{1,4}))*"
)
_CHAIN: Final = re.compile(r"[./:]|\A[-\d]*\Z")
_LONGEST_BEFORE: Final = 24
_LONGEST_PLACE: Final = 120
_SHORTEST_PASSWORD: Final = 4
_SHORTEST_PHRASE: Final = 8
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
        name = _MARK.sub("", name)
        return self._keyword.search(name) is not None and _is_secret(
            name, value, stated=True, member=True
        )

    def found(self, text: str) -> Iterator[Found]:
        """Yield the secrets that are named in the text."""
        # Lower case has the same length but for this letter.
        lowered = text.replace("\u0130", "i").lower()
        at = 0
        while stem := _STEM.search(lowered, at):
            at, secret = self._judge(text, stem)
            if secret is not None:
                yield Found(*secret, KIND, mark(KIND))

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
        stated = member = False
        if match is None:
            match = _given(text, stem.start(), end)
            if match is None:
                return end, None
            stated = match.re is not _LABELLED
        elif match["member"]:
            member = match["sign"].strip() == ":"
        if match["quoted"] is not None:
            secret = _is_secret(name, match["quoted"], stated=True, member=member)
            return (match.end(), match.span("quoted")) if secret else (end, None)
        variable = name.isupper() and match["sign"] == "="
        place = match.span("bare")
        if text[match.end() : match.end() + 1] in _CODE:
            whole = _ENVIRONMENT.match(text, place[0])
            if not (variable and whole and _PASSWORD.search(name)) or _CALL.fullmatch(whole[0]):
                return match.end(), None
            place = whole.span()
        value = text[slice(*place)].rstrip(".:")
        secret = _is_secret(name, value, stated=stated or variable)
        return place[1], place if secret else None


def _given(text: str, start: int, end: int) -> re.Match[str] | None:
    """Return what a name from `start` to `end` is given without a sign that assigns it."""
    line = text[max(0, start - _LONGEST_PLACE) : start]
    for given, place in _GIVEN:
        if (match := given.match(text, end)) and place.search(line):
            return match
    return None


def _is_secret(name: str, value: str, *, stated: bool, member: bool = False) -> bool:
    """Judge a value; what is `stated` is surely data, while other text may be code or prose.

    A `member` is the value of a key in JSON.
    """
    if _PLACEHOLDER.fullmatch(value) or _PLACE.match(value) or re.search(r"\s", value):
        return False
    digits = re.search("[0-9]", value) is not None
    words = _WORDS.fullmatch(value) is not None
    if _PASSWORD.search(name):
        likely = not value.isalpha() if stated else digits and not (words and _CHAIN.search(value))
        if member and _PASSWORD_NAME.search(name):
            likely = likely or _is_phrase(value)
        return len(value) >= _SHORTEST_PASSWORD and likely
    likely = digits and not words
    return len(value) >= _SHORTEST_KEY and likely and _entropy(value) >= _LEAST_ENTROPY


def _is_phrase(value: str) -> bool:
    """Return whether letters alone may be a password, and are no Label and no CONSTANT."""
    long = len(value) >= _SHORTEST_PHRASE
    return long and value.isascii() and value.isalpha() and not (value.istitle() or value.isupper())


def _entropy(value: str) -> float:
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())
