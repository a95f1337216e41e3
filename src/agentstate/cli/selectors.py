"""Selectors: how a user names a thread or a message.

THREAD is a full id, then an exact name (ASCII case aside), then the unique start of an id;
`@last` and `@cwd` are the newest of all and of this folder; `id:` and `name:` say which is meant.
MESSAGE is an id, also with the `#` that a tree shows before it, `THREAD@leaf`, or `THREAD~N` for
the message N above the leaf.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from agentstate.cli.inputs import BEYOND_IDS, message_number
from agentstate.cli.invocation import can_ask
from agentstate.errors import (
    AmbiguousError,
    CorruptStoreError,
    MessageNotFoundError,
    ThreadNotFoundError,
    UsageError,
)
from agentstate.records import ThreadListFilters
from agentstate.render.text import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentstate.cli.invocation import Invocation
    from agentstate.records import ThreadMetadata
    from agentstate.reports.trash import TrashEntry
    from agentstate.store import StateStore

_ABOVE: Final = r"(?s)(?P<thread>.+)~(?P<steps>\d{1,9})"
_LEAF: Final = "@leaf"
_CANDIDATES: Final = 10
"""How many an error lists, for an error is one line."""
_NAME: Final = 60
"""Cells of a name in such a line; it may be a page long."""


def find_thread(store: StateStore, run: Invocation, selector: str) -> ThreadMetadata:
    """Return the thread a selector names.

    Raises `ThreadNotFoundError`, `AmbiguousError` with the candidates, `UsageError`.
    """
    return _require(store, find_thread_id(store, run, selector))


def find_thread_id(store: StateStore, run: Invocation, selector: str) -> str:
    """Return the id of the thread a selector names, also of one that cannot be read.

    Raises `ThreadNotFoundError`, `AmbiguousError` with the candidates, `UsageError`.
    """
    thread_id, _ = _find(store, run, selector)
    return thread_id


def find_thread_to_destroy(
    store: StateStore, run: Invocation, selector: str, *, asks: bool
) -> ThreadMetadata:
    """Return the thread a selector names, refusing the mere start of an id.

    With `asks` a person will be shown the full id at a prompt, and the start of one will do.
    """
    return _require(store, _find_to_destroy(store, run, selector, asks=asks))


def find_thread_id_to_destroy(
    store: StateStore, run: Invocation, selector: str, *, asks: bool
) -> tuple[str, ThreadMetadata | None]:
    """Return the id of the thread a selector names, and the thread where it can be read.

    As `find_thread_to_destroy`, for verbs to which the id is enough.
    """
    thread_id = _find_to_destroy(store, run, selector, asks=asks)
    return thread_id, readable(store, thread_id)


def find_message(store: StateStore, run: Invocation, selector: str) -> tuple[int, str]:
    """Return the id of the message a selector names, and the id of its thread.

    Raises `MessageNotFoundError`, `CorruptStoreError` for a leaf of another thread, and what
    `find_thread` raises.
    """
    refuse_empty(selector, "message")
    number = selector.removeprefix("#")
    if number.isascii() and number.isdigit():
        message_id = message_number(number)
    elif selector.endswith(_LEAF) and selector != _LEAF:
        message_id = _leaf_of(store, find_thread_id(store, run, selector.removesuffix(_LEAF)))
    elif match := re.fullmatch(_ABOVE, selector):
        message_id = _above(store, find_thread_id(store, run, match["thread"]), int(match["steps"]))
    else:
        raise UsageError(f"{selector!r} is no message: give an id, THREAD@leaf or THREAD~N")
    thread_id = None if message_id == BEYOND_IDS else store.messages.thread_of(message_id)
    if thread_id is None:
        raise MessageNotFoundError(f"no message {selector}")
    return message_id, thread_id


def find_message_of(store: StateStore, run: Invocation, thread_id: str, selector: str) -> int:
    """Return the id of the message a selector names, which must be of this thread."""
    message_id, found = find_message(store, run, selector)
    if found != thread_id:
        raise MessageNotFoundError(
            f"message {message_id} is of thread {found!r}, not {thread_id!r}"
        )
    return message_id


def require_either(thread: str | None, message: str | None, option: str) -> None:
    """Raise `UsageError` where neither a thread nor a message of one is given."""
    if thread is None and message is None:
        raise UsageError(f"give a THREAD, or {option} MESSAGE")


def find_thread_or_its(
    store: StateStore, run: Invocation, thread: str | None, message: str | None
) -> tuple[ThreadMetadata, int | None]:
    """Return the thread that is named, or else that of the message, and the message's id.

    Raises what `find_thread` and `find_message_of` raise.
    """
    if thread is None:
        message_id, thread_id = find_message(store, run, message or "")
        return _require(store, thread_id), message_id
    found = find_thread(store, run, thread)
    return found, None if message is None else find_message_of(store, run, found.id, message)


def described(thread: ThreadMetadata | TrashEntry) -> str:
    """Return a thread's id, and its name where it has one, for a question or an error."""
    return f"{thread.id} ({first_line(thread.name, _NAME)})" if thread.name else thread.id


