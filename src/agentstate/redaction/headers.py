"""Secrets in the headers and URLs of requests."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import mark

if TYPE_CHECKING:
    from collections import Counter

_SCHEMES: Final = ("earer", "EARER", "asic", "ASIC", "oken", "OKEN")
_HEADER: Final = re.compile(
    r"(?P<scheme>[Bb]earer|BEARER|[Bb]asic|BASIC|[Tt]oken|TOKEN)(?:\s|%20|\+){1,4}"
    r"(?P<value>[A-Za-z0-9._~+/=-]{12,}+)"
)
_WORDS: Final = re.compile(r"[A-Za-z]*\d{0,2}(?:[-_./]+[A-Za-z]*\d{0,2})*")
_URL: Final = re.compile(
    r"://(?P<user>[^\s/?#:@\"'<>`]{0,256}):(?P<value>[^\s/\"'<>`]{1,256})@(?=[\w.\[-])"
)
_PLACEHOLDER: Final = re.compile(r"(?i)pass(?:word|wd)?|pw|secret|token|[$<{%*].*|(.)\1*|\d{1,5}")


class Authorizations:
    """Finds what proves somebody in a header: bearer tokens, names with passwords; a rule."""

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of what is found."""
        if not any(scheme in text for scheme in _SCHEMES):
            return text

        def replaced(match: re.Match[str]) -> str:
            if not _proves(match["scheme"].lower(), match["value"]):
                return match[0]
            counts["authorization"] += 1
            return match[0].removesuffix(match["value"]) + mark("authorization")

        return _HEADER.sub(replaced, text)


class UrlPasswords:
    """Finds passwords in URLs; a rule."""

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of what is found."""
        if "://" not in text:
            return text

        def replaced(match: re.Match[str]) -> str:
            if _PLACEHOLDER.fullmatch(match["value"]):
                return match[0]
            counts["url-password"] += 1
            return f"://{match['user']}:{mark('url-password')}@"

        return _URL.sub(replaced, text)


def _proves(scheme: str, value: str) -> bool:
    if scheme == "basic":
        return b":" in _decoded(value)
    return re.search("[0-9]", value) is not None and not _WORDS.fullmatch(value)


def _decoded(value: str) -> bytes:
    try:
        return binascii.a2b_base64(value)
    except ValueError:
        return b""
