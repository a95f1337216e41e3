"""Verbs that list and show messages."""

from collections import deque
from collections.abc import Collection
from typing import Annotated, NamedTuple

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_messages, complete_roles
from agentstate.cli.invocation import invocation
from agentstate.cli.printing import write_lines
from agentstate.cli.selectors import find_message, find_thread, find_thread_or_its, require_either
from agentstate.errors import MessageNotFoundError
from agentstate.records import MessageRecord, ThreadMetadata
from agentstate.render import shapes
from agentstate.render.text import screen_safe
from agentstate.store import StateStore


def list_messages(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.ThreadOfMessage = None,
    leaf: Annotated[
        str | None,
        typer.Option(
            metavar="MESSAGE",
            help="Another leaf than the current one.",
            autocompletion=complete_messages,
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Only messages of this role; may be repeated.",
            autocompletion=complete_roles,
        ),
    ] = None,
    all_messages: Annotated[bool, typer.Option("--all", help="Hidden messages too.")] = False,
    limit: options.Limit = 500,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List the messages of a thread's active branch, from the root down.

    Example: agentstate messages list @last --role user --fields content
    """
    answer = Answer(ctx, shapes.MESSAGES, Wanted(output=output, fields=fields, null=null, raw=raw))
    require_either(thread, leaf, "--leaf")
    run = invocation(ctx)
    with run.read() as store:
        found, start = find_thread_or_its(store, run, thread, leaf)
        hidden = frozenset[int]() if all_messages else store.imports.hidden(found.id)
        if not (limit or role or hidden or answer.is_table):
            answer.rows(vars(m) for m in store.messages.stream(found.id, leaf=start, raw_json=True))
            return
        nearest = _nearest(store, found, start, _Shown(role or (), hidden), limit)
        current = found.current_leaf_id
        if answer.is_table:
            now = store.now
            answer.table(
                render.messages.listing(nearest.messages, leaf=current, now=now, width=answer.width)
            )
        else:
            answer.rows(vars(message) for message in nearest.messages)
        answer.note_cut(len(nearest.messages), nearest.total)
        answer.note_hidden(nearest.hidden)


class _Shown(NamedTuple):
    """Which messages of a branch are listed."""

    roles: Collection[str]
    """Only of these, where any are given."""
    hidden: frozenset[int]
    """None of these."""


class _Nearest(NamedTuple):
    """The messages nearest the leaf that are listed, root first."""

    messages: list[MessageRecord]
    total: int
    """How many there would be without a limit."""
    hidden: int = 0
    """How many were left out as hidden."""


def _nearest(
    store: StateStore, thread: ThreadMetadata, leaf: int | None, shown: _Shown, limit: int
) -> _Nearest:
    """Return the messages nearest the leaf; a limit of 0 means all."""
    if shown.roles:
        branch = store.messages.stream(thread.id, leaf=leaf, raw_json=True)
        nearest: deque[MessageRecord] = deque(maxlen=limit or None)
        total = hidden = 0
        for message in branch:
            if message.role in shown.roles:
                if message.id in shown.hidden:
                    hidden += 1
                    continue
                nearest.append(message)
                total += 1
        return _Nearest(list(nearest), total, hidden)
    if shown.hidden:
        return _nearest_not_hidden(store, thread, leaf, shown.hidden, limit)
    found = store.messages.branch(thread.id, limit or None, leaf=leaf, raw_json=True)
    if found and found[0].parent_entry_id is not None:
        return _Nearest(found, store.messages.branch_length(thread.id, leaf=found[-1].id))
    return _Nearest(found, len(found))


def _nearest_not_hidden(
    store: StateStore, thread: ThreadMetadata, leaf: int | None, hidden: frozenset[int], limit: int
) -> _Nearest:
    with store.snapshot():
        ids = store.messages.branch_ids(thread.id, leaf=leaf)
        places = [at for at, message_id in enumerate(ids) if message_id not in hidden]
        most = len(ids) - places[-limit] if limit and len(places) > limit else None
        found = store.messages.branch(thread.id, most, leaf=leaf, raw_json=True)
    messages = [message for message in found if message.id not in hidden]
    return _Nearest(messages, len(places), len(ids) - len(places))


def show(
    ctx: typer.Context,
    message: options.Message,
    output: options.Output = None,
    fields: options.Fields = None,
    raw: options.Raw = False,
) -> None:
    """Show one message whole.

    Example: agentstate messages show @last@leaf --fields content
    """
    answer = Answer(ctx, shapes.MESSAGES, Wanted(output=output, fields=fields, raw=raw))
    run = invocation(ctx)
    with run.read() as store:
        message_id, _ = find_message(store, run, message)
        found = store.messages.get(message_id, raw_json=True)
        if found is None:
            raise MessageNotFoundError(f"no message {message_id}")
        if not answer.is_table:
            answer.row(vars(found))
            return
        now = store.now
    answer.table(render.messages.overview(found, now=now, width=answer.width))
    write_lines(["", found.content if raw else screen_safe(found.content, keep_newlines=True)])


def leaves(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List the messages that nothing answers: the end of each branch.

    Example: agentstate messages leaves @last -o id
    """
    answer = Answer(ctx, shapes.MESSAGES, Wanted(output=output, fields=fields, null=null, raw=raw))
    run = invocation(ctx)
    with run.read() as store:
        found = find_thread(store, run, thread)
        ends = store.messages.leaves(found.id, raw_json=True)
        now = store.now
    if answer.is_table:
        leaf = found.current_leaf_id
        answer.table(render.messages.listing(ends, leaf=leaf, now=now, width=answer.width))
    else:
        answer.rows(vars(message) for message in ends)
