"""What the flows need from the world outside: protocols only, a page each.

Adapters make them real; the recorder (`ports.recording`) writes down every question and answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dcrgw.core.values import lean
from dcrgw.ports.clock import Clock
from dcrgw.ports.customers import Customers, NoCustomers
from dcrgw.ports.details import Details, NoDetails
from dcrgw.ports.directory import Directories
from dcrgw.ports.errands import Errands, NoErrands
from dcrgw.ports.grants import Grants, NoGrants
from dcrgw.ports.http import Http, NoHttp
from dcrgw.ports.keysets import KeySets
from dcrgw.ports.registry import Registry
from dcrgw.ports.revocation import NoRevocation, Revocation
from dcrgw.ports.scripts import Scripts
from dcrgw.ports.signer import NoSigner, Signer
from dcrgw.ports.tokens import Randomness
from dcrgw.ports.upstream import NoUpstream, Upstream


@lean
@dataclass(frozen=True, slots=True)
class Ports:
    """One of each, as a flow gets them."""

    clock: Clock
    randomness: Randomness
    keysets: KeySets
    directories: Directories
    scripts: Scripts
    registry: Registry
    #: From here on: where a bank has none of it, nothing is granted by it.
    grants: Grants = field(default_factory=NoGrants)
    customers: Customers = field(default_factory=NoCustomers)
    details: Details = field(default_factory=NoDetails)
    signer: Signer = field(default_factory=NoSigner)
    revocation: Revocation = field(default_factory=NoRevocation)
    http: Http = field(default_factory=NoHttp)
    upstream: Upstream = field(default_factory=NoUpstream)
    errands: Errands = field(default_factory=NoErrands)
