"""Having SQLite take a file for one that anybody may have made."""

import sqlite3
import sys
from typing import Final

# What a file may ask for: more than any store needs, and far less than what keeps a machine busy.
# The length of a value is not among them: what an agent stored must be readable.
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_ATTACHED: 1,  # VACUUM attaches a file
    sqlite3.SQLITE_LIMIT_COLUMN: 256,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 10_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 50,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 5_000,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
}


def distrust(connection: sqlite3.Connection) -> None:
    """Bound what the file may ask for, and keep what its schema holds from calling functions."""
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)  # noqa: FBT003 - sqlite3 names it not
