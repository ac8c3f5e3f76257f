"""Why there is no answer, said so that a TPP's developer knows what to do."""

from __future__ import annotations

import ssl

#: In place of an alert: the server just closes once it has asked for the certificate.
SILENT_END = "SILENT_END"

# The TLS alerts by which a server refuses a client certificate (RFC 8446 §6.2), as OpenSSL names them: what happened,
# and what to do.
_ALERTS = {
    "CERTIFICATE_REQUIRED": (
        "it wants a client certificate",
        "Give the transport certificate: --cert and --key, or --pkcs12.",
    ),
    "HANDSHAKE_FAILURE": (
        "it ended the handshake, as servers do that want a client certificate",
        "Give the transport certificate: --cert and --key, or --pkcs12; also see that server and key share a cipher.",
    ),
    "UNKNOWN_CA": (
        "it does not know who issued the certificate",
        "Use a certificate of this market's CA (not of its test or production counterpart), with its intermediates.",
    ),
    "BAD_CERTIFICATE": (
        "it finds the certificate bad",
        "Use the transport certificate, not the signing one, and see that its intermediates stand in the same file.",
    ),
    "UNSUPPORTED_CERTIFICATE": (
        "the certificate is not one for TLS clients",
        "Use the transport certificate: its extended key usage must hold clientAuth.",
    ),
    "CERTIFICATE_EXPIRED": (
        "the certificate has expired, or is not valid yet",
        "Renew it, and see that the clock is right.",
    ),
    "CERTIFICATE_REVOKED": ("the certificate is revoked", "Have the directory issue a new one."),
    "CERTIFICATE_UNKNOWN": ("it does not accept the certificate", "Use the transport certificate of this market."),
    "ACCESS_DENIED": ("it knows the certificate and denies access", "Ask the bank whether this TPP is blocked."),
    "DECRYPT_ERROR": ("the certificate and the key do not belong together", "Use the certificate's own key."),
}


class ConnectionTrouble(Exception):
    """No answer came. The text says what happened, `advice` what to do, `alert` names a TLS alert if there was one."""

    def __init__(self, happened: str, advice: str, alert: str = "") -> None:
        self.advice = advice
        self.alert = alert
        super().__init__(happened)


def refusing_alert(error: BaseException) -> str | None:
    """The alert against our certificate somewhere behind an exception."""
    seen: BaseException | None = error
    while seen is not None:
        for candidate in (seen, getattr(seen, "os_error", None)):
            # aiohttp has subclasses of SSLError that lack the reason.
            reason = getattr(candidate, "reason", None) if isinstance(candidate, ssl.SSLError) else None
            alert = next((name for name in _ALERTS if str(reason).endswith(f"ALERT_{name}")), None)
            if alert:
                return alert
        seen = seen.__cause__ or seen.__context__
    return None


def client_certificate_trouble(alert: str, *, shows_certificate: bool) -> ConnectionTrouble:
    """The trouble that an alert tells of."""
    if alert == SILENT_END:
        return ConnectionTrouble(
            "the server ends the TLS connection without a reason",
            "Most often it wants another client certificate, or one at all: see --cert, --key and --pkcs12, "
            "and use the transport certificate of this market's CA with its intermediates.",
            alert,
        )
    # A server that asks for certificates of its own CAs only may get none from us even though we have one.
    told = "UNKNOWN_CA" if alert == "CERTIFICATE_REQUIRED" and shows_certificate else alert
    happened, advice = _ALERTS[told]
    what = "the client certificate" if shows_certificate else "a connection without client certificate"
    return ConnectionTrouble(f"the server refuses {what}: {happened} (TLS alert {alert.lower()})", advice, alert)
