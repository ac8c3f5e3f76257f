"""The authorization servers behind markets, made real: one way to each, and what every kind of them understands."""
