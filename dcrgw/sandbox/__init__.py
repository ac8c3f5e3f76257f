"""A test directory, a gateway and a TPP on one machine. Not for production: every key dies with the process."""
