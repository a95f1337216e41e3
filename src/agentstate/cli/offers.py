"""Threads and messages as the values that a shell may offer, each with what it is about."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agentstate.cli.selectors import find_thread, readable
from agentstate.errors import AgentStateError
from agentstate.records import ThreadListFilters
from agentstate.render.text import first_line
from agentstate.render.times import ago

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.cli.completers import Offers
    from agentstate.cli.invocation import Invocation
    from agentstate.records import ThreadMetadata
    from agentstate.store import StateStore

MOST: Final = 100
"""How many are offered at once, the newest first."""

_ABOVE: Final = 1000
"""How far above a leaf `THREAD~N` is offered."""

_PREVIEW: Final = 400
_WORDS: Final = [("@last", "the newest thread"), ("@cwd", "the newest of this folder")]
_MISREAD: Final = ("-", "@", "id:", "name:")
"""A selector that begins so is read as something else than an id or a name."""


def thread_selectors(store: StateStore, incomplete: str) -> Offers:
    """Return ids, the words, and names that begin so; after `id:` or `name:` only those."""
    kind, colon, rest = incomplete.partition(":")
    if colon and kind == "id":
        return [(f"id:{thread_id}", about) for thread_id, about in thread_ids(store, rest)]
    if colon and kind == "name":
        return [(f"name:{name}", about) for name, about in names(store, rest)]
    ids = [(_plain("id", thread_id), about) for thread_id, about in thread_ids(store, incomplete)]
    named = names(store, incomplete) if incomplete else []
    return [*ids, *_WORDS, *((_plain("name", name), about) for name, about in named)]


def thread_ids(store: StateStore, prefix: str) -> Offers:
    """Return the ids that begin so, with the thread's name or first words."""
    if prefix:
        ids = store.threads.ids_by_prefix(prefix, MOST)
        found = [one for thread_id in ids if (one := readable(store, thread_id))]
    else:
        found = list(store.threads.list(ThreadListFilters(include_archived=True, limit=MOST)))
    newest_first = sorted(found, key=lambda thread: -thread.updated_at)
    return [(thread.id, _about(thread)) for thread in newest_first]


def names(store: StateStore, prefix: str) -> Offers:
    """Return the names that begin so and belong to one thread each, with its id."""
    glob = re.sub(r"[*?[]", r"[\g<0>]", prefix) + "*"
    found = store.threads.list(ThreadListFilters(include_archived=True, limit=MOST, name=glob))
    lowered = [(thread.name or "").lower() for thread in found]
    return [
        (thread.name, line(thread.id))
        for thread, name in zip(found, lowered, strict=True)
        if thread.name and lowered.count(name) == 1
    ]


def deleted(store: StateStore, incomplete: str) -> Offers:
    """Return deleted threads: ids, the last deleted first, then names that belong to one each."""
    kind, colon, rest = incomplete.partition(":")
    given = rest if colon and kind in {"id", "name"} else incomplete
    entries = {entry.id: entry for entry in reversed(store.trash.list())}
    ids = [
        (
            entry.id,
            f"{line(entry.name or '')} (deleted {ago(entry.deleted_at, store.now)})".lstrip(),
        )
        for entry in reversed(entries.values())
        if entry.id.startswith(given)
    ]
    lowered = [(entry.name or "").lower() for entry in entries.values()]
    named = [
        (entry.name, line(entry.id))
        for entry, name in zip(entries.values(), lowered, strict=True)
        if entry.name and name.startswith(given.lower()) and lowered.count(name) == 1
    ]
    if given != incomplete:
        return [(f"{kind}:{value}", about) for value, about in (ids if kind == "id" else named)]
    plain = [(_plain("id", thread_id), about) for thread_id, about in ids]
    return plain[:MOST] + [(_plain("name", name), about) for name, about in named if incomplete]


def find(store: StateStore, run: Invocation, selector: object) -> ThreadMetadata | None:
    """Return the thread that a word on the line names, if it does."""
    with suppress(AgentStateError):
        return find_thread(store, run, selector) if isinstance(selector, str) else None
    return None


def messages(
    store: StateStore, run: Invocation, thread: ThreadMetadata | None, incomplete: str
) -> Offers:
    """Return ids of messages, of the thread or of all, or the forms that begin with a thread."""
    if incomplete == "" or incomplete.isdigit():
        thread_id = thread.id if thread else None
        ids = store.messages.newest_ids(thread_id, prefix=incomplete, limit=MOST)
        return described(store, [(str(message_id), message_id) for message_id in ids])
    return (
        _above_the_leaf(store, run, incomplete)
        or _leaf(store, run, incomplete)
        or [(f"{selector}@leaf", about) for selector, about in thread_selectors(store, incomplete)]
    )


def described(store: StateStore, forms: Sequence[tuple[str, int]]) -> Offers:
    """Describe each form of a message by its role and its first line."""
    found = store.messages.openings([message_id for _, message_id in forms])
    about = {opening.id: f"{opening.role}: {line(opening.text)}" for opening in found}
    return [(form, about.get(message_id, "")) for form, message_id in forms]


def line(text: str) -> str:
    """Return one line of a text of any size; the shell cuts it to the screen."""
    return first_line(text[:_PREVIEW], None)


def _plain(kind: str, text: str) -> str:
    """Return an id or a name as a selector, saying which it is only where it would be misread."""
    return f"{kind}:{text}" if text.startswith(_MISREAD) else text


def _about(thread: ThreadMetadata) -> str:
    about = line(thread.name or thread.preview)
    return f"{about} (archived)" if thread.archived else about


def _above_the_leaf(store: StateStore, run: Invocation, incomplete: str) -> Offers:
    """Return `THREAD~N` after `THREAD~`, with the message that each is."""
    selector, _, steps = incomplete.rpartition("~")
    thread = find(store, run, selector) if selector and not steps.strip("0123456789") else None
    if thread is None:
        return []
    branch = enumerate(reversed(store.messages.branch_ids(thread.id, _ABOVE)))
    forms = [(f"{selector}~{above}", message_id) for above, message_id in branch]
    return described(store, [form for form in forms if form[0].startswith(incomplete)][:MOST])


def _leaf(store: StateStore, run: Invocation, incomplete: str) -> Offers:
    """Return `THREAD@leaf` after `THREAD@`."""
    selector, _, word = incomplete.rpartition("@")
    thread = find(store, run, selector) if selector and "leaf".startswith(word) else None
    leaf = store.messages.leaf_of(thread.id) if thread else None
    return [] if leaf is None else described(store, [(f"{selector}@leaf", leaf)])
