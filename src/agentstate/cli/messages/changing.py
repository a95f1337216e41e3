"""Verbs that append messages, move the leaf, and clear a thread."""

from types import EllipsisType
from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_leaf
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import content as given_content
from agentstate.cli.inputs import json_text, message_number, utf8
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import (
    described,
    find_message,
    find_thread,
    find_thread_to_destroy,
)
from agentstate.errors import MessageNotFoundError, UsageError
from agentstate.render import shapes
from agentstate.render.text import count
from agentstate.store import StateStore


def append(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    role: options.Role,
    content: options.Content = None,
    content_file: options.ContentFile = None,
    item: options.Item = None,
    expect_leaf: Annotated[
        str | None,
        typer.Option(
            metavar="ID|none",
            help="Append only if this is the leaf; none for no leaf yet.",
            autocompletion=complete_leaf,
        ),
    ] = None,
    output: options.OutputOfId = None,
) -> None:
    """Append a message below the thread's leaf, and print its id.

    Example: git diff | agentstate messages append @last --role user --content-file -
    """
    text = given_content(content, content_file)
    value = None if item is None else json_text(item, "--item")
    answer = Answer(ctx, shapes.MESSAGES, Wanted(output=output or OutputFormat.ID))
    expected = _expected_leaf(expect_leaf)
    run = invocation(ctx)
    with run.write() as store:
        thread_id = find_thread(store, run, thread).id
        message_id = store.messages.append(
            thread_id, utf8(role, "--role"), text, value, expect_leaf=expected
        )
        present(answer, store, message_id)


def _expected_leaf(given: str | None) -> int | EllipsisType | None:
    if given is None:
        return ...
    if given == "none":
        return None
    if given.isascii() and given.isdigit():
        return message_number(given)
    raise UsageError(f"--expect-leaf takes a message id or none, not {given!r}")


def present(answer: Answer, store: StateStore, message_id: int) -> None:
    """Show the message that was made: its id, or what `-o` asks for."""
    if answer.format is OutputFormat.ID:
        answer.row({"id": message_id})
        return
    made = store.messages.get(message_id, raw_json=True)
    if made is None:
        raise MessageNotFoundError(f"message {message_id} was deleted meanwhile")
    if answer.is_table:
        now = store.now
        answer.table(render.messages.listing([made], leaf=made.id, now=now, width=answer.width))
    else:
        answer.row(vars(made))


def checkout(ctx: typer.Context, message: options.Message, output: options.Output = None) -> None:
    """Make a message the leaf of its thread: what is appended next answers it.

    Example: agentstate messages checkout @last~2
    """
    answer = Answer(ctx, shapes.MESSAGES, Wanted(output=output))
    run = invocation(ctx)
    with run.write() as store:
        message_id, thread_id = find_message(store, run, message)
        store.messages.checkout(thread_id, message_id)
        if output is not None:
            present(answer, store, message_id)


def clear(
    ctx: typer.Context,
    thread: options.Thread,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
) -> None:
    """Delete all messages of a thread, on every branch. The thread itself stays.

    Example: agentstate messages clear t-scratch --yes
    """
    answer = Answer(ctx, shapes.CLEARED, Wanted(output=output or OutputFormat.ID))
    refuse_unasked(yes=yes or dry_run)
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        found = find_thread_to_destroy(store, run, thread, asks=not yes)
        size = store.threads.stats([found.id])[found.id]
        whose = f"of thread {described(found)}"
        deleted = size.messages
        if not dry_run:
            confirm(f"Delete {count(deleted, 'message')} {whose}?", yes=yes)
            deleted = store.messages.clear(found.id)
        done = "would delete" if dry_run else "deleted"
        run.note(f"{done} {count(deleted, 'message')} {whose}")
    if dry_run or output is not None:
        answer.row({"thread_id": found.id, "messages": deleted})
