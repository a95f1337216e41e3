"""Sessions as a format tells them, for tests of what the store makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate.formats.events import Message, Session, Start

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentstate import StateStore
    from agentstate.formats.events import Event
    from agentstate.reports.imports import ImportedThread

SOURCE: Final = "/logs/s-1.jsonl"


def said(native_id: str, parent: str | None, **fields: Any) -> Message:  # noqa: ANN401 - a message's fields
    return Message(
        **{
            "native_id": native_id,
            "parent": parent,
            "role": "user",
            "content": f"text {native_id}",
            "item": None,
            "created_at": 100,
            **fields,
        }
    )


def chain(*natives: str, hidden: Iterable[str] = ()) -> list[Message]:
    """Return messages each of which answers the one before."""
    above = (None, *natives)
    return [
        said(one, parent, hidden=one in hidden) for one, parent in zip(natives, above, strict=False)
    ]


def session(
    messages: Sequence[Message],
    session_id: str = "s-1",
    *,
    continues_before: int | None = None,
    **fields: Any,  # noqa: ANN401 - a session's fields
) -> list[Event]:
    """Return the events of one session; its leaf is its last message unless another is given."""
    end = Session(
        **{
            "session_id": session_id,
            "leaf": messages[-1].native_id if messages else None,
            "created_at": 100,
            "updated_at": 200,
            **fields,
        }
    )
    return [Start(session_id, end.updated_at, continues_before), *messages, end]


def merge(
    store: StateStore,
    events: Iterable[Event],
    source: str = SOURCE,
    **options: Any,  # noqa: ANN401 - those of merge
) -> ImportedThread:
    """Merge the events of one session."""
    (thread,) = store.imports.merge(events, format_name="test", source=source, **options)
    return thread


def contents(store: StateStore, thread_id: str = "s-1") -> list[str]:
    """Return the active branch, by what its messages say."""
    return [message.content for message in store.messages.branch(thread_id, None)]


def parents(store: StateStore, thread_id: str = "s-1") -> dict[str, str | None]:
    """Return what each message answers, both by their texts."""
    messages = list(store.messages.all(thread_id))
    texts: dict[int | None, str] = {message.id: message.content for message in messages}
    return {message.content: texts.get(message.parent_entry_id) for message in messages}
