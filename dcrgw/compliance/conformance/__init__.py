"""Conformance packs: a standard's demands as data, played against any bank's registration endpoint."""
