"""A conversation as Markdown: headings for who speaks, what tools did folded away.

A branch alone is read from the store and written message by message. A tree begins with the
branch to read first; where others leave it, links lead to them, each below a heading of its own.
"""

from __future__ import annotations

from collections import deque
from html import escape
from typing import TYPE_CHECKING, Final

from agentstate import blocks
from agentstate.blocks import BlockKind
from agentstate.render.export.conversation import title_of
from agentstate.render.export.markdown_text import contained, fenced, inline
from agentstate.render.text import count, first_line
from agentstate.render.times import iso
from agentstate.render.tree_forest import Forest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agentstate.blocks import Block
    from agentstate.records import MessageRecord
    from agentstate.render.export.conversation import Conversation, Entry

_TITLE: Final = 200
_OPENING: Final = 60
"""Cells of the first words of a message, where something leads to it."""
_TOOL: Final = "tool"
_FOLDED: Final = frozenset({BlockKind.THINKING, BlockKind.TOOL_CALL, BlockKind.OTHER})


def page(conversation: Conversation) -> Iterator[str]:
    """Yield the pieces of a document of one conversation."""
    yield from _header(conversation)
    if len(conversation.path) == len(conversation.messages):
        for message in conversation.messages:
            yield _message(message, hidden=message.id in conversation.hidden)
    else:
        yield from _Tree(conversation).pieces()


def index_page(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the pieces of a page that leads to the documents beside it."""
    yield "# Conversations\n\n| Conversation | Messages | Updated | Folder |\n"
    yield "| --- | ---: | --- | --- |\n"
    for entry in entries:
        thread = entry.thread
        cells = (
            f"[{inline(title_of(thread), _TITLE)}]({entry.file})",
            str(entry.messages),
            iso(thread.updated_at),
            inline(thread.cwd, None),
        )
        yield f"| {' | '.join(cells)} |\n"


def _header(conversation: Conversation) -> Iterator[str]:
    thread = conversation.thread
    yield f"# {inline(title_of(thread), _TITLE)}\n\n"
    (first, *others) = ((name, value) for name, value in _facts(conversation) if value)
    yield f"| {first[0]} | {first[1]} |\n| --- | --- |\n"
    for name, value in others:
        yield f"| {name} | {value} |\n"
    yield "\n"


def _facts(conversation: Conversation) -> Iterator[tuple[str, str]]:
    thread, origin = conversation.thread, conversation.origin
    yield "Thread", inline(thread.id, None)
    yield "Folder", inline(thread.cwd, None)
    yield "Git", inline(" ".join(filter(None, (thread.git_branch, thread.git_sha))), None)
    yield "Provider", inline(thread.model_provider, None)
    yield "Created", iso(thread.created_at)
    yield "Updated", iso(thread.updated_at)
    yield "Messages", _counted(conversation)
    if origin is not None:
        yield "Imported from", inline(f"{origin.format} {origin.session_id}", None)
        yield "Source", inline(origin.source_path or "", None)


def _counted(conversation: Conversation) -> str:
    total, first = len(conversation.messages), len(conversation.path)
    if conversation.elsewhere:
        return f"{total} of {total + conversation.elsewhere}, one branch"
    return str(total) if first == total else f"{total}, of which {first} on the active branch"


class _Tree:
    """The messages of all branches, none of them twice."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._forest = Forest(list(conversation.messages))

    def pieces(self) -> Iterator[str]:
        """Yield the branch to read first, then the others, those that leave a branch behind it."""
        path = self._conversation.path
        roots = self._forest.children.get(None, [])
        waiting = deque(root for root in roots if root not in path[:1])
        if path and waiting:
            yield self._signpost(list(waiting), "other beginning")
        yield from self._run(path, waiting)
        while waiting:
            run = self._straight(waiting.popleft())
            yield self._branch_heading(run)
            yield from self._run(run, waiting)

    def _run(self, run: Sequence[int], waiting: deque[int]) -> Iterator[str]:
        """Yield the messages of a branch; the branches that leave it are put to the waiting."""
        members = frozenset(run)
        for entry in run:
            message = self._forest.messages[entry]
            yield f'<a id="m{entry}"></a>\n\n'
            yield _message(message, hidden=entry in self._conversation.hidden)
            answers = self._forest.children.get(entry, [])
            if others := [answer for answer in answers if answer not in members]:
                yield self._signpost(others, "other branch")
                waiting.extend(others)

    def _straight(self, beginning: int) -> list[int]:
        """Return a branch from its beginning to its newest leaf."""
        run = [beginning]
        while children := self._forest.children.get(run[-1]):
            run.append(max(children, key=lambda child: self._forest.newest_leaf[child]))
        return run

    def _signpost(self, others: Sequence[int], what: str) -> str:
        lines = [f"> **{count(len(others), what)}:**", ">"]
        for other in others:
            message = self._forest.messages[other]
            size = count(self._forest.size[other], "message")
            lines.append(f"> - [{_label(message)}](#m{other}): {size}")
        return "\n".join(lines) + "\n\n"

    def _branch_heading(self, run: Sequence[int]) -> str:
        first = self._forest.messages[run[0]]
        above = first.parent_entry_id
        where = "another beginning" if above is None else f"it leaves at [{above}](#m{above})"
        return f"# Branch {run[0]}\n\n{count(len(run), 'message')}; {where}.\n\n"


def _message(message: MessageRecord, *, hidden: bool) -> str:
    """Return a message: below a heading, or folded where it is only what tools did."""
    mark = f"{message.id} · {_role(message)} · {iso(message.created_at)}"
    mark += " · hidden" if hidden else ""
    if message.role == _TOOL:
        opening = first_line(message.content, _OPENING)
        return _folded(f"{mark} · {opening}" if opening else mark, fenced(message.content))
    parts = blocks.split(message.content)
    if all(part.kind in _FOLDED for part in parts):
        return "".join(_block(part, f"{mark} · ") for part in parts)
    return f"## {inline(mark, None)}\n\n" + "".join(_block(part) for part in parts)


def _block(block: Block, mark: str = "") -> str:
    if block.kind is BlockKind.TEXT:
        text = block.text.strip("\n")
        return f"{contained(text)}\n\n" if text.strip() else ""
    title = f"{block.kind.value}: {block.title}" if block.title else block.kind.value
    if block.kind is BlockKind.IMAGE:
        return f"*{inline(f'{title} {block.text}'.strip(), None)}*\n\n"
    if block.kind is BlockKind.TOOL_CALL:
        language = "json" if block.text.startswith(("{", "[")) else ""
        return _folded(mark + title, fenced(block.text, language))
    return _folded(mark + title, contained(block.text))


def _folded(summary: str, body: str) -> str:
    line = escape(first_line(summary, None), quote=False)
    return f"<details>\n<summary>{line}</summary>\n\n{body}\n\n</details>\n\n"


def _label(message: MessageRecord) -> str:
    opening = inline(message.content, _OPENING)
    return f"{message.id} {inline(_role(message), None)}{': ' if opening else ''}{opening}"


def _role(message: MessageRecord) -> str:
    return first_line(message.role, _OPENING) or "?"
