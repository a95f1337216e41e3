"""Passwords that commands are given as options which no name tells: `curl -u`, `docker -p`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import QUOTE, PatternRule

if TYPE_CHECKING:
    from collections.abc import Iterator

_KIND: Final = "command-password"
# Between an option and its value: a blank, or the marks of a list of strings.
_GAP: Final = rf"(?:{QUOTE},\s{{0,24}}|[\s=]{{1,3}})?"
_PLACEHOLDER: Final = (
    r"\$|[<{%*\[]|\d{1,6}(?![^\s\"'`])"
    r"|(?i:[\w.-]{0,30}(?:pass(?:word|wd)?|pw|secret|token|key))(?!\w)"
)
_VALUE: Final = rf"(?!{_PLACEHOLDER})(?P<value>[^\s\"'`\\;|<>()]{{3,128}}+)"
_USER: Final = r"[^\s:\"'`\\$<{]{1,64}+:"
# The rest of a command before an option, on its line and on those that a backslash joins to it.
_REST: Final = r"\b(?:[^\n;|]|(?<=\\)\n)*\Z"
_LINE: Final = 300
_COMMANDS: Final = (
    # what tells that there may be one, its program, the option and what stands before the password
    (("curl",), "curl", rf"(?:u|U|-user|-proxy-user){_GAP}(?:{QUOTE})?{_USER}"),
    (("login",), r"(?:docker|podman|nerdctl|buildah|skopeo|oras|helm)\b[^\n;|]{0,40}\slogin",
     rf"p{_GAP}(?:{QUOTE})?"),
    (("sshpass",), "sshpass", rf"p{_GAP}(?:{QUOTE})?"),
    (("mysql", "mariadb"), r"(?:mysql|mariadb)[\w-]*", rf"p(?:{QUOTE})?"),
)  # fmt: skip


def rules() -> Iterator[PatternRule]:
    """Yield the rules for the commands listed here."""
    for marks, program, option in _COMMANDS:
        pattern = re.compile(rf"-(?<=[\s\"'(]-){option}{_VALUE}")
        after = re.compile(rf"(?<![A-Za-z0-9])(?:{program}){_REST}")
        yield PatternRule(_KIND, pattern, "value", marks, after, reach=_LINE)
