"""Interception scripts as values: which types there are, and what one script's entry says."""
