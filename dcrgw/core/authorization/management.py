"""Who may manage a registration: one bearer token and one certificate, both of the client that the URL names.

What is wrong with the header itself is said openly: the caller wrote it. What depends on what is stored
(does this client exist, whose token is it) goes into the report only; the wire says `management.authorised`,
the same for unknown, foreign and deleted clients (OpenID Connect Registration 1.0 §4.4: no probing).
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Check, Failed, Findings, Gate, Judgement, Outcome, Skipped, check, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import holders
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.errors import ErrorCode

_6750 = "RFC 6750 §2.1"
_7592 = "RFC 7592 §2; OB UK DCR, /register/{ClientId}"
_8705 = "RFC 8705 §3.1"
_TOKEN = ErrorCode.INVALID_TOKEN


def _gate(name: str, sentence: str, spec: str) -> Gate:
    return gate(f"management.{name}", sentence, spec=spec, code=_TOKEN, status=401)


ONE_ADDRESS = gate(
    "management.address.single",
    "The client is named by the path or by the query, once.",
    spec="RFC 7592 §2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
PRESENT = _gate("token.present", "The request brings a bearer token.", "RFC 6750 §2, §3")
# DIVERGENCE: RFC 6750 §3.1 answers 400 invalid_request to a token that comes twice; here every token that cannot be
# taken is a 401, so that no caller needs two ways of telling.
SINGLE = _gate("token.single", "The token comes once: in one Authorization header and nowhere else.", "RFC 6750 §2")
FORM = _gate("token.form", "What follows Bearer is one token.", _6750)
# DIVERGENCE: OB UK DCR's API description answers 403 to a client's token on another client; 401 for both tells nobody
# which clients there are (its text asks for 401 where there is none).
AUTHORISED = _gate("authorised", "Token and certificate are those of a client that the URL names.", _7592)
SCOPE = gate(
    "management.token.scope",
    "The access token has the scope by which the market manages registrations.",
    spec="CDR DCR, cdr:registration; RFC 6750 §3.1",
    code=ErrorCode.INSUFFICIENT_SCOPE,
    status=403,
)
METHOD = gate(
    "management.method.offered",
    "The market offers this method for a registration.",
    spec="OB UK DCR, /register/{ClientId}; RFC 9110 §15.5.6",
    code=ErrorCode.INVALID_CLIENT_METADATA,
    status=405,
)
EXPECTED_VERSION = gate(
    "management.version.expected",
    "The registration is of the version that If-Match names.",
    spec="RFC 9110 §13.1.1",
    code=ErrorCode.INVALID_CLIENT_METADATA,
    status=412,
)


# RFC 6750 §2.1, b64token; the scheme's letter case does not count (RFC 9110 §11.1).
# ASCII: else a long s or a Kelvin sign would be letters of a token, in another case.
_BEARER = re.compile(r"bearer(?: +(?P<token>[A-Za-z0-9._~+/-]+=*))?", re.IGNORECASE | re.ASCII)
_IS_BEARER = re.compile(r"bearer(?![^ ])", re.IGNORECASE | re.ASCII)


def bearer(arrival: Arrival) -> Judgement[str]:
    """The token that a request brings, by its headers and its query alone."""
    found = Findings()
    is_single = len(arrival.authorization) <= 1 and not _has_token_elsewhere(arrival)
    if not found.settle(SINGLE, None if is_single else "the access token must come in one Authorization header only"):
        return found.judgement()
    header = arrival.authorization[0] if arrival.authorization else ""
    if not found.settle(PRESENT, None if _IS_BEARER.match(header) else "the request needs a bearer token"):
        return found.judgement()
    match = _BEARER.fullmatch(header)
    token = match["token"] if match else None
    found.settle(FORM, None if token else "Authorization must be Bearer, a blank and one token")
    return found.judgement(token)


def _has_token_elsewhere(arrival: Arrival) -> bool:
    """RFC 6750 §2.2, §2.3: a form or the query may bring one too, and nothing that is managed here is a form."""
    if (arrival.media_type or "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return True
    return any(name == "access_token" for name, _ in parse_qsl(arrival.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Claim:
    """A request with all that is known of its token and of the client that it names. `at` is epoch seconds.

    `token` is None where the registry has none of that hash, and in markets of registration access tokens.
    """

    arrival: Arrival
    token_hash: str
    token: AccessToken | None
    client: RegisteredClient | None
    identity: ClientIdentity
    market: Market
    at: float

    @property
    def is_misused(self) -> bool:
        """The access token was used on a client that is not its own, or is no more: it should end (RFC 7592 §2.1)."""
        # DIVERGENCE: RFC 7592 §2.1 would end a registration access token too: who mistypes an id would be locked out.
        if self.token is None or self.token.market != self.market.name:
            return False
        is_gone = self.client is None or self.client.status is ClientStatus.DELETED
        return is_gone or self.token.client_id != self.arrival.client_id


_BY_REGISTRATION_TOKEN = Skipped("this market manages clients by registration access tokens")
_NO_TOKEN = Skipped("the token is unknown")
#: Compared where there is no client, so that its absence takes no less time.
_NO_HASH = token_hash("")


def uses_registration_tokens(market: Market) -> bool:
    """Whether clients of a market manage themselves by registration access token (RFC 7592)."""
    return market.profile.management == "registration_access_token"


@check("management.token.known", spec=_7592, code=_TOKEN, status=401)
def token_known(claim: Claim) -> Outcome:
    """The token is one that was issued."""
    if not uses_registration_tokens(claim.market):
        return None if claim.token is not None else "the token is unknown"
    kept = claim.client.registration_access_token_hash if claim.client else None
    same = hmac.compare_digest(claim.token_hash, kept or _NO_HASH)
    return None if same and kept else "the token is not the client's registration access token"


@check("management.token.current", spec="RFC 6750 §3.1", code=_TOKEN, status=401)
def token_current(claim: Claim) -> Outcome:
    """The token has not expired."""
    if claim.token is None:
        return _without_token(claim)
    return None if claim.at < claim.token.expires_at else "the token has expired"


@check("management.token.market", spec=_7592, code=_TOKEN, status=401)
def token_of_market(claim: Claim) -> Outcome:
    """The token was issued in this market."""
    if claim.token is None:
        return _without_token(claim)
    same = claim.token.market == claim.market.name
    return None if same else Failed("the token is of another market", claim.token.market)


@check("management.token.client", spec=_7592, code=_TOKEN, status=401)
def token_of_client(claim: Claim) -> Outcome:
    """The token was issued to the client that the URL names."""
    if claim.token is None:
        return _without_token(claim)
    same = claim.token.client_id == claim.arrival.client_id
    return None if same else Failed("the token is of another client", claim.token.client_id)


@check(
    "management.token.own_right",
    spec="OB UK DCR, /register/{ClientId}; RFC 9700 §2.3",
    code=_TOKEN,
    status=401,
)
def token_by_own_right(claim: Claim) -> Outcome:
    """The token is the client's by its own right: what a customer granted is not about the client."""
    if claim.token is None:
        return _without_token(claim)
    return None if claim.token.grant is None else "the token is a customer's grant"


