"""Whether certificates were taken back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrgw.config.sections.base import Bool, Int, Seconds, Section
from dcrgw.config.values import FilePath, HostPort, PublicUrl


class RevocationSettings(Section):
    """Whether a certificate was taken back by its issuer: from lists (CRL) and responders (OCSP)."""

    mode: Literal["off", "soft", "hard"] = Field(
        description="`hard` answers 503 while it is not known, `soft` bears with not knowing for `soft_s`."
    )
    methods: tuple[Literal["crl", "ocsp"], ...] = Field(
        default=("crl", "ocsp"), min_length=1, description="What is asked, in this order, until one has a word."
    )
    crl_files: tuple[FilePath, ...] = Field(
        default=(), description="Lists on disk, PEM or DER; read again when they change."
    )
    crl_urls: tuple[PublicUrl, ...] = Field(default=(), description="Lists that are fetched.")
    hosts: tuple[HostPort, ...] = Field(
        default=(),
        description="Hosts (`host:port`) that the URLs in certificates may lead to; none named means that such URLs "
        "are not followed.",
    )
    ocsp_url: PublicUrl | None = Field(
        default=None, description="Responder asked about every certificate, in place of those that they name."
    )
    ocsp_nonce: Literal["off", "sent", "required"] = Field(
        default="off", description="Whether questions bear a nonce, and answers must."
    )
    soft_s: Seconds = Field(
        default=3600, ge=0, le=86400, description="How long `soft` lets a certificate in while nothing is known of it."
    )
    renew_s: Seconds = Field(
        default=3600, ge=0, le=86400, description="Age at which a word that still counts is asked for anew."
    )
    whole_path: Bool = Field(default=True, description="Ask about intermediates too, not only the certificate itself.")
    max_bytes: Int = Field(default=10_485_760, ge=4096, le=104_857_600, description="Largest list taken.")


class MarketRevocationSettings(RevocationSettings):
    """The same for a TPP's certificate, and for what directories say of TPPs' keys."""

    key_sets: Bool = Field(
        default=True,
        description="Refuse keys that stand in the directory's revoked key sets; 503 while those cannot be had.",
    )
