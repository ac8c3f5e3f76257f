"""A market's authorization server, with the certificates of its resource servers opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.config.faults import ConfigFault
from dcrgw.config.model import Settings
from dcrgw.config.sections.markets import AuthorizationServerSettings
from dcrgw.core.authorization.detail_rules import DeclaredType, Less
from dcrgw.core.authorization.server import AuthorizationServer, ResourceServer, Use
from dcrgw.core.jose import base64url
from dcrgw.materials.opening import Opening


def authorization_server(opening: Opening, key: str, settings: AuthorizationServerSettings) -> AuthorizationServer:
    """What the market offers; faults are noted in `opening`."""
    return AuthorizationServer(
        grant_types=settings.grant_types,
        pushed=Use(settings.pushed_requests),
        signed_requests=Use(settings.signed_requests),
        pushed_lifetime_s=settings.pushed_lifetime_s,
        interaction_lifetime_s=settings.interaction_lifetime_s,
        code_lifetime_s=settings.code_lifetime_s,
        refresh_token_lifetime_s=settings.refresh_token_lifetime_s,
        rotates_refresh_tokens=settings.rotate_refresh_tokens,
        id_token_lifetime_s=settings.id_token_lifetime_s,
        jwt_audience=settings.jwt_audience,
        default_detail_types=settings.default_detail_types,
        resource_servers=tuple(_resource_servers(opening, key, settings)),
    )


def declared_types(opening: Opening, settings: Settings) -> tuple[DeclaredType, ...]:
    """The detail types that the settings declare, with their schemas; faults are noted in `opening`."""
    found = []
    for i, each in enumerate(settings.detail_types):
        schema = opening.detail_schema(f"detail_type[{i}].schema", each.schema_file)
        narrows = {place: Less(rule) for place, rule in each.narrows.items()}
        found.append(DeclaredType(each.type, each.markets, schema, each.texts, narrows, each.enriches))
    return tuple(found)


def _resource_servers(opening: Opening, key: str, settings: AuthorizationServerSettings) -> Iterator[ResourceServer]:
    for i, each in enumerate(settings.resource_servers):
        place = f"{key}.resource_servers[{i}].certificate"
        found = opening.trust(place, each.certificate, None)
        if found is not None and len(found) != 1:
            reason = f"{each.certificate} holds {len(found)} certificates"
            opening.faults.append(ConfigFault(place, reason, "name a file with the one that it shows"))
        elif found:
            thumbprint = hashlib.sha256(found[0].public_bytes(Encoding.DER)).digest()
            yield ResourceServer(each.name, base64url.encode(thumbprint))
