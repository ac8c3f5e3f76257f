"""The registry on SQLite: one write thread with group commit, reads on a connection of their own."""
