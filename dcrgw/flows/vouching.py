"""A certificate of another subject than the registered one: the bank's script may say that it is the client's too.

The script is asked last. What chain, validity and holder say stays said: the certificate is the client's TPP's.
"""

from __future__ import annotations

from dcrgw.core.authorization import gates
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Judgement, Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.tls_names import SUBJECT_DN
from dcrgw.errors import ErrorCode
from dcrgw.flows.occasions import occasion_of, questions_of
from dcrgw.ports import Ports
from dcrgw.ports.scripts import ClientCall

SCRIPT_CERTIFICATE = gate(
    "script.certificate",
    "A script of the bank says that a certificate of another subject is the client's too",
    spec="RFC 8705 §2.1.2; Interception scripts, isCertValidForClient",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)


def is_of_another_subject(judged: Judgement[Authenticated], client: RegisteredClient) -> bool:
    """Whether nothing is wrong with the proof but the certificate's subject."""
    failed = [finding.check for finding in judged.failures]
    return failed == [gates.CERTIFICATE_NAME] and SUBJECT_DN in client.metadata.members


async def is_vouched_for(
    client: RegisteredClient, arrival: Arrival, identity: ClientIdentity, ports: Ports, report: Report
) -> bool:
    """Whether the bank's script says yes; silence is none. Raises: Misconfigured, Unavailable."""
    call = ClientCall(occasion_of(arrival, report), client, identity, arrival.chain[0])
    answer = await ports.scripts.is_certificate_valid(call, questions_of(client.directory, ports))
    if answer is None:
        return False
    report.findings.add(SCRIPT_CERTIFICATE.passed if answer else SCRIPT_CERTIFICATE.failed("the script said no"))
    return answer
