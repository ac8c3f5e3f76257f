"""Templates, texts and style put together into one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dcrgw.endpoints.pages import policy
from dcrgw.endpoints.pages.wording import Wording, chosen, read_wordings


@dataclass(frozen=True, slots=True)
class Page:
    """One page to show: a template's name with its values, none of which is trusted to be free of markup."""

    template: str
    values: Mapping[str, object] = field(repr=False)
    status: int = 200
    #: Its own address, where the other languages are to be had.
    here: str | None = None
    #: Where the answer to its form may redirect to.
    leads_to: str | None = None


class Pages:
    """Makes pages. `bank` is the name that stands above each, None the market's host; a sandbox says that it is one."""

    def __init__(self, bank: str | None, *, is_sandbox: bool) -> None:
        self._bank = bank
        self._wordings = read_wordings()
        style = (resources.files(__package__) / "style.css").read_text("utf-8")
        self._source = policy.style_source(style)
        self._templates = Environment(
            loader=PackageLoader("dcrgw.endpoints.pages", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # Ours, and its hash stands in the policy: with any other text it would not apply.
        self._templates.globals.update(style=Markup(style), is_sandbox=is_sandbox)  # noqa: S704
        for name in self._templates.list_templates():
            self._templates.get_template(name)

    def wording(self, wanted: tuple[str, ...], accepted: str) -> Wording:
        """The language for somebody who wants, and whose browser accepts."""
        return chosen(self._wordings, wanted, accepted)

    def answer(self, page: Page, wording: Wording, host: str) -> web.Response:
        """The whole response. `host` is the market's."""
        values: dict[str, object] = {"problem": None, **page.values}
        values |= {"t": wording, "lang": wording.lang, "here": page.here, "languages": tuple(self._wordings.values())}
        values["bank"] = self._bank or host
        text = self._templates.get_template(f"{page.template}.html").render(values)
        headers = {**policy.headers(self._source, page.leads_to), "Content-Language": wording.lang}
        return web.Response(status=page.status, body=text.encode(), headers=headers)
