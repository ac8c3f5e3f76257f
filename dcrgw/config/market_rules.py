"""What a market needs of its profile, of its directories and of the other markets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

from dcrgw.config.credentials import has_credentials
from dcrgw.config.explaining import did_you_mean
from dcrgw.config.faults import ConfigFault
from dcrgw.config.model import Settings
from dcrgw.config.profiles import load_profile, profile_names, profile_of
from dcrgw.config.sections.directories import DirectorySettings
from dcrgw.config.sections.markets import MarketSettings
from dcrgw.config.sections.revocation import RevocationSettings
from dcrgw.core.registration.profile import Profile


def _directories_exist(settings: Settings) -> Iterator[ConfigFault]:
    known = [directory.name for directory in settings.directories]
    for i, market in enumerate(settings.markets):
        for j, name in enumerate(market.directories):
            if name not in known:
                fix = did_you_mean(name, known, f"there are {', '.join(known)}")
                yield ConfigFault(f"market[{i}].directories[{j}]", f"there is no directory {name}", fix)


def _one_directory_an_issuer(settings: Settings) -> Iterator[ConfigFault]:
    for i, market in enumerate(settings.markets):
        owners: dict[str, str] = {}
        for directory in _directories(settings, market):
            for issuer in directory.issuers:
                if owners.setdefault(issuer, directory.name) != directory.name:
                    reason = f"directories {owners[issuer]} and {directory.name} both have the issuer {issuer}"
                    yield ConfigFault(f"market[{i}].directories", reason, "name one of them only")


def _profiles_exist(settings: Settings) -> Iterator[ConfigFault]:
    names = profile_names()
    for i, market in enumerate(settings.markets):
        fault = _profile_fault(market.profile, names)
        if fault is not None:
            yield ConfigFault(f"market[{i}].profile", *fault)
        elif market.dn_match is not None and "dn_match" in market.policy:
            yield ConfigFault(f"market[{i}].dn_match", "stands in policy too", "keep one of them")
        else:
            yield from _policy_faults(f"market[{i}]", market)


def _profile_fault(place: str | Path, names: tuple[str, ...]) -> tuple[str, str] | None:
    """What is wrong with a profile, and the fix."""
    if isinstance(place, str) and place not in names:
        return f"there is no profile {place}", did_you_mean(place, names, f"there are {', '.join(names)}")
    try:
        load_profile(place)
    except ValueError as error:
        return f"{place}: {error}", "correct the file; docs/profiles.md says what each key means"
    return None


def _policy_faults(key: str, market: MarketSettings) -> Iterator[ConfigFault]:
    """Each policy judged by itself, so that every fault comes at once; then all together."""
    profile, sound = load_profile(market.profile), True
    for name, value in market.policy.items():
        try:
            profile.with_policy({name: value})
        except ValueError as error:
            sound = False
            yield ConfigFault(f"{key}.policy.{name}", str(error).partition(": ")[2])
    if sound:
        try:
            profile_of(market)
        except ValueError as error:
            yield ConfigFault(f"{key}.policy", str(error))


def _routes_apart(settings: Settings) -> Iterator[ConfigFault]:
    """A request belongs to exactly one market by host and path: no market's URL may lie inside another's."""
    for name in ("base_url", "self_signed_url"):
        urls = [(i, urlsplit(url)) for i, each in enumerate(settings.markets) if (url := getattr(each, name))]
        for (i, first), (j, second) in combinations(urls, 2):
            if first.netloc != second.netloc:
                continue
            shorter, longer = sorted((f"{first.path}/", f"{second.path}/"), key=len)
            if longer.startswith(shorter):
                reason = (
                    f"is that of market[{i}] too" if longer == shorter else f"and that of market[{i}] lie in each other"
                )
                yield ConfigFault(f"market[{j}].{name}", reason, "give each market its own host or path")


def _self_signed_apart(settings: Settings) -> Iterator[ConfigFault]:
    """Self-signed certificates come on a listener of their own, to a URL of their own, and only if they are wanted."""
    offering = [i for i, each in enumerate(settings.markets) if _SELF_SIGNED in each.client_auth_methods]
    listener = settings.listeners.self_signed
    if offering and listener is None:
        fix = f"add it, or take {_SELF_SIGNED} out of market[{offering[0]}].client_auth_methods"
        yield ConfigFault("listeners.self_signed", "is missing: such certificates have a listener of their own", fix)
    if listener is not None and not offering:
        fix = f"add {_SELF_SIGNED} to a market's client_auth_methods, or remove it"
        yield ConfigFault("listeners.self_signed", "no market offers the method that it is for", fix)
    for i, market in enumerate(settings.markets):
        url = market.self_signed_url
        for name in ("self_signed_url", "self_signed_certificates"):
            is_set = bool(getattr(market, name))
            if i in offering and not is_set:
                yield ConfigFault(f"market[{i}].{name}", f"is missing beside {_SELF_SIGNED}", "add it")
            elif i not in offering and is_set:
                reason = f"is there, but client_auth_methods does not name {_SELF_SIGNED}"
                yield ConfigFault(f"market[{i}].{name}", reason, "remove it, or offer the method")
        if url and urlsplit(url).netloc == urlsplit(market.base_url).netloc:
            reason = "is on the host and port of base_url, where directories' certificates are asked for"
            yield ConfigFault(f"market[{i}].self_signed_url", reason, "give it another host or port")


_SELF_SIGNED = "self_signed_tls_client_auth"


def _methods_are_the_profiles(settings: Settings) -> Iterator[ConfigFault]:
    for i, market, profile in _profiled(settings):
        for j, method in enumerate(market.client_auth_methods):
            if method not in profile.metadata.auth_methods:
                fix = f"choose of {', '.join(sorted(profile.metadata.auth_methods))}"
                key = f"market[{i}].client_auth_methods[{j}]"
                yield ConfigFault(key, f"profile {profile.name} knows no {method}", fix)


def _secrets_can_be_sealed(settings: Settings) -> Iterator[ConfigFault]:
    if settings.registry.sealing_keys:
        return
    for _, market, profile in _profiled(settings):
        tokens = profile.management == "registration_access_token"
        held = market.upstream is not None
        if tokens or held or any(method.startswith("client_secret_") for method in market.client_auth_methods):
            what = "hands out registration access tokens" if tokens else "hands out client secrets"
            what = "holds credentials of its authorization server" if held else what
            reason = f"is missing, but market {market.name} {what}"
            fix = "make one with `openssl rand -hex 32` and refer to it here"
            yield ConfigFault("registry.sealing_keys", reason, fix)
            return


def _people_can_be_asked(settings: Settings) -> Iterator[ConfigFault]:
    can_sign = bool(settings.registry.sealing_keys or settings.signing.key or settings.signing.keystore)
    for i, market in enumerate(settings.markets):
        server, key = market.authorization_server, f"market[{i}].authorization_server"
        asks = "authorization_code" in server.grant_types
        if asks and settings.listeners.public is None:
            reason = "is missing, but people are asked there: no browser has a TPP's certificate"
            yield ConfigFault(
                "listeners.public", reason, f"add it, or take authorization_code out of {key}.grant_types"
            )
        is_own = market.upstream is None
        if asks and is_own and settings.consent.customers is None:
            reason = f"is missing, but market {market.name} asks people to sign in"
            yield ConfigFault("consent.customers", reason, "make the file with `dcrgw customers add`, and name it")
        if "refresh_token" in server.grant_types and not asks:
            yield ConfigFault(f"{key}.grant_types", "refresh_token comes after authorization_code", "add that one too")
        if server.pushed_requests == "required" and not asks:
            reason = "is required, but there is no authorization endpoint to push for"
            yield ConfigFault(f"{key}.pushed_requests", reason, "add authorization_code to grant_types")
        if is_own and (asks or server.jwt_audience) and not can_sign:
            reason = f"is empty, so that {key} has no key to sign tokens with"
            yield ConfigFault("registry.sealing_keys", reason, "add one, or set signing.key or signing.keystore")


#: What a directory must have that is asked with a token.
_OF_SCIM = ("tpp_url", "token_url", "client_scopes", "key_id", "signing_key")


def _own_standing_can_be_asked(settings: Settings) -> Iterator[ConfigFault]:
    for i, directory in enumerate(settings.directories):
        if directory.check_own_standing and directory.kind != "scim":
            reason = f"is set, but a list of {directory.kind} does not tell of banks"
            yield ConfigFault(f"directory[{i}].check_own_standing", reason, "remove it")


def _standing_can_be_asked(settings: Settings) -> Iterator[ConfigFault]:
    for i, directory in enumerate(settings.directories):
        why = "tpp_url is set" if directory.has_standing else None
        why = "check_own_standing is set" if directory.check_own_standing else why
        for _, market, profile in _profiled(settings):
            if profile.standing == "required" and directory.name in market.directories:
                why = f"market {market.name} (profile {profile.name}) asks the directory about each TPP"
        if why is None:
            continue
        is_asked_by_token = directory.kind == "scim"
        for name in _OF_SCIM if is_asked_by_token else ("tpp_url",):
            if not getattr(directory, name) and not (name == "signing_key" and directory.signing_hsm_key):
                yield ConfigFault(f"directory[{i}].{name}", f"is missing, but {why}", "add it")
        if is_asked_by_token and not has_credentials(directory, prefix="transport_"):
            fix = "add it, or transport_cert and transport_key"
            yield ConfigFault(f"directory[{i}].transport_keystore", f"is missing, but {why}", fix)


def _software_keys_can_be_had(settings: Settings) -> Iterator[ConfigFault]:
    for i, directory in enumerate(settings.directories):
        signed = [
            m.name for _, m, p in _profiled(settings) if p.requests_are_signed and directory.name in m.directories
        ]
        if signed and not directory.software_jwks_hosts:
            reason = f"is missing, so no signed request at market {signed[0]} could be proven"
            fix = "name the hosts that serve the key sets of the directory's software"
            yield ConfigFault(f"directory[{i}].software_jwks_hosts", reason, fix)


def _revocation_has_a_source(settings: Settings) -> Iterator[ConfigFault]:
    asking: list[tuple[str, RevocationSettings | None]] = [
        (f"market[{i}]", market.revocation) for i, market in enumerate(settings.markets)
    ]
    if settings.admin is not None and settings.admin.tls is not None:
        asking.append(("admin.tls", settings.admin.tls.revocation))
    for key, asked in asking:
        if asked is None or asked.mode == "off":
            continue
        lists = asked.crl_files or asked.crl_urls or asked.hosts
        responders = asked.ocsp_url or asked.hosts
        for method, sources in (("crl", lists), ("ocsp", responders)):
            if method in asked.methods and not sources:
                ways = "crl_files, crl_urls or hosts" if method == "crl" else "ocsp_url or hosts"
                reason = f"asks for {method}, but nothing says where"
                yield ConfigFault(f"{key}.revocation.methods", reason, f"set {ways}, or leave {method} out")


def _profiled(settings: Settings) -> Iterator[tuple[int, MarketSettings, Profile]]:
    """Markets with their profiles; those whose profile is at fault are left to `_profiles_exist`."""
    for i, market in enumerate(settings.markets):
        try:
            yield i, market, profile_of(market)
        except ValueError:
            continue


def _directories(settings: Settings, market: MarketSettings) -> list[DirectorySettings]:
    return [found for name in dict.fromkeys(market.directories) if (found := settings.directory(name))]


MARKET_RULES = (
    _directories_exist,
    _one_directory_an_issuer,
    _profiles_exist,
    _routes_apart,
    _self_signed_apart,
    _methods_are_the_profiles,
    _secrets_can_be_sealed,
    _people_can_be_asked,
    _standing_can_be_asked,
    _own_standing_can_be_asked,
    _software_keys_can_be_had,
    _revocation_has_a_source,
)
