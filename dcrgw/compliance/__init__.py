"""The compliance bench: decisions kept as bundles, run again, compared, and explained."""
