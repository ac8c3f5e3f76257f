"""Opens what settings name, one thing at a time; notes every fault under its key and goes on."""

from __future__ import annotations

import importlib
import ipaddress
import os
import pkgutil
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import SecretStr

from dcrgw.adapters import customers, keystores
from dcrgw.adapters.hsm import HsmPlace, open_hsm_key
from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.adapters.keystores import KeyPair, PrivateKey
from dcrgw.adapters.local_users import gid_of, uid_of
from dcrgw.adapters.sealer import sealing_key
from dcrgw.config.explaining import did_you_mean
from dcrgw.config.faults import ConfigFault
from dcrgw.config.secrets import SecretReference, SecretUnresolved, too_open
from dcrgw.config.sections.directories import DirectorySettings
from dcrgw.config.sections.outgoing import Outbound
from dcrgw.config.values import HsmKeyUri
from dcrgw.core.authorization.detail_schema import DetailSchema, SchemaRefused, compiled
from dcrgw.core.checks import CATALOGUE
from dcrgw.core.jose.algorithms import fitting
from dcrgw.errors import Misconfigured, Unavailable

T = TypeVar("T")

Certificates = tuple[x509.Certificate, ...]


class Opening:
    """Collects `faults` and `warnings`. What could not be opened is None, and then there is a fault."""

    def __init__(self, at: float, *, is_sandbox: bool, serving: frozenset[x509.Certificate] = frozenset()) -> None:
        self.faults: list[ConfigFault] = []
        self.warnings: list[ConfigFault] = []
        self._serving = serving
        self._at = at
        self._is_sandbox = is_sandbox

    def secret(self, key: str, reference: SecretReference) -> SecretStr | None:
        """The secret behind a reference."""
        if reference.file is not None:
            self.private(key, reference.file)
        return self._attempt(key, reference.resolve)

    def sealing_key(self, key: str, reference: SecretReference) -> bytes | None:
        """The bytes of a key that seals stored secrets."""
        secret = self.secret(key, reference)
        return None if secret is None else self._attempt(key, lambda: sealing_key(secret.get_secret_value()))

    def keystore(self, key: str, path: Path, password: SecretReference | None) -> KeyPair | None:
        """The key pair of a PKCS#12 or JKS store, fit to serve now."""
        return self._pair(key, path, password, lambda secret: keystores.open_keystore(path, secret))

    def pem_pair(
        self, key: str, certificate: Path, private_key: Path, password: SecretReference | None
    ) -> KeyPair | None:
        """The key pair of two PEM files, fit to serve now. `key` is the private key's."""
        return self._pair(
            key, private_key, password, lambda secret: keystores.open_pem(certificate, private_key, secret)
        )

    def signing_key(self, key: str, directory: DirectorySettings) -> tuple[PrivateKey | None, x509.Certificate | None]:
        """The key that signs assertions, and `signing_cert` where there is one, proven to belong to it."""
        certificate = None
        if directory.signing_hsm_key is not None:
            place = f"{key}.signing_hsm_key"
            private_key = self.hsm_key(
                place, directory.signing_hsm_key, f"{key}.signing_hsm_pin", directory.signing_hsm_pin
            )
            if private_key is not None and directory.signing_cert is not None:
                certificate = self._certificate_of(private_key, place, directory.signing_cert)
        elif directory.signing_key is not None:
            place, path = f"{key}.signing_key", directory.signing_key
            if directory.signing_cert is None:
                private_key = self.private_key(place, path, directory.signing_key_password)
            else:
                pair = self.pem_pair(place, directory.signing_cert, path, directory.signing_key_password)
                private_key, certificate = (pair.key, pair.certificate) if pair is not None else (None, None)
        else:
            return None, None
        if private_key is not None and not isinstance(private_key, RSAPrivateKey):
            reason = f"it is no RSA key, which {directory.signing_alg} needs"
            self._note(ConfigFault(place, reason, "use an RSA key"))
        return private_key, certificate

    def hsm_key(self, key: str, uri: HsmKeyUri, pin_key: str, pin: SecretReference | None) -> PrivateKey | None:
        """A key that stays in its HSM."""
        secret = self.secret(pin_key, pin) if pin is not None else None
        if secret is None:
            return None
        place = HsmPlace(uri.module, uri.token, uri.object, uri.id)
        return self._attempt(key, lambda: open_hsm_key(place, secret.get_secret_value()))

    def _certificate_of(self, private_key: PrivateKey, key: str, path: Path) -> x509.Certificate | None:
        def open_it() -> KeyPair:
            certificate, *others = keystores.open_certificates(path)
            pair = KeyPair(private_key, certificate, tuple(others), str(path))
            self._judge(key, pair)
            return pair

        pair = self._attempt(key, open_it)
        return pair.certificate if pair is not None else None

    def private_key(self, key: str, path: Path, password: SecretReference | None) -> PrivateKey | None:
        """The key of a PEM file that comes without a certificate."""
        return self._with_password(key, path, password, lambda secret: keystores.open_private_key(path, secret))

    def fitting_key(self, key: str, private_key: PrivateKey | None, alg: str) -> PrivateKey | None:
        """The key, if it is one for `alg`."""
        if private_key is not None and alg not in fitting(private_key.public_key()):
            self._note(ConfigFault(key, f"the key is not one for {alg}", "name the algorithm of the key"))
            return None
        return private_key

    def trust(
        self, key: str, path: Path | None, password: SecretReference | None, password_key: str = ""
    ) -> Certificates | None:
        """A trust store's certificates; None for the system's own roots."""
        if path is None:
            return None
        found = self._with_password(
            key, None, password, lambda secret: keystores.open_trust_store(path, secret), password_key
        )
        for certificate in found or ():
            until = certificate.not_valid_after_utc
            if until < datetime.fromtimestamp(self._at, UTC):
                subject = certificate.subject.rfc4514_string()
                self.warnings.append(ConfigFault(key, f"{path}: {subject} expired on {until.isoformat()}", "renew it"))
        return found

    def trust_files(
        self, key: str, paths: Sequence[Path], password: SecretReference | None, password_key: str
    ) -> Certificates:
        """The certificates of several trust stores with one password, each once."""
        found = [self.trust(f"{key}[{i}]", path, password, password_key) or () for i, path in enumerate(paths)]
        return tuple(dict.fromkeys(each for certificates in found for each in certificates))

    def customers(self, key: str, path: Path) -> tuple[customers.Entry, ...]:
        """The entries of a customers file."""
        self.private(key, path)
        return self._attempt(key, lambda: customers.read_customers(path)) or ()

    def detail_schema(self, key: str, path: Path) -> DetailSchema | None:
        """The JSON Schema of a detail type."""
        self.own_file(key, path)
        try:
            return compiled(path.read_text("utf-8"))
        except SchemaRefused as refused:
            self._note(ConfigFault(key, f"{path} {refused}", "correct the schema"))
        except UnicodeDecodeError:
            self._note(ConfigFault(key, f"{path} is not UTF-8", "correct the schema"))
        except OSError:
            pass  # own_file has said so
        return None

    def proxy(self, key: str, outbound: Outbound) -> SecretStr | None:
        """The proxy's URL with its user name and password."""
        if outbound.proxy is None:
            return None
        user = quote(outbound.proxy_username or "", safe="")
        if outbound.proxy_password is not None:
            secret = self.secret(f"{key}.proxy_password", outbound.proxy_password)
            if secret is None:
                return None
            user += f":{quote(secret.get_secret_value(), safe='')}"
        scheme, _, place = outbound.proxy.partition("://")
        return SecretStr(f"{scheme}://{user}@{place}" if user else outbound.proxy)

    def server_name(self, key: str, pair: KeyPair, host: str) -> None:
        """The listener's certificate must name the host, or no TPP can connect."""
        if not names_host(pair.certificate, host):
            fix = f"use a certificate whose subject alternative names hold {host}"
            self._note(ConfigFault(key, f"the certificate {pair.source} does not name {host}", fix))

    def check_ids(self, key: str, codes: Mapping[str, str]) -> None:
        """Every id must be one of the catalogue's, or a typing error would change nothing in silence."""
        known = _known_checks() if codes else ()
        for id_ in codes:
            if id_ not in known:
                fix = did_you_mean(id_, known, "see the list of checks")
                self._note(ConfigFault(f"{key}.{id_}", "there is no such check", fix))

    def uid(self, key: str, name: str) -> int | None:
        """A user's number, by name or number."""
        return self._known(key, name, "user", uid_of(name))

    def gid(self, key: str, name: str) -> int | None:
        """A group's number, by name or number."""
        return self._known(key, name, "group", gid_of(name))

    def _known(self, key: str, name: str, kind: str, number: int | None) -> int | None:
        if number is None:
            self._note(ConfigFault(key, f"this machine has no {kind} {name}", f"make the {kind}, or correct the name"))
        return number

    def own_file(self, key: str, path: Path) -> None:
        """A file that decides what we do: it must be readable to us, and writable to nobody else."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
        except OSError as error:
            reason = f"{path} cannot be read ({error.strerror})"
            self._note(ConfigFault(key, reason, "correct the path, or let the gateway's user read it"))
            return
        if mode & stat.S_IWOTH:
            self._note_exposure(ConfigFault(key, f"{path} can be written by everybody", f"chmod o-w {path}"))

    def folder(self, key: str, path: Path) -> None:
        """A folder that we write to."""
        if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
            fix = "make the folder, and let the gateway's user write to it"
            self._note(ConfigFault(key, f"{path} is no folder that we can write to", fix))

    def bundles(self, key: str, path: Path) -> None:
        """A bundle, or a folder of them, that we can read."""
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            fix = "correct the path, or let the gateway's user read it"
            self._note(ConfigFault(key, f"{path} cannot be read", fix))

    def private(self, key: str, path: Path) -> None:
        """A file, if it is there, that nobody else may read or write."""
        reason = too_open(path)
        if reason is not None:
            self._note_exposure(ConfigFault(key, reason, f"chmod go= {path}"))

    def _pair(
        self, key: str, path: Path, password: SecretReference | None, open_it: Callable[[bytes | None], KeyPair]
    ) -> KeyPair | None:
        def judged(secret: bytes | None) -> KeyPair:
            pair = open_it(secret)
            self._judge(key, pair)
            return pair

        return self._with_password(key, path, password, judged)

    def _judge(self, key: str, pair: KeyPair) -> None:
        if pair.certificate in self._serving and pair.expires_at < self._at:
            ended = pair.certificate.not_valid_after_utc.isoformat()
            reason = f"{pair.source} holds a certificate that expired on {ended}"
            self.warnings.append(ConfigFault(key, reason, "renew it"))
            keystores.judge_belonging(pair)
        else:
            keystores.judge_pair(pair, self._at)

    def _with_password(
        self,
        key: str,
        private_path: Path | None,
        password: SecretReference | None,
        open_it: Callable[[bytes | None], T],
        password_key: str = "",
    ) -> T | None:
        if private_path is not None:
            self.private(key, private_path)
        if password is None:
            return self._attempt(key, lambda: open_it(None))
        secret = self.secret(password_key or f"{key}_password", password)
        return None if secret is None else self._attempt(key, lambda: open_it(secret.get_secret_value().encode()))

    def _attempt(self, key: str, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except KeystoreRefused as refused:
            self._note(ConfigFault(key, f"{refused.path} {refused.reason}", refused.fix))
        except SecretUnresolved as refused:
            self._note(ConfigFault(key, refused.reason, refused.fix))
        except Misconfigured as refused:
            self._note(ConfigFault(key, str(refused)))
        except Unavailable as failed:
            self._note(ConfigFault(key, str(failed), "try again; see whether the HSM can be reached"))
        return None

    def _note(self, fault: ConfigFault) -> None:
        # One password may serve several files: its fault is told once.
        if fault not in self.faults:
            self.faults.append(fault)

    def _note_exposure(self, fault: ConfigFault) -> None:
        noted = self.warnings if self._is_sandbox else self.faults
        if fault not in noted:
            noted.append(fault)


def names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether a certificate's alternative names hold a host name or an address; one wildcard level counts."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        parent = host.partition(".")[2]
        wanted = {host.lower(), f"*.{parent.lower()}"} if parent else {host.lower()}
        return any(name.lower() in wanted for name in names.get_values_for_type(x509.DNSName))
    return address in names.get_values_for_type(x509.IPAddress)


def _known_checks() -> Iterable[str]:
    """Every check id: checks enter the catalogue when their modules are imported."""
    for package in ("core", "adapters", "scripting", "flows", "edge", "endpoints"):
        root = importlib.import_module(f"dcrgw.{package}")
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            importlib.import_module(module.name)
    return tuple(CATALOGUE)
