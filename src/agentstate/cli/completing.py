"""Completion: what the shells' scripts call back for, with the words of the command line.

    agentstate __complete bash TYPE TEXT LINE
    agentstate __complete zsh|fish WORD... CURRENT

bash gives COMP_TYPE, the piece of the line that it will replace, and the line up to the cursor;
zsh and fish give the words before the current one, and that one up to the cursor. The answer is
plain lines, which no shell evaluates:

- for bash what may stand in place of the piece, quoted as it must be there;
- for zsh and fish `words` and a line for each value with its description; or `files N` or
  `folders N` where a path may follow N characters of the word; or nothing.

Whatever goes wrong, the answer is nothing, on standard error too, and the exit code 0: a person
is in the middle of a line.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Final, NamedTuple

from typer._click.shell_completion import _resolve_context, _resolve_incomplete
from typer.core import TyperOption

from agentstate.cli import bash_words, completers
from agentstate.cli.app import program
from agentstate.cli.groups import Group
from agentstate.cli.printing import abandon, open_missing, write_lines
from agentstate.render.text import screen_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer._click import Command, Context, Parameter

    from agentstate.cli.completers import Offers

_MOST: Final = 250
"""How many values a shell gets at once; what reads the store has a limit of its own."""

_HELP_WIDTH: Final = 100
_DESCRIPTION: Final = 100
_LISTING: Final = "63"
"""COMP_TYPE where bash only lists what it is given, and inserts nothing: the second TAB."""

_PATHS: Final = {
    completers.FILES: ("files", 0),
    completers.FILES_AFTER_AT: ("files", 1),
    completers.FOLDERS: ("folders", 0),
}


class Offered(NamedTuple):
    """What may stand in place of a word."""

    kind: str
    """One of `words`, `files`, `folders`."""
    values: Offers
    kept: int = 0
    """How many characters of the word stand before the path."""


def complete(arguments: Sequence[str]) -> int:
    """Answer a script; return the exit code, which is always 0."""
    open_missing()
    # A record that is left out of a list is no concern of this line.
    warnings.simplefilter("ignore")
    try:
        shell, *rest = arguments
        write_lines(_for_bash(*rest) if shell == "bash" else _for_others(shell, *rest))
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - see above
        abandon(sys.stdout)
    return 0


def _for_bash(kind: str, text: str, line: str) -> list[str]:
    typed = bash_words.read(line, text)
    if typed.is_redirection:
        return bash_words.path_replies(typed, 0, folders=False)
    listing = kind == _LISTING
    offered = _offered(typed.words[1:], typed.word, described=listing)
    if offered.kind != "words":
        return bash_words.path_replies(typed, offered.kept, folders=offered.kind == "folders")
    return bash_words.replies(typed, offered.values, listing=listing)


def _for_others(shell: str, *words: str) -> list[str]:
    offered = _offered(words[:-1], words[-1], described=True)
    if offered.kind != "words":
        return [f"{offered.kind} {offered.kept}"]
    if not offered.values:
        return []
    line = _zsh_line if shell == "zsh" else _fish_line
    return ["words", *(line(value, about) for value, about in offered.values)]


def _zsh_line(value: str, about: str) -> str:
    """Return a value as `_describe` takes it, which reads backslashes, and a colon as the end."""
    parts = (part.replace("\\", "\\\\").replace(":", "\\:") for part in (value, about) if part)
    return ":".join(parts)


def _fish_line(value: str, about: str) -> str:
    return f"{value}\t{about}" if about else value


def _offered(words: Sequence[str], word: str, *, described: bool) -> Offered:
    """Find out what may stand in place of `word`; without `described`, save the descriptions."""
    context, target, part = _resolve(words, word)
    prefix = word[: len(word) - len(part)]
    if isinstance(target, Group) and not part.startswith("-"):
        return Offered("words", _commands(context, target, part, described=described))
    items = target.shell_complete(context, part)[:_MOST]
    if len(items) == 1 and items[0].help in _PATHS:
        kind, more = _PATHS[items[0].help]
        return Offered(kind, [], len(prefix) + more)
    dashes = part.startswith("-") or "--" in words
    return Offered(
        "words",
        [
            (f"{prefix}{item.value}", screen_safe(item.help or "")[:_DESCRIPTION])
            for item in items
            if _can_be_typed(item.value, dashes=dashes)
        ],
    )


def _resolve(words: Sequence[str], word: str) -> tuple[Context, Command | Parameter, str]:
    """Return the command that is being typed, what the word belongs to, and how much of it."""
    context = _resolve_context(program(), {}, "agentstate", list(words))
    target, part = _resolve_incomplete(context, list(words), word)
    if words and isinstance(target, TyperOption) and words[-1] in target.opts:
        # An option without its value stops the parser, and the arguments before it are lost.
        context = _resolve_context(program(), {}, "agentstate", list(words[:-1]))
    return context, target, part


def _commands(context: Context, group: Group, part: str, *, described: bool) -> Offers:
    if context._protected_args:  # noqa: SLF001 - how it shows that there is no such command
        return []
    return [
        (name, group.lazy[name].get_short_help_str(_HELP_WIDTH) if described else "")
        for name in group.list_commands(context)
        if name.startswith(part)
    ]


def _can_be_typed(value: str, *, dashes: bool) -> bool:
    """Tell whether a value can stand on a line as it is: seen whole, and not as an option."""
    return value != "" and screen_safe(value) == value and (dashes or not value.startswith("-"))
