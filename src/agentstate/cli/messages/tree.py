"""`agentstate messages tree`: the drawing, and the same tree as data."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_roles
from agentstate.cli.inputs import home_folder
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import can_show, draw_lines
from agentstate.cli.selectors import find_thread
from agentstate.errors import UsageError
from agentstate.records import ThreadMetadata
from agentstate.render import shapes
from agentstate.render.theme import screen_width
from agentstate.render.tree import tree_lines
from agentstate.render.tree_forest import Forest, tree_nodes
from agentstate.render.tree_layout import BranchView, WholeView
from agentstate.render.tree_row import TreeOptions
from agentstate.store import StateStore

_LIMIT: Final = 50
_DRAWN: Final = "│├─●○◉◀…"


def tree(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    all_branches: Annotated[bool, typer.Option("--all", help="Open every branch.")] = False,
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
    if limit is None:
        limit = 0 if whole else _LIMIT
    roles = frozenset(role or ())
    run = invocation(ctx)
    with run.read() as store, store.snapshot():
        found = find_thread(store, run, thread)
        if not drawn and whole:
            answer.rows(_in_roles(_all_nodes(store, found), roles))
        elif not drawn:
            _answer_branch(answer, store, found, limit, roles)
        else:
            view = (
                WholeView(
                    thread=found,
                    messages=list(store.messages.all(found.id, raw_json=True)),
                    depth=depth,
                    limit=limit or None,
                )
                if whole
                else branch_view(store, found, limit, roles)
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


def branch_view(
    store: StateStore, thread: ThreadMetadata, limit: int, roles: frozenset[str] = frozenset()
) -> BranchView:
    """Read the end of the active branch, and the branches that leave it.

    `limit` counts the messages of these roles, where any are given.
    """
    shown_messages = store.messages.branch(
        thread.id, None if roles else limit or None, raw_json=True
    )
    if roles and limit:
        places = [at for at, message in enumerate(shown_messages) if message.role in roles]
        shown_messages = shown_messages[places[-limit] if len(places) > limit else 0 :]
    path = [message.id for message in shown_messages]
    cut = bool(shown_messages) and shown_messages[0].parent_entry_id is not None
    earlier = store.messages.branch_length(thread.id, leaf=path[-1]) - len(path) if cut else 0
    if path:
        # The agent may have moved the leaf since the thread was read.
        thread = replace(thread, current_leaf_id=path[-1])
    return BranchView(
        thread=thread,
        stats=store.threads.stats([thread.id])[thread.id],
        messages=shown_messages,
        earlier=earlier,
        stubs=store.messages.side_branches(thread.id, path),
    )


def _answer_branch(
    answer: Answer, store: StateStore, thread: ThreadMetadata, limit: int, roles: frozenset[str]
) -> None:
    """Write the nodes of the active branch."""
    view = branch_view(store, thread, limit, roles)
    nodes = tree_nodes(
        view.messages,
        {message.id for message in view.messages},
        view.thread.current_leaf_id,
        earlier=view.earlier,
        answered={stub.message.parent_entry_id or 0 for stub in view.stubs},
    )
    chosen = list(_in_roles(nodes, roles))
    answer.rows(chosen)
    total = len(view.messages) + view.earlier
    if roles and view.earlier:
        branch = store.messages.stream(thread.id, leaf=view.messages[-1].id, raw_json=True)
        total = sum(message.role in roles for message in branch)
    answer.note_cut(len(chosen), total if view.earlier else len(chosen))


def _in_roles(nodes: Iterable[dict[str, Any]], roles: frozenset[str]) -> Iterator[dict[str, Any]]:
    return (node for node in nodes if not roles or node["role"] in roles)


def _all_nodes(store: StateStore, thread: ThreadMetadata) -> Iterator[dict[str, Any]]:
    """Give every message of a thread, also where its active branch is damaged."""
    everything = list(store.messages.all(thread.id, raw_json=True))
    active = Forest(everything).path_to(thread.current_leaf_id)
    return tree_nodes(everything, set(active), thread.current_leaf_id)
