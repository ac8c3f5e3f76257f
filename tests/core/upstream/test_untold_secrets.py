"""What goes to a server and comes from it shows no secret where somebody prints it."""

from __future__ import annotations

import pytest

from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.core.upstream.errand import Act, Errand
from dcrgw.ports.upstream import Asked, Told

CANARY = "canary-7f3a91"
REF = UpstreamRef("client-1", "https://as.example/reg/client-1", CANARY)
WANTED = WantedClient("key", "client-1", {"software_statement": CANARY}, CANARY)


@pytest.mark.parametrize(
    "held",
    [
        REF,
        WANTED,
        UpstreamClient(REF, {"software_statement": CANARY}, CANARY),
        Errand("key", Act.CREATE, "uk", "client-1", "r", "i", 1.0, 1.0, wanted=WANTED, ref=REF),
        Asked("token_endpoint", "POST", (("Authorization", f"Basic {CANARY}"),), CANARY, CANARY.encode()),
        Told(200, (("Set-Cookie", f"session={CANARY}"),), CANARY.encode()),
    ],
    ids=lambda held: type(held).__name__,
)
def test_it_is_not_printed(held: object) -> None:
    assert CANARY not in repr(held)
