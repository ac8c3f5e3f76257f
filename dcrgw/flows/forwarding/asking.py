"""One judged question to the authorization server (AS), and what of its answer counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from dcrgw.core.authorization.form import MEDIA_TYPE
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.upstream import answers, headers, parameters
from dcrgw.core.upstream.answers import AGREES, AnswerRefused, OAuthError, Said
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.errors import Misconfigured, Passed, Unavailable
from dcrgw.flows.presenting import Presented
from dcrgw.ports import Ports
from dcrgw.ports.upstream import Asked, Told

T = TypeVar("T")


async def ask(
    endpoint: str,
    caller: Presented,
    arrival: Arrival,
    ports: Ports,
    report: Report,
    *,
    of: Mapping[str, str] | None = None,
    may_be_empty: bool = False,
) -> Said:
    """What the AS says to a client's form. `of` are the parameters that go on, where they are not the form's.

    Raises: Passed for the AS's own no; Unavailable where it gave no answer, Misconfigured.
    """
    own = (("Authorization", caller.authorization),) if caller.authorization is not None else ()
    told = await ports.upstream.forward(
        report.market,
        Asked(
            endpoint,
            "POST",
            (*_fields(arrival, report), ("Content-Type", MEDIA_TYPE), *own),
            body=parameters.encoded(caller.onward if of is None else of).encode(),
            chain=arrival.chain,
        ),
    )
    heard = looked_at(lambda: answers.heard(told.status, told.body, may_be_empty=may_be_empty), endpoint, report, told)
    if caller.is_bridged and isinstance(heard, OAuthError) and heard.code == "invalid_client":
        # The client proved itself to the gateway: what the AS refuses is the gateway's own secret.
        raise Misconfigured(
            f"the authorization server of market {report.market} refuses the secret of a bridged client"
        )
    if isinstance(heard, OAuthError):
        held = (caller.client.secrets.get(UPSTREAM_SECRET), *map(caller.form.get, _SECRETS))
        heard = replace(heard, description=answers.without(heard.description, held))
    return settle(lambda: heard, endpoint, report, told)


#: Parameters that open a door.
_SECRETS = ("client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token")


async def fetch(endpoint: str, ports: Ports, report: Report, arrival: Arrival, *own: tuple[str, str]) -> Told:
    """The AS's answer to a GET in the caller's name, with its certificate. Raises: Unavailable, Misconfigured."""
    asked = Asked(endpoint, "GET", (*_fields(arrival, report), *own), chain=arrival.chain)
    return await ports.upstream.forward(report.market, asked)


def settle(heard: Callable[[], Said | OAuthError], endpoint: str, report: Report, told: Told | None = None) -> Said:
    """What the AS says yes by. Raises: Passed, Unavailable."""
    said = looked_at(heard, endpoint, report, told)
    if isinstance(said, Said):
        return said
    finding = AGREES.failed(f"the authorization server refused the request: {said.code}", said.description)
    report.findings.add(finding)
    raise Passed(finding.fault, code=said.code, description=said.description, status=said.status)


def looked_at(look: Callable[[], T], endpoint: str, report: Report, told: Told | None = None) -> T:
    """What a look at the AS's answer finds. Raises: Unavailable where the answer is none that may leave."""
    try:
        return look()
    except AnswerRefused as refused:
        report.findings.add(AGREES.unknown(str(refused)))
        retry_after_s = _retry_after_s(told)
        raise Unavailable(
            f"upstream.{report.market}", f"its {endpoint} {refused}", retry_after_s=retry_after_s
        ) from None


def _fields(arrival: Arrival, report: Report) -> tuple[tuple[str, str], ...]:
    return (
        *headers.of_program(arrival.headers),
        *headers.came_from(arrival.remote_address),
        ("x-fapi-interaction-id", report.interaction_id),
        ("Accept", "application/json"),
    )


#: A pause that an AS asks for and that we pass on; a longer one is nobody's to ask.
_LONGEST_PAUSE_S = 600


def _retry_after_s(told: Told | None) -> int:
    said = next((value for name, value in told.headers if name.lower() == "retry-after"), "") if told else ""
    return min(int(said), _LONGEST_PAUSE_S) if said.isascii() and said.isdigit() and len(said) < 10 else 5
