"""Where the store is: which rule names it, and the path or URL it gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.errors import UsageError
from agentstate.record import Record, record

if TYPE_CHECKING:
    from collections.abc import Mapping

STORE_NAME: Final = "state.db"
INDEX_NAME: Final = "session_index.jsonl"
SEARCH_SUFFIX: Final = ".search"
"""What the name of the search index, beside a store, adds to that of the store."""


@record
class Location(Record):
    """A store's path and the rule that chose it."""

    path: Path
    rule: str
    """`--db`, `given` (in Python), `$AGENTSTATE_DB`, `$CODEWHALE_HOME`, or the default's folder."""

    @property
    def index_path(self) -> Path:
        """The session index, in the store's folder."""
        return self.path.with_name(INDEX_NAME)


def locate(
    given: str | os.PathLike[str] | None, environ: Mapping[str, str], *, rule: str = "--db"
) -> Location:
    """Choose the store; stands for the Rust program's `default_state_db_path` and adds to it.

    The first that is set wins: `given`, `$AGENTSTATE_DB`, `$CODEWHALE_HOME/state.db`,
    `~/.codewhale/state.db` if it exists, `~/.deepseek/state.db`. Raises `UsageError` for an
    empty path, an unknown kind of URL, or a relative path in the environment.
    """
    if given is not None:
        return Location(path=_path(os.fspath(given)), rule=rule)
    if (named := environ.get("AGENTSTATE_DB")) is not None:
        return Location(path=_absolute(named, "AGENTSTATE_DB"), rule="$AGENTSTATE_DB")
    if (home := environ.get("CODEWHALE_HOME")) is not None:
        folder = _absolute(home, "CODEWHALE_HOME")
        return Location(path=folder / STORE_NAME, rule="$CODEWHALE_HOME")
    user = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where HOME is unknown
    if not user.is_absolute():
        # Where the user is not known either, "~" would become a folder of that name here.
        raise UsageError("no home folder is known; set $HOME, or name the store with --db")
    current = user / ".codewhale" / STORE_NAME
    if os.path.exists(current):  # noqa: PTH110 - Path.exists() raises where a folder is closed
        return Location(path=current, rule="~/.codewhale")
    return Location(path=user / ".deepseek" / STORE_NAME, rule="~/.deepseek")


def located(store: str | os.PathLike[str] | Location | None) -> Location:
    """Return where a store is that a caller in Python names, or nobody; see `locate`."""
    return store if isinstance(store, Location) else locate(store, os.environ, rule="given")


def _path(text: str) -> Path:
    if not text:
        raise UsageError("the store's path is empty; name a file, such as --db ./state.db")
    if "\0" in text:
        raise UsageError("the store's path holds a NUL character")
    scheme, separator, rest = text.partition("://")
    if not separator or "/" in scheme:
        return Path(text)
    if scheme != "sqlite":
        # The rest of a URL may hold a password, so it is not shown.
        raise UsageError(f"no store of kind {scheme!r}; name a file, or sqlite:///PATH")
    if not rest.removeprefix("/"):
        raise UsageError("sqlite:// names no file; write sqlite:///relative or sqlite:////absolute")
    return Path(rest.removeprefix("/"))


def _absolute(text: str, variable: str) -> Path:
    if not text:
        # A script whose command failed sets it so; the agent's own store is not what it meant.
        raise UsageError(f"${variable} is set but empty; unset it, or give it a path")
    path = _path(text)
    if not path.is_absolute():
        raise UsageError(f"${variable} must be an absolute path, not {str(path)!r}")
    return path
