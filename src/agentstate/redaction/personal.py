"""What tells who somebody is: e-mail addresses and the names of home folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import Found, PatternRule, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_LOCAL: Final = 64
# In a URL @ is %40, and another escape may stand before the address.
_LOCAL: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}|_)?(?P<local>(?:[\w.+-]|%2[Bb])+)\Z")
# Letters of all languages are in names of hosts. Behind the end may stand those of a sentence in
# a language without blanks, and the sign of emphasis. Brackets are of code: a@numpy.eye(3).
_DOMAIN: Final = re.compile(
    r"(?:@|%40)((?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.){1,8}"
    r"(xn--[A-Za-z0-9-]{2,24}|[A-Za-z]{2,24}|[^\W\d_A-Za-z]{2,24}))"
    r"(?![A-Za-z0-9\u00c0-\u024f-]|_\w)(?:(?<=\.com|\.org|\.net|\.edu)|(?![(\[]))"
)
# Domains that belong to nobody (RFC 2606), and whom no letter reaches.
_NOBODYS: Final = re.compile(
    r"(?:.*\.)?example\.(?:com|org|net)|.*\.(?:example|invalid|test|localhost|local)", re.IGNORECASE
)
_NOBODY: Final = re.compile("git|no-?reply|do-?not-?reply", re.IGNORECASE)
_FILES: Final = frozenset(("png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "css", "js", "ts"))

# What follows a @ in programs, where it multiplies or decorates.
_MEMBER: Final = re.compile(
    "astype|copy|diag|dot|eye|fixture|inv|mark|matrix|mean|ones|params|patch|property|ravel"
    "|reshape|shape|size|sum|transpose|values|vector|weights?|zeros"
)

_SEPARATOR: Final = r"(?:\\{1,4}|/)"
_NAME: Final = r"(?!\.)[^\s/\\\"'`:;,<>|*?()\[\]{}$&~@=!#]{1,64}+"
# A folder of homes stands at the root: not src/home/page, not https://host.org/home/page.
# An option may be joined to it, a sign of emphasis stand before it.
_AT_ROOT: Final = re.compile(
    r"(?:\A|[^\w.~/\\-]|file://|\\[nrt]|%3D|[0-9;\[]m|(?<!\w)_|(?<![\w.~/\\-])-[A-Za-z]{1,8})\Z"
)
_AT_ENCODED_ROOT: Final = re.compile(
    r"(?:\A|[^\w.~/\\%-]|%(?:25)?(?:3[AaDd]|2[026Cc])|file(?:%(?:25)?3[Aa]|:)(?:%(?:25)?2[Ff]){2})\Z"
)
_AT_REMOTE: Final = re.compile(r"(?<![A-Za-z])(?:vscode-remote|ssh|sftp|scp|rsync|file)\Z")
_AT_WORD: Final = re.compile(r"(?:\A|[\s\"'`=:>(])\Z")
_AT_DRIVE: Final = re.compile(r"(?:\A|[^A-Za-z0-9]|\\[nrt])\Z")
_AT_SEPARATOR: Final = re.compile(r"[\\/]\Z")
# A name on Windows may hold single blanks, where the path goes on behind it.
_WINDOWS_NAME: Final = f"(?:{_NAME}(?: {_NAME}){{1,3}}(?={_SEPARATOR})|{_NAME})"
_SLASH: Final = "%(?:25)?2[Ff]"
_DRIVES: Final = tuple(
    f":{separator}{users}"
    for separator in ("/", "\\", "\\\\", "\\\\\\\\")
    for users in ("Users", "users", "USERS")
)
_HOMES: Final = (
    # parts one of which must be there, the whole, what must stand before it
    (("/home/",), f"/home/{_NAME}", _AT_ROOT),
    (("/var/home/",), f"/var/home/{_NAME}", _AT_ROOT),
    (("/usr/home/",), f"/usr/home/{_NAME}", _AT_ROOT),
    (("/export/home/",), f"/export/home/{_NAME}", _AT_ROOT),
    (("/Users/",), f"/Users/{_NAME}", _AT_ROOT),
    (("/Users/",), f"/(?:mnt/)?[a-z]/Users/{_NAME}", _AT_ROOT),
    (
        _DRIVES,
        f"[A-Za-z]:{_SEPARATOR}(?:[Uu]sers|USERS){_SEPARATOR}{_WINDOWS_NAME}",
        _AT_DRIVE,
    ),
    (("~",), "~[a-z_][a-z0-9_-]{0,31}(?=/)", _AT_WORD),
    (
        ("2Fhome", "2fhome", "2FUsers", "2fUsers"),
        f"{_SLASH}(?:home|Users){_SLASH}(?:(?!%)[\\w.+-]){{1,64}}",
        _AT_ENCODED_ROOT,
    ),
)
# A host stands before these, and its name stays.
_HOMES_OF_HOSTS: Final = (
    (
        ("vscode-remote://", "ssh://", "sftp://", "scp://", "rsync://", "file://"),
        rf"://[^\s/\\\"'`<>]{{1,80}}+(?P<home>/(?:home|Users)/{_NAME})",
        _AT_REMOTE,
    ),
    (
        ("wsl$", "wsl.localhost"),
        rf"wsl(?:\$|\.localhost){_SEPARATOR}[\w.-]{{1,40}}+(?P<home>{_SEPARATOR}home{_SEPARATOR}{_NAME})",
        None,
    ),
)


class EmailAddresses:
    """Finds e-mail addresses, but for those that are nobody's; a rule."""

    def found(self, text: str) -> Iterator[Found]:
        """Yield what is found, from the front of the text to its end."""
        done = 0
        for domain in _DOMAIN.finditer(text):
            local = _LOCAL.search(text[max(done, domain.start() - _LONGEST_LOCAL) : domain.start()])
            if local is not None and _is_somebodys(local["local"], domain):
                begin = domain.start() - len(local["local"])
                done = domain.end()
                yield Found(begin, done, "email-address", mark("email-address"))


