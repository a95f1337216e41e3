"""The seam to the database engine: a small port, the SQLite driver, the schema's history."""
