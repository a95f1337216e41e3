"""What tells who somebody is: e-mail addresses and the names of home folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import PatternRule, mark

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

_LONGEST_LOCAL: Final = 64
# In a URL @ is %40, and another escape may stand before the address.
_LOCAL: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})?(?P<local>(?:[\w.+-]|%2[Bb])+)\Z")
_DOMAIN: Final = re.compile(
    r"(?:@|%40)((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}([A-Za-z]{2,24}))(?![\w-])"
)
# Domains that belong to nobody (RFC 2606), and whom no letter reaches.
_NOBODYS: Final = re.compile(
    r"(?:.*\.)?example\.(?:com|org|net)|.*\.(?:example|invalid|test|localhost|local)", re.IGNORECASE
)
_NOBODY: Final = re.compile("git|no-?reply|do-?not-?reply", re.IGNORECASE)
_FILES: Final = frozenset(("png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "css", "js", "ts"))

_SEPARATOR: Final = r"(?:\\{1,4}|/)"
_NAME: Final = r"(?!\.)[^\s/\\\"'`:;,<>|*?()\[\]{}$&~@=!#]{1,64}+"
# A folder of homes stands at the root: not src/home/page, not https://host.org/home/page.
_AT_ROOT: Final = re.compile(r"(?:\A|[^\w.~/\\-]|file://|\\[nrt]|%3D|[0-9;\[]m)\Z")
_AT_WORD: Final = re.compile(r"(?:\A|[\s\"'=:(])\Z")
_AT_DRIVE: Final = re.compile(r"(?:\A|[^A-Za-z0-9]|\\[nrt])\Z")
_AT_SEPARATOR: Final = re.compile(r"[\\/]\Z")
# A name on Windows may hold single blanks, where the path goes on behind it.
_WINDOWS_NAME: Final = f"(?:{_NAME}(?: {_NAME}){{1,3}}(?={_SEPARATOR})|{_NAME})"
_HOMES: Final = (
    ("/home/", f"/home/{_NAME}", _AT_ROOT),
    ("/var/home/", f"/var/home/{_NAME}", _AT_ROOT),
    ("/usr/home/", f"/usr/home/{_NAME}", _AT_ROOT),
    ("/export/home/", f"/export/home/{_NAME}", _AT_ROOT),
    ("/Users/", f"/Users/{_NAME}", _AT_ROOT),
    ("/Users/", f"/(?:mnt/)?[a-z]/Users/{_NAME}", _AT_ROOT),
    (
        "Users",
        f"[A-Za-z]:{_SEPARATOR}Users{_SEPARATOR}{_WINDOWS_NAME}",
        _AT_DRIVE,
    ),
    ("~", "~[a-z_][a-z0-9_-]{0,31}(?=/)", _AT_WORD),
)


class EmailAddresses:
    """Finds e-mail addresses, but for those that are nobody's; a rule."""

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of what is found."""
        parts: list[str] = []
        done = 0
        for domain in _DOMAIN.finditer(text):
            local = _LOCAL.search(text[max(done, domain.start() - _LONGEST_LOCAL) : domain.start()])
            if local is not None and _is_somebodys(local["local"], domain):
                begin = domain.start() - len(local["local"])
                parts += (text[done:begin], mark("email-address"))
                done = domain.end()
                counts["email-address"] += 1
        return "".join((*parts, text[done:])) if parts else text


def homes(home: str | None) -> Iterator[PatternRule]:
    """Yield the rules for home folders; `home` is one that is known."""
    if home is not None and (parts := [part for part in re.split(r"[\\/]+", home) if part]):
        begin = _SEPARATOR if home[0] in "\\/" else ""
        known = begin + _SEPARATOR.join(map(re.escape, parts))
        yield _home(f"{known}(?![\\w-]|\\.\\w)", _AT_ROOT, (parts[-1],))
        flat = "-".join(re.sub("[^A-Za-z0-9]", "-", part) for part in parts)
        yield _home(f"-{flat}(?![A-Za-z0-9])", _AT_SEPARATOR, (flat,), written="-~")
    for part, pattern, after in _HOMES:
        yield _home(pattern, after, (part,))
    # Some programs name a folder by a path whose separators became dashes.
    flat = "-(?:home|Users)-[A-Za-z0-9]{1,64}(?![A-Za-z0-9])"
    yield _home(flat, _AT_SEPARATOR, ("-home-", "-Users-"), written="-~")


def _home(
    pattern: str, after: re.Pattern[str], marks: tuple[str, ...], *, written: str = "~"
) -> PatternRule:
    return PatternRule("home-path", re.compile(pattern), 0, marks, after, written)


def _is_somebodys(local: str, domain: re.Match[str]) -> bool:
    return not (
        _NOBODY.fullmatch(local) or _NOBODYS.fullmatch(domain[1]) or domain[2].lower() in _FILES
    )
