"""What a registration request must say beside its metadata: the gates, and what each looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dcrgw.core.checks import Findings, gate
from dcrgw.core.market import Market
from dcrgw.core.registration.dates import Window, numeric_date
from dcrgw.core.registration.profile import Profile, RequestProfile
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_7519 = "RFC 7519 §4.1"

MEDIA_TYPE = gate(
    "request.shape.media_type",
    "The body is of a media type that the market takes.",
    spec="OB UK DCR, POST /register; RFC 7591 §3.1",
    code=_META,
    status=415,
)
JSON_OBJECT = gate(
    "request.shape.json",
    "A plain request is one strict JSON object: UTF-8, no member twice, no unbounded number.",
    spec="RFC 7591 §3.1; RFC 8259 §4",
    code=_META,
)
STATEMENT = gate(
    "request.shape.statement",
    "software_statement is one string, and there where the market needs it.",
    spec="RFC 7591 §3.1.1",
    code=_META,
)
ISSUER = gate("request.iss.present", "iss is a string.", spec=f"OB UK DCR, iss; {_7519}.1", code=_META)
ISSUER_IS_SOFTWARE = gate(
    "request.iss.software",
    "iss is the statement's software_id.",
    spec=f"OB UK DCR, iss; {_7519}.1",
    code=ErrorCode.INVALID_SOFTWARE_STATEMENT,
)
AUDIENCE = gate("request.aud.ours", "aud names this bank.", spec=f"OB UK DCR, aud; {_7519}.3", code=_META)
IAT = gate("request.iat.future", "iat is there and does not lie in the future.", spec=f"{_7519}.6", code=_META)
EXP = gate("request.exp.past", "exp is there and is not past.", spec=f"{_7519}.4", code=_META)
LIFETIME = gate(
    "request.exp.lifetime",
    "exp is not later after iat than the market allows.",
    spec=f"OB UK DCR, exp; {_7519}.4",
    code=_META,
)
NBF = gate("request.nbf.future", "nbf, where it is there, is past.", spec=f"{_7519}.5", code=_META)
JTI = gate("request.jti.form", "jti is there and has the market's form.", spec=f"OB UK DCR, jti; {_7519}.7", code=_META)
SOFTWARE_ID = gate(
    "request.software_id.statement",
    "software_id, where it is there, is the statement's.",
    spec="OB UK DCR, software_id; RFC 7591 §2",
    code=_META,
)

#: What only a signed request can be asked.
OF_SIGNED_REQUESTS = (ISSUER, ISSUER_IS_SOFTWARE, AUDIENCE, IAT, EXP, LIFETIME, NBF, JTI)


def judge_origin(
    found: Mapping[str, JsonValue],
    profile: Profile,
    market: Market,
    statement: SoftwareStatement | None,
    findings: Findings,
) -> None:
    """Who sent it, to whom, and under which name it is used up."""
    iss = found.get("iss")
    if findings.settle(ISSUER, None if isinstance(iss, str) and iss else "iss must be a string"):
        if statement is None or not profile.request.issuer_is_software_id:
            findings.add(ISSUER_IS_SOFTWARE.skipped("no statement says who iss must be"))
        else:
            same = iss == statement.software_id
            findings.settle(ISSUER_IS_SOFTWARE, None if same else "iss is not the software statement's software_id")
    findings.settle(AUDIENCE, _audience_fault(found.get("aud"), profile, market))
    jti = found.get("jti")
    good = isinstance(jti, str) and re.fullmatch(profile.request.jti_pattern, jti)
    findings.settle(JTI, None if good else f"jti must have the form {profile.request.jti_pattern}")


def _audience_fault(aud: JsonValue, profile: Profile, market: Market) -> str | None:
    if aud is None:
        return "aud is missing" if profile.request.audience_required else None
    # RFC 7519 §4.1.3: a string, or a list that holds ours.
    named = aud if isinstance(aud, list) else [aud]
    if any(isinstance(a, str) and a in market.request_audiences for a in named):
        return None
    return f"aud must name this bank: {' or '.join(sorted(market.request_audiences))}"


def judge_times(found: Mapping[str, JsonValue], window: Window, rules: RequestProfile, findings: Findings) -> None:
    """iat, exp, their distance, and nbf."""
    iat, exp, nbf = found.get("iat"), found.get("exp"), found.get("nbf")
    findings.settle(IAT, window.not_future("iat", iat))
    findings.settle(EXP, window.not_past("exp", exp))
    issued, expires = numeric_date(iat), numeric_date(exp)
    if issued is None or expires is None:
        findings.add(LIFETIME.skipped("iat or exp is no date"))
    else:
        fits = expires - issued <= rules.max_lifetime_s
        findings.settle(LIFETIME, None if fits else f"exp is more than {rules.max_lifetime_s} seconds after iat")
    if nbf is None:
        findings.add(NBF.skipped("the request has no nbf"))
    else:
        findings.settle(NBF, window.not_future("nbf", nbf))


def judge_software_id(found: Mapping[str, JsonValue], statement: SoftwareStatement | None, findings: Findings) -> None:
    """A request speaks for the statement's software only."""
    if statement is None or "software_id" not in found:
        findings.add(SOFTWARE_ID.skipped("nothing to compare"))
        return
    same = found["software_id"] == statement.software_id
    findings.settle(SOFTWARE_ID, None if same else "software_id is not the software statement's")
