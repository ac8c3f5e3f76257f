"""What a page says of an interaction: values for templates, none of them trusted to be free of markup."""

from __future__ import annotations

from urllib.parse import urlsplit

from dcrgw.core.authorization.interaction import Interaction
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.endpoints.authorize_forms import form_token
from dcrgw.endpoints.pages import Page
from dcrgw.endpoints.pages.strangers import line, lines
from dcrgw.endpoints.pages.wording import Wording
from dcrgw.flows.interacting import Asking, Ticket

_NAME_LENGTH = 120
_HINT_LENGTH = 200
#: The bank's words are the bank's affair; this only keeps a page a page.
_TEXT_LENGTH = 4000
#: A stranger's are not: enough for a purpose, too short to push ours off the screen.
_NOTE_LENGTH = 280

SIGN_IN = "sign-in"
DECISION = "decision"
CANCEL = "cancel"


def current(asking: Asking, ticket: Ticket, step: str, market: Market, here: str, wording: Wording) -> Page:
    """The page at which an interaction stands; by `step` that for a no without a sign-in."""
    if step == CANCEL:
        return cancel(asking, ticket, market, here)
    if asking.interaction.customer is None:
        return sign_in(asking, ticket, market, here)
    return consent(asking, ticket, market, here, wording)


def sign_in(
    asking: Asking, ticket: Ticket, market: Market, here: str, *, login: str | None = None, problem: str | None = None
) -> Page:
    """The page that asks for name and password; `login` is what was typed before, `problem` what was wrong with it."""
    hint = login if login is not None else asking.interaction.request.login_hint or ""
    return Page(
        "sign_in",
        {
            "tpp": tpp_name(asking.client, market),
            "token": form_token(ticket, SIGN_IN),
            "login": line(hint, _HINT_LENGTH),
            "problem": problem,
        },
        here=here,
    )


def consent(asking: Asking, ticket: Ticket, market: Market, here: str, wording: Wording) -> Page:
    """The page that asks for a yes or a no."""
    interaction, request = asking.interaction, asking.interaction.request
    assert interaction.customer is not None
    return Page(
        "consent",
        {
            "tpp": tpp_name(asking.client, market),
            "product": _claim(asking.client, market, "software_client_name"),
            "customer": line(interaction.customer.name, _NAME_LENGTH),
            "returns_to": returns_to(request.redirect_uri),
            "details": _details(interaction),
            "scopes": [line(wording.scope(scope), _NOTE_LENGTH) for scope in request.scope],
            "token": form_token(ticket, DECISION),
        },
        here=here,
        leads_to=request.redirect_uri,
    )


def cancel(asking: Asking, ticket: Ticket, market: Market, here: str) -> Page:
    """The page for a no without a sign-in: apart, so that the one with the password leads nowhere else."""
    values = {"tpp": tpp_name(asking.client, market), "token": form_token(ticket, DECISION)}
    return Page("cancel", values, here=here, leads_to=asking.interaction.request.redirect_uri)


def tpp_name(client: RegisteredClient, market: Market) -> str:
    """Whom a person is asked about: by the name that the directory signed, never by one that the client gave itself."""
    proven = _claim(client, market, "org_name") or _claim(client, market, "software_client_name")
    return proven or client.client_id


def returns_to(redirect_uri: str) -> str | None:
    """The host that the browser goes back to; None for an app on the device."""
    try:
        parts = urlsplit(redirect_uri)
        return line(parts.hostname or "", _NAME_LENGTH) if parts.scheme in ("https", "http") else None
    except ValueError:
        return None


def _details(interaction: Interaction) -> list[dict[str, str | None]]:
    return [
        {
            "type": line(each.type, _NAME_LENGTH),
            "text": lines(each.text, _TEXT_LENGTH),
            "note": lines(each.note, _NOTE_LENGTH) if each.note else None,
        }
        for each in interaction.texts
    ]


def _claim(client: RegisteredClient, market: Market, name: str) -> str | None:
    """A claim of the statement that the client was registered with, by our name for it."""
    value = client.statement_claims.get(market.profile.statement.claims.get(name, name))
    return (line(value, _NAME_LENGTH) or None) if isinstance(value, str) else None
