"""The HTTP request, as a script sees it: no body, and no header that is a secret."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from dcrgw.core.strict_json import JsonValue


class HttpRequest:
    """Method, path, headers and the caller's address. Names of headers count in any letter case."""

    def __init__(self, facts: Mapping[str, JsonValue]) -> None:
        self.method = _text(facts.get("method")) or ""
        self.path = _text(facts.get("path")) or ""
        #: The address of the connection; of a proxy's word only where the bank trusts that proxy.
        self.remote_address = _text(facts.get("remote_address"))
        given = facts.get("headers")
        pairs = given.items() if isinstance(given, dict) else ()
        self.headers: dict[str, str] = {name.lower(): str(value) for name, value in pairs}
        form = facts.get("parameters")
        self.parameters = parameters_of(form if isinstance(form, dict) else {})

    def is_in_network(self, cidr: str) -> bool:
        """Whether the caller's address is in a network such as 10.0.0.0/8; an unknown address is in none.

        Raises: ValueError for what is no network.
        """
        network = ip_network(cidr, strict=False)
        if self.remote_address is None:
            return False
        address = ip_address(self.remote_address.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in network

    def getMethod(self) -> str:
        """method."""
        return self.method

    def getRequestURI(self) -> str:
        """path."""
        return self.path

    def getHeader(self, name: str) -> str | None:
        """One header, None when it is absent or secret."""
        return self.headers.get(name.lower())

    def getHeaderNames(self) -> list[str]:
        """The names of the headers, in lower case."""
        return list(self.headers)

    def getRemoteAddr(self) -> str | None:
        """remote_address."""
        return self.remote_address

    def getParameter(self, name: str) -> str | None:
        """The first value of a form or query parameter."""
        values = self.parameters.get(name)
        return values[0] if values else None

    def getParameterValues(self, name: str) -> list[str] | None:
        """All values of a parameter, None when it is absent."""
        return self.parameters.get(name)

    def getParameterMap(self) -> dict[str, list[str]]:
        """All parameters."""
        return self.parameters


def parameters_of(form: Mapping[str, JsonValue]) -> dict[str, list[str]]:
    """Form and query parameters: each name's values."""
    return {
        name: [str(value) for value in values] if isinstance(values, list) else [str(values)]
        for name, values in form.items()
    }


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
