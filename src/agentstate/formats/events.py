"""What a format yields: sessions and their messages, before they have a place in any store."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from agentstate.record import Record, record
from agentstate.records import SessionSource


class Relation(StrEnum):
    """How a session came from another."""

    FORK = "fork"
    SUBAGENT = "subagent"
    RESUME = "resume"


class Start(NamedTuple):
    """A session begins; all messages up to its `Session` are of it."""

    session_id: str
    """Unique among the sessions of its format."""
    updated_at: int
    """When it last changed, in Unix seconds, as far as that is known before it has been read."""
    continues_before: int | None = None
    """The source goes on with a session that other files hold: what has no parent in it answers the
    last message of them whose `position` is below this."""
    continues: str | None = None
    """What the name of the one file ends with that it goes on with, where that is told; the native
    ids of its messages are that name, a colon and more."""


class Message(NamedTuple):
    """A message of the session that began last."""

    native_id: str
    """Unique in its session, and the same whenever the source is read."""
    parent: str | None
    """The native id of the message it answers, which came earlier; None for a root."""
    role: str
    """user, assistant, tool, system or developer."""
    content: str
    """What a person reads; see `agentstate.blocks`."""
    item: str | None
    """The source's own record, as JSON text that the store can keep unchecked."""
    created_at: int
    """Unix seconds."""
    hidden: bool = False
    """Whether views leave it out: what the program said to the model, not what people said."""
    position: int = 0
    """Its place in a log that other files may continue; see `Start`."""
    turns_back: int = 0
    """How many things a person said were taken back, of what the source goes on with, before it."""
    replaces: str | None = None
    """The native id by which it went until its program, or more of the source, told a better."""
    may_change: bool = False
    """Whether its program writes it more than once, and the last time counts."""


@record
class Session(Record):
    """What a source says of a session whose messages have all been told. Times are Unix seconds."""

    session_id: str
    leaf: str | None
    """The native id of the message at which it goes on; None where it has no messages."""
    created_at: int
    updated_at: int
    turns_back: int | None = None
    """Where all that the source holds was taken back: so many things a person said are, of what it
    goes on with, and it goes on there."""
    title: str | None = None
    is_named: bool = True
    """Whether the title is a name; else it is the first words of the source, for what has none."""
    preview: str = ""
    """The first words of the first thing a person said."""
    cwd: str = ""
    model_provider: str = ""
    cli_version: str = ""
    git_branch: str | None = None
    git_sha: str | None = None
    git_origin_url: str | None = None
    source: SessionSource = SessionSource.UNKNOWN
    archived: bool = False
    parent_session_id: str | None = None
    """The session of the same format that this one came from."""
    relation: Relation | None = None


Event = Start | Message | Session
