"""Records to text: machine output, tables and the tree. Knows records, never the store."""
