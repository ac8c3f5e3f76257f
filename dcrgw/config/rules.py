"""What spans several settings: each rule looks at the whole and yields every fault that it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from dcrgw.config.credentials import credential_faults
from dcrgw.config.explaining import did_you_mean
from dcrgw.config.faults import ConfigFault
from dcrgw.config.market_rules import MARKET_RULES
from dcrgw.config.model import Settings
from dcrgw.config.sections.revocation import RevocationSettings
from dcrgw.config.sections.scripts import secret_properties
from dcrgw.config.upstream_rules import UPSTREAM_RULES
from dcrgw.config.values import is_local_or_literal, split_https
from dcrgw.config.walking import secrets

Rule = Callable[[Settings], Iterable[ConfigFault]]


def judge(settings: Settings) -> list[ConfigFault]:
    """Every fault of settings that are each well-formed."""
    return [fault for rule in RULES for fault in rule(settings)]


def warnings(settings: Settings) -> list[ConfigFault]:
    """What is taken, but should not stay so."""
    found = list(_literal_secrets(settings)) if settings.is_sandbox else []
    used = {name for market in settings.markets for name in market.directories}
    for i, directory in enumerate(settings.directories):
        if directory.name not in used:
            found.append(ConfigFault(f"directory[{i}].name", "no market takes its statements", "remove it, or name it"))
    if not settings.is_sandbox:
        found += [
            ConfigFault(
                f"market[{i}].revocation",
                "is missing: a certificate that its issuer took back is let in",
                'add [market.revocation], were it with mode = "off"',
            )
            for i, market in enumerate(settings.markets)
            if market.revocation is None
        ]
    return found


def _unique_names(settings: Settings) -> Iterator[ConfigFault]:
    names = {
        "directory": [each.name for each in settings.directories],
        "market": [each.name for each in settings.markets],
        "script": [each.name for each in settings.scripts],
    }
    for key, named in names.items():
        first: dict[str, int] = {}
        for i, name in enumerate(named):
            if first.setdefault(name, i) != i:
                reason = f"{name} is the name of {key}[{first[name]}] too"
                yield ConfigFault(f"{key}[{i}].name", reason, "give each its own name")


def _unique_inums(settings: Settings) -> Iterator[ConfigFault]:
    first: dict[str, int] = {}
    for i, script in enumerate(settings.scripts):
        if script.inum is not None and first.setdefault(script.inum, i) != i:
            reason = f"{script.inum} is the inum of script[{first[script.inum]}] too"
            yield ConfigFault(f"script[{i}].inum", reason, "give each its own inum")


def _scripts_name_markets(settings: Settings) -> Iterator[ConfigFault]:
    known = [market.name for market in settings.markets]
    for i, script in enumerate(settings.scripts):
        for j, name in enumerate(script.markets):
            if name not in known:
                fix = did_you_mean(name, known, f"there are {', '.join(known)}")
                yield ConfigFault(f"script[{i}].markets[{j}]", f"there is no market {name}", fix)


def _detail_types_stand(settings: Settings) -> Iterator[ConfigFault]:
    known = [market.name for market in settings.markets]
    for i, each in enumerate(settings.detail_types):
        key = f"detail_type[{i}]"
        for j, name in enumerate(each.markets):
            if name not in known:
                fix = did_you_mean(name, known, f"there are {', '.join(known)}")
                yield ConfigFault(f"{key}.markets[{j}]", f"there is no market {name}", fix)
        for j, other in enumerate(settings.detail_types[:i]):
            if other.type == each.type and _share_markets(each.markets, other.markets):
                yield ConfigFault(f"{key}.type", f"is the type of detail_type[{j}] too", "keep one for each market")


def _share_markets(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return not some or not others or not set(some).isdisjoint(others)


def _listeners_apart(settings: Settings) -> Iterator[ConfigFault]:
    taken: dict[int, list[tuple[str, str]]] = {}
    listeners = {
        f"listeners.{name}": getattr(settings.listeners, name)
        for name in ("mtls", "public", "proxied", "self_signed", "health")
    }
    listeners["admin.tls"] = settings.admin.tls if settings.admin else None
    for key, listener in listeners.items():
        if listener is None or listener.port == 0:
            continue
        others = taken.setdefault(listener.port, [])
        for other, host in others:
            if listener.host == host or {"0.0.0.0", "::"} & {listener.host, host}:  # noqa: S104 - compared, not bound
                reason = f"port {listener.port} is the {other} listener's too"
                yield ConfigFault(f"{key}.port", reason, "give each listener its own port")
        others.append((key.removeprefix("listeners."), listener.host))


def _credentials(settings: Settings) -> Iterator[ConfigFault]:
    for name in ("mtls", "public", "self_signed"):
        listener = getattr(settings.listeners, name)
        if listener is not None:
            yield from credential_faults(f"listeners.{name}", listener, required=True)
    if settings.admin is not None and settings.admin.tls is not None:
        yield from credential_faults("admin.tls", settings.admin.tls, required=True)
    for i, directory in enumerate(settings.directories):
        yield from credential_faults(f"directory[{i}]", directory, prefix="transport_")
    for i, market in enumerate(settings.markets):
        if market.upstream is not None:
            yield from credential_faults(f"market[{i}].upstream", market.upstream, prefix="transport_")


def _administration(settings: Settings) -> Iterator[ConfigFault]:
    admin = settings.admin
    if admin is None:
        return
    if admin.socket is None and admin.tls is None:
        yield ConfigFault("admin", "names no place to be reached at", "set socket, or add [admin.tls]")
    if admin.socket is None:
        for name in ("group", "readers", "writers"):
            if getattr(admin, name):
                yield ConfigFault(f"admin.{name}", "is about the socket, and there is none", "set socket, or remove it")
    if admin.tls is not None and not (admin.tls.readers or admin.tls.writers):
        yield ConfigFault(
            "admin.tls.writers", "nobody may use the listener", "list common names, or remove [admin.tls]"
        )


def _proxied(settings: Settings) -> Iterator[ConfigFault]:
    proxied = settings.listeners.proxied
    if proxied is None:
        return
    key = "listeners.proxied"
    yield from credential_faults(key, proxied)
    if not proxied.proxy_ca and not proxied.proxy_networks:
        reason = "names no proxy: whoever reaches the listener could be any TPP"
        yield ConfigFault(f"{key}.proxy_ca", reason, "set proxy_ca, or proxy_networks")
    if proxied.proxy_names and not proxied.proxy_ca:
        yield ConfigFault(f"{key}.proxy_names", "names certificates, and there is no proxy_ca", "set proxy_ca")
    if not proxied.has_tls:
        if proxied.proxy_ca:
            yield ConfigFault(f"{key}.certificate", "is missing, and proxy_ca needs TLS", "set certificate and key")
        if not _is_loopback(proxied.host):
            fix = "set certificate and key, or listen on 127.0.0.1"
            yield ConfigFault(f"{key}.host", "is plain HTTP that others could reach", fix)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _one_signing_key(settings: Settings) -> Iterator[ConfigFault]:
    signing = settings.signing
    named = [name for name in ("keystore", "key", "hsm_key") if getattr(signing, name) is not None]
    for name in named[1:]:
        yield ConfigFault(f"signing.{name}", f"stands beside signing.{named[0]}", "keep one of them")
    yield from _pin("signing.hsm_pin", signing.hsm_key, signing.hsm_pin)
    for i, directory in enumerate(settings.directories):
        if directory.signing_key is not None and directory.signing_hsm_key is not None:
            yield ConfigFault(f"directory[{i}].signing_hsm_key", "stands beside signing_key", "keep one of them")
        yield from _pin(f"directory[{i}].signing_hsm_pin", directory.signing_hsm_key, directory.signing_hsm_pin)


def _pin(key: str, hsm_key: object, pin: object) -> Iterator[ConfigFault]:
    if hsm_key is not None and pin is None:
        yield ConfigFault(key, "is missing beside its key", "set the PIN, by reference")
    if hsm_key is None and pin is not None:
        yield ConfigFault(key, "is a PIN without a key", "set the key's URI, or remove it")


def _recording(settings: Settings) -> Iterator[ConfigFault]:
    if not settings.recording.enabled:
        return
    if not settings.registry.sealing_keys:
        reason = "recording is on, and bundles are kept sealed"
        yield ConfigFault("registry.sealing_keys", reason, "add a key, or turn recording off")
    if settings.record_path == settings.registry.path:
        yield ConfigFault("recording.path", "is the registry's own file", "name another file")


def _gate_has_a_record(settings: Settings) -> Iterator[ConfigFault]:
    if settings.reload.gate.recorded and not settings.recording.enabled:
        reason = "asks for recorded decisions, and recording is off"
        yield ConfigFault("reload.gate.recorded", reason, "set recording.enabled = true, or name bundles")


def _proxies(settings: Settings) -> Iterator[ConfigFault]:
    ways = [("outbound", settings.outbound)]
    ways += [
        (f"directory[{i}].outbound", each.outbound) for i, each in enumerate(settings.directories) if each.outbound
    ]
    for key, outbound in ways:
        if outbound.proxy is None and (outbound.proxy_username or outbound.proxy_password):
            yield ConfigFault(f"{key}.proxy", "is missing beside its user name or password", "add it, or remove them")
        elif outbound.proxy_password and not outbound.proxy_username:
            yield ConfigFault(f"{key}.proxy_username", "is missing beside proxy_password", "add it")


def _directory_keys(settings: Settings) -> Iterator[ConfigFault]:
    for i, directory in enumerate(settings.directories):
        if directory.keys == "endpoint" and directory.jwks_endpoint is None:
            yield ConfigFault(
                f"directory[{i}].jwks_endpoint", "is missing", 'add it: the URL of its key set, or keys = "script"'
            )


def _public_addresses(settings: Settings) -> Iterator[ConfigFault]:
    if settings.is_sandbox:
        return
    fix = 'use a public host name, or environment = "sandbox"'
    for key, host in _hosts(settings):
        if is_local_or_literal(host):
            yield ConfigFault(key, "its host is localhost or an IP address, which only a sandbox may use", fix)
    if settings.fetch.allowed_networks:
        reason = "only a sandbox may open networks beyond public addresses"
        yield ConfigFault("fetch.allowed_networks", reason, 'remove it, or use environment = "sandbox"')


def _hosts(settings: Settings) -> Iterator[tuple[str, str]]:
    for i, market in enumerate(settings.markets):
        for name in ("base_url", "issuer", "self_signed_url"):
            if name in market.model_fields_set and getattr(market, name) is not None:
                yield f"market[{i}].{name}", split_https(getattr(market, name)).hostname or ""
    for i, directory in enumerate(settings.directories):
        for name in ("jwks_endpoint", "jwks_revoked_endpoint", "token_url", "tpp_url"):
            url = getattr(directory, name)
            if url:
                yield f"directory[{i}].{name}", split_https(url).hostname or ""
        for j, place in enumerate(directory.software_jwks_hosts):
            yield f"directory[{i}].software_jwks_hosts[{j}]", place.rpartition(":")[0]
    for i, market in enumerate(settings.markets):
        if market.revocation is not None:
            yield from _revocation_hosts(f"market[{i}].revocation", market.revocation)
    if settings.admin is not None and settings.admin.tls is not None and settings.admin.tls.revocation is not None:
        yield from _revocation_hosts("admin.tls.revocation", settings.admin.tls.revocation)


def _revocation_hosts(key: str, revocation: RevocationSettings) -> Iterator[tuple[str, str]]:
    for i, url in enumerate(revocation.crl_urls):
        yield f"{key}.crl_urls[{i}]", urlsplit(url).hostname or ""
    if revocation.ocsp_url is not None:
        yield f"{key}.ocsp_url", urlsplit(revocation.ocsp_url).hostname or ""
    for i, place in enumerate(revocation.hosts):
        yield f"{key}.hosts[{i}]", place.rpartition(":")[0]


def _no_literal_secrets(settings: Settings) -> Iterator[ConfigFault]:
    if not settings.is_sandbox:
        yield from _literal_secrets(settings)


def _literal_secrets(settings: Settings) -> Iterator[ConfigFault]:
    plain = {
        f"script[{i}].properties.{name}"
        for i, script in enumerate(settings.scripts)
        for name in script.properties.keys() - secret_properties(script.properties)
    }
    for key, reference in secrets(settings):
        if reference.is_literal and key not in plain:
            fix = "write env:NAME, file:/path or credential:NAME in its place"
            yield ConfigFault(key, "the secret itself stands in the file", fix)


RULES: tuple[Rule, ...] = (
    _unique_names,
    _listeners_apart,
    _credentials,
    _administration,
    _proxied,
    _one_signing_key,
    _recording,
    _gate_has_a_record,
    _directory_keys,
    _proxies,
    _public_addresses,
    _no_literal_secrets,
    _unique_inums,
    _scripts_name_markets,
    _detail_types_stand,
    *MARKET_RULES,
    *UPSTREAM_RULES,
)
