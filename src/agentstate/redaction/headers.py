"""Secrets in the headers and URLs of requests."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import QUOTE, Found, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND: Final = "authorization"
SCHEMES: Final = ("Bearer", "BEARER", "Basic", "BASIC", "Token", "TOKEN")
"""What stands before a proof; the first letter may be a small one."""
# What docker and npm keep: the base64 of a name and a password.
_LOGIN: Final = re.compile(
    rf"auth(?:{QUOTE})?\s{{0,3}}[:=]\s{{0,3}}(?:{QUOTE})?(?P<value>[A-Za-z0-9+/]{{8,}}+={{0,2}})"
)
_WORDS: Final = re.compile(r"[A-Za-z]*\d{0,2}(?:[-_./]+[A-Za-z]*\d{0,2})*")
_URL: Final = re.compile(
    r"://(?P<user>[^\s/?#:@\"'<>`]{0,256}):(?:(?P<value>[^\s/\"'<>`]{1,256})@(?=[\w.\[-])"
    # A slash in it should be written %2F, and is not always; http://host:80/a@b has none.
    r"|(?P<slashed>(?!\d{0,5}/|[a-z._/-]*@)[^\s\"'<>`@?#:]{2,128}+)@(?=[\w.\[-]))"
)
_PLACEHOLDER: Final = re.compile(r"(?i)pass(?:word|wd)?|pw|secret|token|[$<{%*].*|(.)\1*|\d{1,5}")


class Authorizations:
    """Finds what proves somebody in a header: bearer tokens, names with passwords; a rule."""

    def __init__(self, scheme: str) -> None:
        """Look behind one of `SCHEMES`."""
        self._initials = (scheme[0], scheme[0].lower())
        self._scheme = scheme.lower()
        self._rest = scheme[1:]
        # What begins with a literal is found 5 times faster.
        self._header = re.compile(
            rf"{self._rest}(?:\s|%20|\+){{1,4}}(?P<value>[A-Za-z0-9._~+/=-]{{12,}}+)"
        )

    def found(self, text: str) -> Iterator[Found]:
        """Yield what is found, from the front of the text to its end."""
        if self._rest not in text:
            return
        for match in self._header.finditer(text):
            is_scheme = text.endswith(self._initials, 0, match.start())
            if is_scheme and _proves(self._scheme, match["value"]):
                yield Found(*match.span("value"), KIND, mark(KIND))


class Logins:
    """Finds names with passwords in files of programs that log in; a rule."""

    def found(self, text: str) -> Iterator[Found]:
        """Yield what is found, from the front of the text to its end."""
        if "auth" not in text:
            return
        for match in _LOGIN.finditer(text):
            if is_login("auth", match["value"]):
                yield Found(*match.span("value"), KIND, mark(KIND))


class UrlPasswords:
    """Finds passwords in URLs; a rule."""

    def found(self, text: str) -> Iterator[Found]:
        """Yield what is found, from the front of the text to its end."""
        if "://" not in text:
            return
        for match in _URL.finditer(text):
            group = "value" if match["value"] else "slashed"
            is_host = group == "slashed" and "." in match["user"]
            if not is_host and not _PLACEHOLDER.fullmatch(match[group]):
                yield Found(*match.span(group), "url-password", mark("url-password"))


def is_login(name: str, value: str) -> bool:
    """Return whether data has a name and a password in base64 under this name."""
    decoded = _decoded(value) if name.lower().endswith("auth") else b""
    return b":" in decoded and decoded.isascii() and decoded.decode().isprintable()


def _proves(scheme: str, value: str) -> bool:
    if scheme == "basic":
        return b":" in _decoded(value)
    return re.search("[0-9]", value) is not None and not _WORDS.fullmatch(value)


def _decoded(value: str) -> bytes:
    try:
        return binascii.a2b_base64(value)
    except ValueError:
        return b""
