"""One small authority and one key for all certificate tests: making keys is what costs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcrgw.core.certificates.identity import ClientIdentity, identify
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.checks import Judgement
from dcrgw.testkit.certificates import CertificateAuthority, Issued, PrivateKey, new_key

AT = 1_795_000_000.0
STRATEGIES = {"obtransport": "cn=software_id,ou=org_id", "obwac": "cn=org_id", "qwac": "none", "brcac": "none"}


@pytest.fixture(scope="session")
def at() -> float:
    return AT


@pytest.fixture(scope="session")
def root() -> CertificateAuthority:
    return CertificateAuthority.create("Test Root", at=AT)


@pytest.fixture(scope="session")
def issuing(root: CertificateAuthority) -> CertificateAuthority:
    return root.intermediate("Test Issuing CA")


@pytest.fixture(scope="session")
def anchors(root: CertificateAuthority) -> TrustAnchors:
    return TrustAnchors((root.certificate,))


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return new_key("p256")


@pytest.fixture(scope="session")
def issue(issuing: CertificateAuthority, key: PrivateKey) -> Callable[..., Issued]:
    """`issue(**changes)`: an OBTransport certificate of software sw-1 of organisation org-1, but for the changes."""

    def one(kind: str = "obtransport", **changes: Any) -> Issued:
        holder = {"software_id": "sw-1", "org_id": "0015800000TPPAAAA1", "key": key}
        return issuing.issue(kind, **(holder | changes))

    return one


@pytest.fixture(scope="session")
def judge(anchors: TrustAnchors) -> Callable[..., Judgement[ClientIdentity]]:
    """`judge(issued)`: what identify makes of it, in a market that admits the usual kinds."""

    def one(issued: Issued, *, at: float = AT, **changes: Any) -> Judgement[ClientIdentity]:
        return identify(issued.chain_der, anchors, at, **({"strategies": STRATEGIES} | changes))

    return one


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = Path(os.environ.get("DCRGW_CORPORA", Path(__file__).parents[4] / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip("the public test vectors are not here: set DCRGW_CORPORA")
    return folder


@pytest.fixture(scope="session")
def limbo(corpora: Path) -> list[dict[str, Any]]:
    return json.loads((corpora / "x509-limbo" / "limbo.json").read_text())["testcases"]
