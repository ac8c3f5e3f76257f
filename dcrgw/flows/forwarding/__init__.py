"""The endpoints of a market whose grants are another server's (AS): judged as the built-in ones judge, answered there.

Every flow is judge, ask, look at the answer, release: what goes on is what was judged, and what comes back is looked at
before it leaves.
"""
