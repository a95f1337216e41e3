"""A conversation as one file that any browser opens: no network, no server, nothing that acts.

`page` gives a thread, `index_page` a list of such files. Everything stored is escaped text; a
Content-Security-Policy names the one script and the one style sheet by their hashes, so that
even what escaping might miss stays inert.
"""

from agentstate.render.export.html.index import index_page
from agentstate.render.export.html.page import page

__all__ = ["index_page", "page"]
