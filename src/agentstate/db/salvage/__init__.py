"""Reading the rows of a store's file that SQLite can no longer open cleanly.

All work is done on a private copy. `copying` makes it, `logs` brings it to its last commit,
`header` says how large its pages are, `pages`, `cells` and `values` read rows without SQLite,
`survey` finds what belongs to which table, `queries` lets SQLite read what it still can, by a
schema that `schema_page` writes, and `salvage` yields the rows, from the most trusted way to
the least.
"""

from agentstate.db.salvage.salvage import Salvage, SalvagedRow
from agentstate.db.salvage.values import parameter

__all__ = ["Salvage", "SalvagedRow", "parameter"]
