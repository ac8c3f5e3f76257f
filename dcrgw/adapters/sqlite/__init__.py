"""The registry on SQLite: one writer with group commit, reads on a connection of their own."""
