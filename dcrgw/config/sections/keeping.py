"""What the gateway keeps, and what it signs with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrgw.config.sections.base import Bool, Int, Seconds, Section, like
from dcrgw.config.values import FilePath, HsmKey, Secret


class RegistrySettings(Section):
    """Where registrations are kept."""

    path: FilePath = Field(description="The SQLite database; made when it is not there.")
    sealing_keys: tuple[Secret, ...] = Field(
        default=(),
        description="Keys that seal stored secrets and our signature keys: 32 bytes each, base64url or hex. "
        "The first seals, all open: put a new one in front to rotate.",
    )


class RecordingSettings(Section):
    """Whether decisions are kept with their evidence, to be explained and decided again later."""

    enabled: Bool = Field(default=False, description="Keep each judged request as a bundle, sealed.")
    path: FilePath | None = Field(
        default=None,
        description="The SQLite file of the record, made when it is not there.",
        json_schema_extra=like("`record.sqlite` beside `registry.path`"),
    )
    max_age_s: Seconds = Field(
        default=2_592_000, ge=60, le=315_360_000, description="How long a decision is kept; 30 days by default."
    )
    max_bytes: Int = Field(
        default=1_073_741_824,
        ge=1_048_576,
        description="Room for all sealed bundles; the oldest make way, of what takes more than its share: changes have "
        "six tenths, other known callers three, and requests by nobody who was proven one.",
    )
    queue: Int = Field(
        default=512,
        ge=1,
        le=100_000,
        description="Decisions that may wait to be written; more are dropped and counted.",
    )


class SigningSettings(Section):
    """Our own signature keys. Without a keystore or key they are made, kept sealed, and rotated by `dcrgw keys`."""

    alg: Literal["PS256", "ES256"] = Field(default="PS256", description="Algorithm of new keys, or of the given one.")
    keystore: FilePath | None = Field(default=None, description="PKCS#12 or JKS store whose key signs.")
    keystore_password: Secret | None = Field(default=None, description="Password of the `keystore`.")
    key: FilePath | None = Field(default=None, description="PEM private key in place of `keystore`.")
    key_password: Secret | None = Field(default=None, description="Password of an encrypted `key`.")
    hsm_key: HsmKey | None = Field(default=None, description="Key in an HSM, as a PKCS#11 URI, in place of both.")
    hsm_pin: Secret | None = Field(default=None, description="PIN of the token of `hsm_key`.")
    retired_s: Int = Field(
        default=86_400, ge=600, le=31_536_000, description="How long a key that was rotated out stays published."
    )
