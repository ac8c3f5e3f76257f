"""What the flows need from the world outside: protocols only, a page each.

Adapters make them real; the recorder (`ports.recording`) writes down every question and answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.ports.clock import Clock
from dcrgw.ports.directory import Directories
from dcrgw.ports.keysets import KeySets
from dcrgw.ports.registry import Registry
from dcrgw.ports.revocation import Revocation
from dcrgw.ports.scripts import Scripts
from dcrgw.ports.tokens import Randomness


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each, as a flow gets them."""

    clock: Clock
    randomness: Randomness
    keysets: KeySets
    directories: Directories
    revocation: Revocation
    scripts: Scripts
    registry: Registry
