"""An interaction as the flow hands it to the pages, right but for what a test changes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from dcrgw.config.profiles import load_profile
from dcrgw.core.authorization.details import DetailText
from dcrgw.core.authorization.interaction import AuthorizationRequest, Customer, Interaction
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.flows.interacting import Asking, Ticket

HERE = "/uk/authorize/interaction-of-a-test"
TICKET = Ticket("interaction-of-a-test", "k" * 43)
#: As much of a market as pages look at.
MARKET: Any = SimpleNamespace(
    name="uk", issuer="https://as.bank.example/uk", profile=load_profile("obuk-3.2"), explain_errors=True
)
PAYMENT = DetailText(0, "payment_initiation", "Pay 10.00 GBP to Merchant A", "for your order")


def client(**claims: Any) -> RegisteredClient:
    """A client whose statement says this besides."""
    proven = {"org_name": "Example TPP Ltd", "software_client_name": "Example Accounts", **claims}
    return RegisteredClient(
        client_id="client-1",
        client_id_issued_at=0,
        market="uk",
        metadata=ClientMetadata({"client_name": "Your Own Bank"}),
        software_id=None,
        org_id=None,
        directory=None,
        software_statement=None,
        statement_claims={name: value for name, value in proven.items() if value is not None},
        ssa_jti=None,
        x5t_s256="",
        subject_key="",
        request_digest="",
    )


def asking(
    *,
    texts: tuple[DetailText, ...] = (PAYMENT,),
    customer: Customer | None = Customer("sub-mia", "Mia Example"),  # noqa: B008 - frozen
    claims: dict[str, Any] | None = None,
    **request: Any,
) -> Asking:
    """A person is to be asked."""
    plain = AuthorizationRequest(
        market="uk",
        client_id="client-1",
        redirect_uri="https://tpp.example/cb",
        scope=("openid", "payments"),
        code_challenge="c" * 43,
    )
    interaction = Interaction(
        id=TICKET.id,
        key_hash="",
        request=replace(plain, **request),
        texts=texts,
        pushed=None,
        begun_at=0,
        expires_at=600,
        customer=customer,
    )
    return Asking(interaction, client(**(claims or {})))