def homes(home: str | None) -> Iterator[PatternRule]:
    """Yield the rules for home folders; `home` is one that is known."""
    if home is not None and (parts := [part for part in re.split(r"[\\/]+", home) if part]):
        begin = _SEPARATOR if home[0] in "\\/" else ""
        known = begin + _SEPARATOR.join(map(re.escape, parts))
        yield _home(f"{known}(?![\\w-]|\\.\\w)", _AT_ROOT, (parts[-1],))
        flat = "-".join(re.sub("[^A-Za-z0-9]", "-", part) for part in parts)
        yield _home(f"-{flat}(?![A-Za-z0-9])", _AT_SEPARATOR, (flat,), written="-~")
    for parts_of_it, pattern, after in _HOMES:
        yield _home(pattern, after, parts_of_it)
    for parts_of_it, pattern, before in _HOMES_OF_HOSTS:
        yield PatternRule("home-path", re.compile(pattern), "home", parts_of_it, before, "~")
    # Some programs name a folder by a path whose separators became dashes.
    flat = "-(?:home|Users)-[A-Za-z0-9]{1,64}(?![A-Za-z0-9])"
    yield _home(flat, _AT_SEPARATOR, ("-home-", "-Users-"), written="-~")


def _home(
    pattern: str, after: re.Pattern[str], marks: tuple[str, ...], *, written: str = "~"
) -> PatternRule:
    return PatternRule("home-path", re.compile(pattern), 0, marks, after, written)


def _is_somebodys(local: str, domain: re.Match[str]) -> bool:
    return not (
        _NOBODY.fullmatch(local)
        or _NOBODYS.fullmatch(domain[1])
        or domain[2].lower() in _FILES
        or _MEMBER.fullmatch(domain[2])
    )