@check("management.token.certificate", spec=_8705, code=_TOKEN, status=401)
def token_of_certificate(claim: Claim) -> Outcome:
    """The token is bound to the certificate on this connection."""
    if claim.token is None:
        return _without_token(claim)
    same = claim.token.x5t_s256 == claim.identity.x5t_s256
    return None if same else Failed("the token is bound to another certificate", claim.token.x5t_s256 or "none")


@check("management.client.active", spec=_7592, code=_TOKEN, status=401)
def client_active(claim: Claim) -> Outcome:
    """The client that the URL names is registered and active."""
    if claim.client is None:
        return "there is no such client"
    return None if claim.client.status is ClientStatus.ACTIVE else f"the client is {claim.client.status}"


@check("management.certificate.holder", spec=_7592, code=_TOKEN, status=401)
def certificate_of_holder(claim: Claim) -> Outcome:
    """The certificate on this connection is one of the client's own TPP, renewed or not."""
    if claim.client is None:
        return Skipped("there is no such client")
    fault = holders.client_fault(claim.identity, claim.client, claim.market.profile)
    return None if fault is None else Failed(fault, claim.identity.subject_dn)


RULES: tuple[Check[Claim], ...] = (
    token_known,
    token_current,
    token_of_market,
    token_of_client,
    token_by_own_right,
    token_of_certificate,
    client_active,
    certificate_of_holder,
)


def judge(claim: Claim) -> Judgement[RegisteredClient]:
    """The client that the caller may manage, by every rule; what fails is for the report, not for the wire."""
    findings = Findings()
    findings.run(RULES, claim)
    return findings.judgement(claim.client)


def _without_token(claim: Claim) -> Skipped:
    return _BY_REGISTRATION_TOKEN if uses_registration_tokens(claim.market) else _NO_TOKEN
