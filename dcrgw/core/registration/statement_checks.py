"""What a proven software statement must say: the gates, and what each looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.checks import Findings, gate
from dcrgw.core.market import Directory, Market
from dcrgw.core.registration import authorities, roles
from dcrgw.core.registration.dates import Window
from dcrgw.core.registration.profile import StatementProfile
from dcrgw.core.registration.uris import https_fault, parse
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

MAX_REDIRECT_URIS = 100
MAX_REDIRECT_URI_LENGTH = 2_048
MAX_TEXT_LENGTH = 2_048

_OB = "OB UK DCR, software statement; RFC 7591 §2.3"
_7519 = "RFC 7519 §4.1"
_ISS = ErrorCode.INVALID_SOFTWARE_STATEMENT

ISSUER_KNOWN = gate(
    "statement.iss.known",
    "The statement's iss is exactly one that a directory of this market signs as.",
    spec="RFC 7591 §2.3",
    code=_ISS,
)
NOT_NESTED = gate(
    "statement.nested.absent", "The statement holds no statement of its own.", spec="RFC 7591 §2.3", code=_ISS
)
REQUIRED = gate("statement.claims.required", "Every claim that the market needs is there.", spec=_OB, code=_ISS)
TYPES = gate("statement.claims.types", "Every claim that is used has its JSON type and size.", spec=_OB, code=_ISS)
IAT_FUTURE = gate("statement.iat.future", "iat does not lie in the future.", spec=f"{_7519}.6", code=_ISS)
IAT_AGE = gate("statement.iat.age", "The statement is not older than the market allows.", spec=f"{_7519}.6", code=_ISS)
EXP = gate("statement.exp.past", "exp, where it is there or needed, is not past.", spec=f"{_7519}.4", code=_ISS)
NBF = gate("statement.nbf.future", "nbf, where it is there, is past.", spec=f"{_7519}.5", code=_ISS)
AUDIENCE = gate("statement.aud.ours", "aud, where it is there or needed, names us.", spec=f"{_7519}.3", code=_ISS)
JTI = gate("statement.jti.present", "A statement that counts once carries a jti.", spec=f"{_7519}.7", code=_ISS)
ENVIRONMENT = gate(
    "statement.environment.taken", "software_environment is one that this market serves.", spec=_OB, code=_ISS
)
MODE = gate("statement.mode.taken", "software_mode is one that this market serves.", spec=_OB, code=_ISS)
SOFTWARE_ID = gate("statement.software_id.form", "software_id has the market's form.", spec=_OB, code=_ISS)
ORG_ID = gate("statement.org_id.form", "org_id, where it is there, has the market's form.", spec=_OB, code=_ISS)
REDIRECT_URIS = gate(
    "statement.redirect_uris.form",
    f"The redirect URIs are a list of at most {MAX_REDIRECT_URIS} strings.",
    spec="OB UK DCR, software_redirect_uris; RFC 7591 §2",
    code=_ISS,
)
ROLES = gate(
    "statement.roles.form",
    "The roles are written as the market writes them: a list of words, one word, or role and status.",
    spec=f"{_OB}; Open Finance Brasil DCR, software_statement_roles; CDR DCR, SSA software_roles",
    code=_ISS,
)
ROLE_ADMITTED = gate(
    "statement.roles.admitted",
    "The software has a role that registers in this market.",
    spec="CDR DCR, SSA software_roles; RFC 7591 §3.2.2",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
AUTHORITIES = gate(
    "statement.authorities.form", "Competent-authority claims are an object or a list of objects.", spec=_OB, code=_ISS
)
JWKS_ENDPOINT = gate(
    "statement.jwks_endpoint.allowed",
    "The software's key set is an https URL on a host that the directory publishes keys on.",
    spec="OB UK DCR, software_jwks_endpoint; RFC 7591 §5",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
ORG_STATUS = gate(
    "statement.org_status.active",
    "org_status, where it is there, is Active.",
    spec="OB UK DCR, org_status; RFC 7591 §3.2.2",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)


@dataclass(frozen=True, slots=True)
class StatementClaims:
    """A statement's claims under the market's names. A JSON null counts as absent, as directories mean it."""

    # DIVERGENCE: RFC 7519 knows no such reading of null; the OB directory writes it for what a TPP left empty.

    all: Mapping[str, JsonValue]
    rules: StatementProfile
    #: By our names, those that are there.
    values: Mapping[str, JsonValue] = field(init=False)
    #: The competent-authority claims as read; None where there are none, or they cannot be read.
    authorities: authorities.Authorities | None = field(init=False)
    #: The roles as read; None where the claim is not of the market's form.
    roles: frozenset[str] | None = field(init=False)

    def __post_init__(self) -> None:
        read = self.all.get
        found = {ours: value for ours, name in self.rules.claims.items() if (value := read(name)) is not None}
        object.__setattr__(self, "values", found)
        claimed = found.get("competent_authority_claims")
        object.__setattr__(self, "authorities", None if claimed is None else authorities.read(claimed))
        object.__setattr__(self, "roles", roles.read(self.rules.roles_form, found.get("software_roles")))

    def name(self, field: str) -> str:
        """What this market calls a field of SoftwareStatement."""
        return self.rules.claims.get(field, field)

    def get(self, field: str) -> JsonValue:
        """The claim behind a field, None when absent or null."""
        return self.values.get(field)

    def text(self, field: str) -> str | None:
        """The same for a string, None for anything else."""
        value = self.values.get(field)
        return value if isinstance(value, str) else None

    def words(self, field: str) -> list[str]:
        """The strings of a list, none for anything else."""
        value = self.values.get(field)
        return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


#: The fields of SoftwareStatement that are strings in every market.
_TEXTS = (
    "software_id",
    "software_client_name",
    "software_jwks_endpoint",
    "software_jwks_revoked_endpoint",
    "software_environment",
    "software_mode",
    "org_id",
    "org_name",
    "org_status",
    "org_jwks_endpoint",
    "org_jwks_revoked_endpoint",
)


def judge_origin(statement: StatementClaims, directory: Directory, market: Market, findings: Findings) -> None:
    """Who issued it to whom, and is it whole."""
    named = statement.all.get("iss")
    known = isinstance(named, str) and named in directory.issuers
    findings.settle(ISSUER_KNOWN, None if known else "software_statement: iss is not the directory's")
    nested = "software_statement" in statement.all
    findings.settle(NOT_NESTED, "software_statement: holds a software_statement itself" if nested else None)
    missing = [name for name in statement.rules.required_claims if statement.all.get(name) is None]
    findings.settle(REQUIRED, f"software_statement: {_are_missing(missing)}" if missing else None)
    findings.settle(TYPES, _types_fault(statement))
    if statement.all.get("aud") is None and not statement.rules.audience_required:
        findings.add(AUDIENCE.skipped("the statement names no audience"))
    else:
        findings.settle(AUDIENCE, _audience_fault(statement.all.get("aud"), market))
    if statement.rules.single_use:
        jti = statement.all.get("jti")
        findings.settle(JTI, None if isinstance(jti, str) and jti else "software_statement: jti is missing")
    else:
        findings.add(JTI.skipped("a statement may be used again in this market"))


def _are_missing(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing"


def _types_fault(statement: StatementClaims) -> str | None:
    values = statement.values
    wrong = [statement.name(field) for field in _TEXTS if field in values and not _is_text(values[field])]
    if not _is_text(statement.all.get("jti")):
        wrong.append("jti")
    if not wrong:
        return None
    return f"software_statement: {', '.join(wrong)} must be strings of at most {MAX_TEXT_LENGTH} characters"


def _is_text(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH)


def _audience_fault(aud: JsonValue, market: Market) -> str | None:
    named = aud if isinstance(aud, list) else [aud]
    ours = any(isinstance(a, str) and (a in market.request_audiences or a == market.issuer) for a in named)
    if ours:
        return None
    names = sorted({*market.request_audiences, market.issuer})
    return f"software_statement: aud must name this bank: {' or '.join(names)}"


def judge_times(statement: StatementClaims, window: Window, findings: Findings, *, is_stored: bool = False) -> None:
    """iat, exp and nbf against the reference time; of a stored statement that comes again nothing grows old."""
    iat, exp, nbf = (statement.all.get(name) for name in ("iat", "exp", "nbf"))
    name, rules = "software_statement: {}".format, statement.rules
    if iat is None and not rules.max_age_s:
        findings.add(IAT_FUTURE.skipped("the statement has no iat"))
    else:
        findings.settle(IAT_FUTURE, window.not_future(name("iat"), iat))
    # DIVERGENCE: RFC 7519 §4.1.4 ends a token at its exp; the statement that a client was registered with comes back
    # in every update (RFC 7592 §2.2), and says no more in it than what is registered.
    if is_stored:
        findings.add(IAT_AGE.skipped("it is the client's own statement"))
    elif rules.max_age_s:
        findings.settle(IAT_AGE, window.not_older(name("iat"), iat, rules.max_age_s))
    else:
        findings.add(IAT_AGE.skipped("the market sets no age"))
    if is_stored:
        findings.add(EXP.skipped("it is the client's own statement"))
    elif exp is None and not rules.expiry_required:
        findings.add(EXP.skipped("the statement has no exp"))
    else:
        findings.settle(EXP, window.not_past(name("exp"), exp))
    if nbf is None:
        findings.add(NBF.skipped("the statement has no nbf"))
    else:
        findings.settle(NBF, window.not_future(name("nbf"), nbf))


def judge_software(statement: StatementClaims, directory: Directory, findings: Findings) -> None:
    """The software: id, environment, redirect URIs, roles and key set."""
    rules = statement.rules
    if statement.get("software_id") is None:
        findings.add(SOFTWARE_ID.skipped("the statement names no software"))
    else:
        findings.settle(SOFTWARE_ID, _form_fault(statement, "software_id", rules.software_id_pattern))
    findings.settle(ENVIRONMENT, _word_fault(statement, "software_environment", rules.environments))
    findings.settle(MODE, _word_fault(statement, "software_mode", rules.modes))
    findings.settle(REDIRECT_URIS, _list_fault(statement, "software_redirect_uris", MAX_REDIRECT_URIS))
    _judge_roles(statement, findings)
    endpoint = statement.get("software_jwks_endpoint")
    if endpoint is None:
        findings.add(JWKS_ENDPOINT.skipped("the statement names no key set"))
    else:
        findings.settle(JWKS_ENDPOINT, _endpoint_fault(statement, directory))


def _judge_roles(statement: StatementClaims, findings: Findings) -> None:
    name, form = f"software_statement: {statement.name('software_roles')}", statement.rules.roles_form
    held, admitted = statement.roles, statement.rules.admitted_roles
    findings.settle(ROLES, f"{name} must be {roles.description(form)}" if held is None else None)
    if held is None or not admitted:
        findings.add(ROLE_ADMITTED.skipped("nothing to compare"))
        return
    none = held.isdisjoint(admitted)
    findings.settle(ROLE_ADMITTED, f"{name} holds none of {', '.join(sorted(admitted))}" if none else None)


def judge_organisation(statement: StatementClaims, findings: Findings) -> None:
    """The organisation: id, status and what its regulator says."""
    if statement.get("org_id") is None:
        findings.add(ORG_ID.skipped("the statement names no organisation"))
    else:
        findings.settle(ORG_ID, _form_fault(statement, "org_id", statement.rules.org_id_pattern))
    status = statement.get("org_status")
    if status is None:
        findings.add(ORG_STATUS.skipped("the statement has no org_status"))
    else:
        # The directory's own description says that the letter case varies.
        active = isinstance(status, str) and status.lower() == "active"
        findings.settle(ORG_STATUS, None if active else "software_statement: org_status is not Active")
    if statement.get("competent_authority_claims") is None:
        findings.add(AUTHORITIES.skipped("the statement has no competent-authority claims"))
    else:
        name, readable = statement.name("competent_authority_claims"), statement.authorities is not None
        findings.settle(AUTHORITIES, None if readable else f"software_statement: {name} must be objects")


def _form_fault(statement: StatementClaims, field: str, pattern: str) -> str | None:
    value = statement.text(field)
    if value is not None and re.fullmatch(pattern, value):
        return None
    return f"software_statement: {statement.name(field)} does not have the form {pattern}"


def _word_fault(statement: StatementClaims, field: str, taken: frozenset[str]) -> str | None:
    if not taken or (statement.text(field) or "").lower() in taken:
        return None
    return f"software_statement: {statement.name(field)} is not one of {', '.join(sorted(taken))}"


def _list_fault(statement: StatementClaims, field: str, limit: int) -> str | None:
    value, name = statement.get(field), f"software_statement: {statement.name(field)}"
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > limit:
        return f"{name} must be a list of at most {limit} strings"
    for index, item in enumerate(value):
        if not isinstance(item, str) or not 0 < len(item) <= MAX_REDIRECT_URI_LENGTH:
            return f"{name}[{index}] must be a string of 1 to {MAX_REDIRECT_URI_LENGTH} characters"
    return None


def _endpoint_fault(statement: StatementClaims, directory: Directory) -> str | None:
    endpoint, name = statement.text("software_jwks_endpoint"), statement.name("software_jwks_endpoint")
    if endpoint is None:
        return f"software_statement: {name} must be a string"
    fault = https_fault(endpoint)
    if fault:
        return f"software_statement: {name} {fault}"
    # Where nothing depends on it nobody fetches it, and a TPP may host its own.
    uri = parse(endpoint)
    if not statement.rules.jwks_on_directory_hosts:
        return None
    if uri is None or not directory.may_publish(uri.host_and_port):
        return f"software_statement: {name} is not on a host that the directory publishes keys on"
    return None
