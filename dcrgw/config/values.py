"""The kinds of value that a setting may have: paths, URLs, hosts, references. Each says what is wrong and the fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from pydantic import AfterValidator, BeforeValidator, InstanceOf, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from dcrgw.config.secrets import SecretReference
from dcrgw.core.authorization.detail_rules import POINTER, is_text
from dcrgw.core.authorization.details import MAX_TYPE_LENGTH
from dcrgw.core.market import ANY_HOST
from dcrgw.core.scripts.entry_checks import INUM, LONGEST_NAME, NAME, SHORTEST_NAME
from dcrgw.core.scripts.types import TYPES

Network = IPv4Network | IPv6Network


def refused(reason: str, fix: str) -> PydanticCustomError:
    """A value's refusal; neither text may echo the value, which could be a secret in the wrong place."""
    # Through the context, since the template itself would take braces for fields.
    return PydanticCustomError("refused", "{reason}", {"reason": reason, "fix": fix})


def _base(info: ValidationInfo) -> Path:
    return info.context["base"] if info.context else Path()


def _path(value: Any, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return _base(info) / value
    if not isinstance(value, str) or not value or "\0" in value:
        raise refused("is not a path", "write the path as text; a relative one starts at this configuration file")
    return _base(info) / value


def _trust_place(value: Any, info: ValidationInfo) -> Path | None:
    return None if value in ("system", None) else _path(value, info)


def _secret(value: Any, info: ValidationInfo) -> SecretReference:
    if isinstance(value, SecretReference):
        return value
    if not isinstance(value, str) or not value:
        raise refused("is not a secret reference", "write env:NAME, file:/path or credential:NAME")
    try:
        return SecretReference.parse(value, _base(info))
    except ValueError as error:
        raise refused(str(error), "write env:NAME, file:/path or credential:NAME") from None


def _property(value: Any, info: ValidationInfo) -> SecretReference:
    if isinstance(value, bool):
        value = str(value).lower()
    if value == "":
        return SecretReference.parse("")
    return _secret(str(value) if isinstance(value, int | float) else value, info)


def split_https(text: str) -> SplitResult:
    """The parts of an absolute https URL without user information or fragment. Raises: a `refused`."""
    fix = "write an absolute URL such as https://bank.example/path"
    if not re.fullmatch(r"[\x21-\x7e]+", text) or re.search(r'[\\"<>^`{|}]', text):
        raise refused("has characters that no URL has", fix)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what judges it
    except ValueError:
        raise refused("is not a URL", fix) from None
    if parts.scheme != "https" or not text.startswith("https://"):
        raise refused("is not an https URL", fix)
    if parts.username is not None or parts.password is not None:
        raise refused("has user information", "take the part before @ out of the URL")
    if not parts.hostname or parts.port == 0 or parts.netloc.endswith(":"):
        raise refused("has no usable host", fix)
    if "#" in text:
        raise refused("has a fragment", "take the part from # on out of the URL")
    return parts


def _public_url(text: str) -> str:
    # What is asked there is signed: plain HTTP gives nothing away (RFC 5280 §8).
    split_https("https://" + text.removeprefix("http://") if text.startswith("http://") else text)
    return text


def _https_url(text: str) -> str:
    split_https(text)
    return text


def _issuer(text: str) -> str:
    if "?" in text:  # RFC 8414 §2
        raise refused("has a query", "an issuer is an https URL without query and fragment")
    return _https_url(text)


def _base_url(text: str) -> str:
    parts = split_https(text)
    if parts.netloc != parts.netloc.lower() or parts.port == 443:
        raise refused("is not written in the one plain way", "write the host in lower case and leave :443 out")
    if "?" in text or text.endswith("/"):
        raise refused("has a query or ends with a slash", "write scheme, host, port and a path prefix only")
    if not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*", parts.path):
        raise refused("has an ambiguous path", "use segments of letters, digits and . _ ~ - only")
    return text


def _proxy_url(text: str) -> str:
    if "@" in text:
        raise refused("has user information", "set proxy_username, and proxy_password by reference")
    # An https proxy would be offered the trust and the certificate that are meant for what lies behind it.
    if not re.fullmatch(r"http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}", text):
        raise refused("is not the URL of a proxy", "write http://host:port")
    return text


def _host_port(text: str) -> str:
    host, _, port = text.rpartition(":") if re.search(r":\d+$", text) else (text, "", "443")
    plain = re.fullmatch(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", host)
    if not plain or not 0 < int(port) < 65536:
        raise refused("is not host or host:port", "write a host such as keystore.example, without scheme and path")
    return f"{host.lower()}:{int(port)}"


def _key_host(text: str) -> str:
    return text if text == ANY_HOST else _host_port(text)


def _profile(value: Any, info: ValidationInfo) -> str | Path:
    if isinstance(value, Path) or (isinstance(value, str) and value.endswith(".toml")):
        return _path(value, info)
    if not isinstance(value, str):
        raise refused("is not a profile", "write the name of one, or a TOML file that is one")
    return _name(value)


def _network(value: Any) -> Network:
    try:
        # Only text: to ipaddress a number is an address too.
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise refused("is not a network", "write CIDR with no host bits set, such as 127.0.0.0/8 or ::1/128") from None


def _words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


_MACHINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _name(text: str) -> str:
    if not _MACHINE_NAME.fullmatch(text):
        raise refused(
            "is not a name", "use letters, digits and . _ - only, at most 64, starting with a letter or digit"
        )
    return text


def _script_name(text: str) -> str:
    if not NAME.fullmatch(text) or not SHORTEST_NAME <= len(text) <= LONGEST_NAME:
        raise refused("is not a script's name", f"use {SHORTEST_NAME} to {LONGEST_NAME} letters, digits and _ - : / .")
    return text


def _script_inum(text: str) -> str:
    if not INUM.fullmatch(text):
        raise refused("is not an inum", "write it as DAA9-B788 or a UUID, or leave it out")
    return text


def _detail_type(value: str) -> str:
    if not 0 < len(value) <= MAX_TYPE_LENGTH or not value.isprintable():
        raise refused("is not a type", f"write 1 to {MAX_TYPE_LENGTH} printable characters")
    return value


def _detail_pointer(value: str) -> str:
    if not POINTER.fullmatch(value):
        raise refused("is no JSON pointer to a member", "write it like /instructedAmount/amount")
    return value


def _detail_text(value: str) -> str:
    if not value.strip() or not is_text(value):
        raise refused(
            "is not a text", "write braces only around the JSON pointer of a member: {/instructedAmount/amount}"
        )
    return value


def _script_type(text: str) -> str:
    if text not in TYPES:
        raise refused("is no type of script", f"there are {', '.join(TYPES)}")
    return text


#: POSIX user and group names, and what directories add: a domain, a machine's dollar.
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@\\-]*\$?")


def _local_name(text: str) -> str:
    if not _LOCAL_NAME.fullmatch(text):
        raise refused("is not the name of a user or a group", "write a name as the machine knows it, or a number")
    return text


def _local_user(text: str) -> str:
    _local_name(text.removeprefix("%"))
    return text


def is_local_or_literal(host: str) -> bool:
    """True for an IP address in any spelling that resolvers take, and for localhost."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        ip_address(bare.partition("%")[0])
    except ValueError:
        # inet_aton takes 2130706433, 0x7f.1 and 127.1 for addresses; a public name's last label never is a number.
        return re.fullmatch(r"\d+|0x[0-9a-f]*", bare.rpartition(".")[2]) is not None
    return True


@dataclass(frozen=True, slots=True)
class HsmKeyUri:
    """A private key in an HSM, named by a PKCS#11 URI (RFC 7512)."""

    module: Path
    token: str
    object: str | None
    id: bytes | None
    text: str

    def __str__(self) -> str:
        return self.text


_HSM_FIX = "write pkcs11:token=LABEL;object=LABEL?module-path=/path/to/module.so"


def _hsm_key(value: Any, info: ValidationInfo) -> HsmKeyUri:
    if isinstance(value, HsmKeyUri):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"pkcs11:[\x21-\x7e]+", value):
        raise refused("is no PKCS#11 URI", _HSM_FIX)
    path, _, query = value.removeprefix("pkcs11:").partition("?")
    path_attributes, query_attributes = _attributes(path, ";"), _attributes(query, "&")
    if {"pin-value", "pin-source"} & query_attributes.keys():
        raise refused("names a PIN", "take it out, and set the PIN beside it by reference")
    if path_attributes.pop("type", b"private") != b"private":
        raise refused("is no private key's URI", _HSM_FIX)
    unknown = (path_attributes.keys() - {"token", "object", "id"}) | (query_attributes.keys() - {"module-path"})
    if unknown:
        raise refused(f"has attributes that are not taken: {', '.join(sorted(unknown))}", _HSM_FIX)
    if "token" not in path_attributes or "module-path" not in query_attributes:
        raise refused("has no token, or no module-path", _HSM_FIX)
    if not {"object", "id"} & path_attributes.keys():
        raise refused("names no key", "add object=LABEL, or id=%01 in percent-encoded octets")
    try:
        label = path_attributes["object"].decode() if "object" in path_attributes else None
        token, module = path_attributes["token"].decode(), query_attributes["module-path"].decode()
    except UnicodeDecodeError:
        raise refused("is not UTF-8", _HSM_FIX) from None
    return HsmKeyUri(_base(info) / module, token, label, path_attributes.get("id"), value)


