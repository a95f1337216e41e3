"""`agentstate messages tree`: the drawing, and the same tree as data."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_messages, complete_roles
from agentstate.cli.inputs import home_folder
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import can_show, draw_lines
from agentstate.cli.selectors import find_thread_or_its, require_either
from agentstate.errors import UsageError
from agentstate.records import MessageRecord, ThreadMetadata
from agentstate.render import shapes
from agentstate.render.theme import screen_width
from agentstate.render.tree import tree_lines
from agentstate.render.tree_forest import Forest, tree_nodes
from agentstate.render.tree_layout import BranchView, WholeView
from agentstate.render.tree_row import TreeOptions
from agentstate.store import StateStore

_LIMIT: Final = 50
_ABOVE: Final = 3
"""Messages that are drawn above the one of --at."""
_DRAWN: Final = "│├─●○◉◀…"


def tree(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.ThreadOfMessage = None,
    all_branches: Annotated[
        bool, typer.Option("--all", help="Open every branch, and show hidden messages.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="MESSAGE",
            help="The branch through this message, down to its newest leaf.",
            autocompletion=complete_messages,
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Open branches to this depth only; implies --all."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show whole messages.")] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Only messages of this role; may be repeated.",
            autocompletion=complete_roles,
        ),
    ] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="How many messages of the active branch, the last; 0 means all. "
            "Default: 50, and all with --all.",
            show_default=False,
        ),
    ] = None,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """Draw a thread's tree: the active branch, and where others leave it.

    In a pipe it is the same drawing without colour; -o json gives the nodes.

    Example: agentstate messages tree @last --all
    """
    answer = Answer(ctx, shapes.TREE, Wanted(output=output, fields=fields, null=null, raw=raw))
    whole = all_branches or depth is not None
    drawn = output in {None, OutputFormat.TABLE} and fields is None and not null
    if whole and not drawn and (depth is not None or limit):
        raise UsageError("--depth, and --limit with --all, are for the drawing; as data give all")
    if whole and at is not None:
        raise UsageError("--at is for one branch; --all and --depth draw them all")
    require_either(thread, at, "--at")
    if limit is None:
        limit = 0 if whole else _LIMIT
    roles = frozenset(role or ())
    run = invocation(ctx)
    with run.read() as store, store.snapshot():
        found, start = find_thread_or_its(store, run, thread, at)
        if not drawn and whole:
            answer.rows(_in_roles(_all_nodes(store, found), roles))
        elif not drawn:
            branch = _view(store, found, limit, roles, start)
            _answer_branch(answer, store, branch, roles, is_active=start is None)
        else:
            view = (
                WholeView(
                    thread=found,
                    messages=list(store.messages.all(found.id, raw_json=True)),
                    depth=depth,
                    limit=limit or None,
                )
                if whole
                else _view(store, found, limit, roles, start)
            )
            how = TreeOptions(
                now=store.now,
                width=screen_width(sys.stdout),
                full=full,
                roles=roles,
                ascii=ascii_only or not can_show(_DRAWN),
                home=home_folder(),
            )
            draw_lines(tree_lines(view, how), run.color.value)


def _view(
    store: StateStore, thread: ThreadMetadata, limit: int, roles: frozenset[str], at: int | None
) -> BranchView:
    """Read the active branch, or the one through a message, which is drawn whatever the limit."""
    if at is None:
        return branch_view(store, thread, limit, roles)
    leaf = store.messages.newest_leaf_below(at)
    path = store.messages.branch_ids(thread.id, leaf=leaf)
    wanted = len(path) - path.index(at) + _ABOVE
    return branch_view(store, thread, limit and max(limit, wanted), roles, leaf=leaf)


def branch_view(
    store: StateStore,
    thread: ThreadMetadata,
    limit: int,
    roles: frozenset[str] = frozenset(),
    *,
    leaf: int | None = None,
) -> BranchView:
    """Read the end of the active branch, or of another leaf's, and the branches that leave it.

    `limit` counts the messages that are shown: of these roles, where any are given, and not
    hidden.
    """
    hidden = store.imports.hidden(thread.id)
    messages = _end_of_branch(store, thread.id, limit, roles, hidden, leaf=leaf)
    path = [message.id for message in messages]
    above = messages[0].parent_entry_id if messages else None
    earlier = earlier_hidden = 0
    if above is not None:
        earlier = store.messages.branch_length(thread.id, leaf=path[-1]) - len(path)
        if hidden:
            whole = store.messages.branch_ids(thread.id, leaf=path[-1])
            earlier_hidden = len(hidden.intersection(whole)) - len(hidden.intersection(path))
    if path and leaf is None:
        # The agent may have moved the leaf since the thread was read.
        thread = replace(thread, current_leaf_id=path[-1])
    return BranchView(
        thread=thread,
        stats=store.threads.stats([thread.id])[thread.id],
        messages=messages,
        earlier=earlier,
        stubs=store.messages.side_branches(thread.id, path, skip_hidden=bool(hidden)),
        hidden=hidden,
        earlier_hidden=earlier_hidden,
    )


def _end_of_branch(  # noqa: PLR0913 - what decides where it begins
    store: StateStore,
    thread_id: str,
    limit: int,
    roles: frozenset[str],
    hidden: frozenset[int],
    *,
    leaf: int | None,
) -> list[MessageRecord]:
    """Return the end of a branch that has `limit` messages to be shown; 0 means all."""
    most = None if roles else limit or None
    if hidden and most:
        ids = store.messages.branch_ids(thread_id, leaf=leaf)
        places = [at for at, message_id in enumerate(ids) if message_id not in hidden]
        most = len(ids) - places[-most] if len(places) > most else None
    messages = store.messages.branch(thread_id, most, leaf=leaf, raw_json=True)
    if roles and limit:
        places = [
            at
            for at, message in enumerate(messages)
            if message.role in roles and message.id not in hidden
        ]
        messages = messages[places[-limit] if len(places) > limit else 0 :]
    return messages


def _answer_branch(
    answer: Answer, store: StateStore, view: BranchView, roles: frozenset[str], *, is_active: bool
) -> None:
    """Write the nodes of a branch."""
    on_branch = {message.id for message in view.messages}
    if not is_active:
        on_branch.intersection_update(store.messages.branch_ids(view.thread.id))
    nodes = tree_nodes(
        view.messages,
        on_branch,
        view.thread.current_leaf_id,
        earlier=view.earlier,
        answered={stub.message.parent_entry_id or 0 for stub in view.stubs},
    )
    shown = (node for node in nodes if node["id"] not in view.hidden)
    chosen = [{**node, "hidden": False} for node in _in_roles(shown, roles)]
    answer.rows(chosen)
    total = len(chosen) + view.earlier - view.earlier_hidden
    if roles and view.earlier:
        branch = store.messages.stream(view.thread.id, leaf=view.messages[-1].id, raw_json=True)
        total = sum(m.role in roles and m.id not in view.hidden for m in branch)
    answer.note_cut(len(chosen), total)
    on_path = sum(message.id in view.hidden for message in view.messages)
    answer.note_hidden(view.earlier_hidden + on_path)


def _in_roles(nodes: Iterable[dict[str, Any]], roles: frozenset[str]) -> Iterator[dict[str, Any]]:
    return (node for node in nodes if not roles or node["role"] in roles)


def _all_nodes(store: StateStore, thread: ThreadMetadata) -> Iterator[dict[str, Any]]:
    """Give every message of a thread, also where its active branch is damaged."""
    everything = list(store.messages.all(thread.id, raw_json=True))
    active = Forest(everything).path_to(thread.current_leaf_id)
    hidden = store.imports.hidden(thread.id)
    for node in tree_nodes(everything, set(active), thread.current_leaf_id):
        yield {**node, "hidden": node["id"] in hidden}