def ambiguous(what: str, candidates: Iterable[str]) -> AmbiguousError:
    """Return an error that says of several things what they have in common, and lists the first."""
    listed = list(islice(candidates, _CANDIDATES + 1))
    if len(listed) > _CANDIDATES:
        listed[-1] = "…"
    return AmbiguousError(f"several {what}: {', '.join(listed)}")


def _find_to_destroy(store: StateStore, run: Invocation, selector: str, *, asks: bool) -> str:
    thread_id, by_prefix = _find(store, run, selector)
    if by_prefix and not (asks and can_ask()):
        raise UsageError(
            f"{selector!r} is only the start of an id; to destroy it, give it in full: {thread_id}"
        )
    return thread_id


def _require(store: StateStore, thread_id: str) -> ThreadMetadata:
    """Read a thread that was just found; raises `CorruptStoreError` where it cannot be read."""
    thread = store.threads.get(thread_id)
    if thread is None:
        raise _unknown(thread_id)
    return thread


def _unknown(given: str) -> ThreadNotFoundError:
    return ThreadNotFoundError(f"no thread {given!r}; see agentstate threads list --all")


def readable(store: StateStore, thread_id: str) -> ThreadMetadata | None:
    """Return a thread, None where there is none or it cannot be read."""
    try:
        return store.threads.get(thread_id)
    except CorruptStoreError:
        return None


def _find(store: StateStore, run: Invocation, selector: str) -> tuple[str, bool]:
    """Return the thread's id, and whether only its start was given.

    The threads are not read: one that cannot be is found all the same.
    """
    refuse_empty(selector, "thread")
    kind, _, rest = selector.partition(":")
    if selector.startswith("@"):
        return _by_word(store, run, selector), False
    if kind in {"id", "name"}:
        refuse_empty(rest, f"thread after {kind}:")
    if kind == "id":
        return _one(store, _by_id(store, rest), "id", rest), False
    if kind == "name":
        return _one(store, store.threads.ids_by_name(rest), "name", rest), False
    exact = _by_id(store, selector) or store.threads.ids_by_name(selector)
    if exact:
        return _one(store, exact, "name", selector), False
    started = store.threads.ids_by_prefix(selector, limit=_CANDIDATES + 1)
    return _one(store, started, "id that starts with", selector), True


def _by_id(store: StateStore, thread_id: str) -> Sequence[str]:
    return [thread_id] if store.threads.exists(thread_id) else []


def _by_word(store: StateStore, run: Invocation, word: str) -> str:
    if word == "@last":
        filters = ThreadListFilters(include_archived=True, limit=1)
    elif word == "@cwd":
        filters = ThreadListFilters(include_archived=True, limit=1, cwd=run.folder())
    else:
        raise UsageError(f"no word {word!r}; @last and @cwd are, and id:{word} or name:{word} work")
    found = store.threads.list(filters)
    if not found:
        where = f" whose folder is {filters.cwd}" if filters.cwd else ""
        raise ThreadNotFoundError(f"no thread{where} for {word}")
    return found[0].id


def _one(store: StateStore, found: Sequence[str], how: str, given: str) -> str:
    if not found:
        raise _unknown(given)
    if len(found) > 1:
        candidates = (_described(store, thread_id) for thread_id in found)
        raise ambiguous(f"threads have the {how} {given!r}", candidates)
    return found[0]


def _described(store: StateStore, thread_id: str) -> str:
    thread = readable(store, thread_id)
    return described(thread) if thread else thread_id


def _leaf_of(store: StateStore, thread_id: str) -> int:
    leaf = store.messages.leaf_of(thread_id)
    if leaf is None:
        raise MessageNotFoundError(f"thread {thread_id!r} has no messages on its branch")
    return leaf


def _above(store: StateStore, thread_id: str, steps: int) -> int:
    branch = store.messages.branch_ids(thread_id)
    if steps >= len(branch):
        raise MessageNotFoundError(
            f"thread {thread_id!r} has {len(branch)} messages on its branch, none {steps} above "
            "the leaf"
        )
    return branch[-1 - steps]


def refuse_empty(selector: str, what: str) -> None:
    """Raise `UsageError` for a name that is empty, as an unset variable of a shell is."""
    if not selector:
        raise UsageError(f"the {what} is empty; name one")