def _attributes(text: str, separator: str) -> dict[str, bytes]:
    pairs = [each.partition("=") for each in text.split(separator) if each]
    found = {name: unquote_to_bytes(value) for name, _, value in pairs}
    if len(found) != len(pairs) or not all(found.values()):
        raise refused("has an attribute twice, or an empty one", _HSM_FIX)
    return found


_TEXT: dict[str, Any] = {"type": "string"}

FilePath = Annotated[Path, BeforeValidator(_path), PlainSerializer(str), WithJsonSchema({**_TEXT, "format": "path"})]
#: A trust store's path; None is the system's own roots, written "system".
TrustPlace = Annotated[
    Path | None,
    BeforeValidator(_trust_place),
    WithJsonSchema({**_TEXT, "format": "trust-store", "examples": ["system", "roots.pem"]}),
]
Secret = Annotated[
    InstanceOf[SecretReference],
    BeforeValidator(_secret),
    PlainSerializer(str),
    WithJsonSchema({**_TEXT, "format": "secret", "examples": ["env:NAME", "file:/path", "credential:NAME"]}),
]
#: A script's property: plain text, number or boolean, or a reference; the script gets text.
Property = Annotated[
    InstanceOf[SecretReference],
    BeforeValidator(_property),
    PlainSerializer(str),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
HsmKey = Annotated[
    InstanceOf[HsmKeyUri],
    BeforeValidator(_hsm_key),
    PlainSerializer(str),
    WithJsonSchema(
        {**_TEXT, "format": "pkcs11", "examples": ["pkcs11:token=bank;object=seal?module-path=/usr/lib/hsm.so"]}
    ),
]
HttpsUrl = Annotated[str, AfterValidator(_https_url), WithJsonSchema({**_TEXT, "format": "uri"})]
#: Where something signed and public is had: http or https.
PublicUrl = Annotated[str, AfterValidator(_public_url), WithJsonSchema({**_TEXT, "format": "uri"})]
Issuer = Annotated[str, AfterValidator(_issuer), WithJsonSchema({**_TEXT, "format": "uri"})]
BaseUrl = Annotated[str, AfterValidator(_base_url), WithJsonSchema({**_TEXT, "format": "uri"})]
ProxyUrl = Annotated[str, AfterValidator(_proxy_url), WithJsonSchema({**_TEXT, "format": "uri"})]
HostPort = Annotated[
    str, AfterValidator(_host_port), WithJsonSchema({**_TEXT, "format": "host", "examples": ["host", "host:8443"]})
]
#: The same, or `*` for wherever a signed statement says.
KeyHost = Annotated[
    str, AfterValidator(_key_host), WithJsonSchema({**_TEXT, "format": "host", "examples": ["host", "host:8443", "*"]})
]
AllowedNetwork = Annotated[
    InstanceOf[IPv4Network] | InstanceOf[IPv6Network],
    BeforeValidator(_network),
    PlainSerializer(str),
    WithJsonSchema({**_TEXT, "format": "cidr", "examples": ["127.0.0.0/8"]}),
]
Name = Annotated[str, AfterValidator(_name), WithJsonSchema({**_TEXT, "pattern": f"^{_MACHINE_NAME.pattern}$"})]
#: A profile by its name, or the file that is one.
ProfilePlace = Annotated[
    str | Path,
    BeforeValidator(_profile),
    PlainSerializer(str),
    WithJsonSchema({**_TEXT, "format": "profile", "examples": ["obuk-3.2", "atlantis.toml"]}),
]
#: A script's name and inum, as Janssen and Gluu have them.
ScriptName = Annotated[str, AfterValidator(_script_name), WithJsonSchema({**_TEXT, "pattern": f"^{NAME.pattern}$"})]
ScriptInum = Annotated[str, AfterValidator(_script_inum), WithJsonSchema({**_TEXT, "examples": ["DAA9-B788"]})]
DetailTypeName = Annotated[str, AfterValidator(_detail_type), WithJsonSchema({**_TEXT, "maxLength": MAX_TYPE_LENGTH})]
DetailPointer = Annotated[
    str, AfterValidator(_detail_pointer), WithJsonSchema({**_TEXT, "examples": ["/instructedAmount/amount"]})
]
DetailText = Annotated[str, AfterValidator(_detail_text), WithJsonSchema(_TEXT)]
ScriptType = Annotated[str, AfterValidator(_script_type), WithJsonSchema({**_TEXT, "enum": list(TYPES)})]
#: A user's or a group's name or number.
LocalName = Annotated[str, AfterValidator(_local_name), WithJsonSchema({**_TEXT, "examples": ["dcrgw-admin", "990"]})]
#: A user's name or uid; with % in front a group's name or gid.
LocalUser = Annotated[str, AfterValidator(_local_user), WithJsonSchema({**_TEXT, "examples": ["alice", "%operators"]})]
#: Blank-separated text, or a list.
Words = Annotated[
    tuple[str, ...],
    BeforeValidator(_words),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
