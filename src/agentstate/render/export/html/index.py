"""The page that lists the conversations of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from agentstate.render import times
from agentstate.render.export.conversation import title_of
from agentstate.render.export.html.document import BUTTONS, opening
from agentstate.render.export.html.escaping import line
from agentstate.render.text import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentstate.render.export.conversation import Entry


def index_page(entries: Iterable[Entry]) -> Iterator[str]:
    """Give the page that lists `entries` in their order, with a link to the file of each."""
    yield opening("Conversations", "common.js", "index.js")
    yield (
        '<body>\n<a class="skip" href="#conversations">Skip to the list</a>\n'
        '<header class="bar">\n<h1>Conversations</h1>\n'
        '<div class="search needs-script" role="search">\n'
        '<input id="query" type="search" placeholder="Filter ( / )" autocomplete="off" '
        'aria-label="Filter by name or folder" spellcheck="false">\n'
        f'<output id="matches" for="query"></output>\n</div>\n{BUTTONS}</header>\n'
        '<main class="index">\n<ul id="conversations">\n'
    )
    for entry in entries:
        yield _item(entry)
    yield '</ul>\n</main>\n<div id="status" role="status" aria-live="polite"></div>\n'
    yield "</body>\n</html>\n"


def _item(entry: Entry) -> str:
    iso = times.iso(entry.thread.updated_at)
    shown = line(iso.replace("T", " ").removesuffix("Z")[:16])
    moment = f'<time datetime="{iso}">{shown}</time>' if iso.endswith("Z") else shown
    # A name such as javascript:x would be a scheme but for the folder before it.
    address = "./" + quote(entry.file, errors="surrogatepass")
    return (
        f'<li><a href="{address}">{line(title_of(entry.thread))}</a> '
        f"<span>{count(entry.messages, 'message')}</span> "
        f'<span class="folder">{line(entry.thread.cwd)}</span> {moment}</li>\n'
    )
