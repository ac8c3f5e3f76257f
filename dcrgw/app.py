"""The composition root: configuration -> adapters -> flows -> endpoints -> listeners."""
