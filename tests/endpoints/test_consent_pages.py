"""What a person sees: every page readable by everybody, and nothing that a TPP wrote becomes more than text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from askings import HERE, MARKET, TICKET, asking
from html_reading import Element, faults, read
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.authorization.details import DetailText
from dcrgw.endpoints import authorize_views as views
from dcrgw.endpoints.pages import Page, Pages
from dcrgw.endpoints.pages.wording import Wording, read_wordings

PAGES = Pages("Example Bank", is_sandbox=True)
WORDINGS = read_wordings()
ENGLISH = WORDINGS["en"]
NOTICES = ("refused", "gone", "answered", "stale", "unavailable", "failed")

XSS = (
    """"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% include 'base.html' %}"""
    """${x}</style></title>&lt;"""
)


def notice(kind: str) -> Page:
    fault = SimpleNamespace(check="authorize.redirect_uri", description="not registered")
    return Page(
        "notice",
        {
            "kind": kind,
            "next": HERE if kind in ("stale", "unavailable") else None,
            "faults": (fault,),
            "reference": "r-1",
        },
        400,
    )


def every_page(wording: Wording, **changes: Any) -> Iterator[tuple[str, Page]]:
    it = asking(**changes)
    yield "sign-in", views.sign_in(it, TICKET, MARKET, HERE)
    yield "problem", views.sign_in(it, TICKET, MARKET, HERE, login="mia", problem=wording("sign_in.problems.wrong"))
    yield "consent", views.consent(it, TICKET, MARKET, HERE, wording)
    yield "cancel", views.cancel(it, TICKET, MARKET, HERE)


def shown(page: Page, wording: Wording = ENGLISH) -> Element:
    body = PAGES.answer(page, wording, "bank.example").body
    assert isinstance(body, bytes)
    return read(body)


def consent(**changes: Any) -> Element:
    return shown(views.consent(asking(**changes), TICKET, MARKET, HERE, ENGLISH))


ALL = [
    pytest.param(wording, page, id=f"{lang} {name}")
    for lang, wording in WORDINGS.items()
    for name, page in [*every_page(wording), *[(kind, notice(kind)) for kind in NOTICES]]
]


@pytest.mark.parametrize(("wording", "page"), ALL)
def test_every_page_is_fit_for_assistive_technology(wording: Wording, page: Page) -> None:
    root = shown(page, wording)
    assert faults(root) == []
    (html,) = root.all("html")
    assert html.attributes["lang"] == wording.lang


@pytest.mark.parametrize(("wording", "page"), ALL)
def test_no_page_lets_a_browser_do_more_than_show_it(wording: Wording, page: Page) -> None:
    headers = PAGES.answer(page, wording, "bank.example").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert "script-src" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Language"] == wording.lang


def test_a_problem_is_told_first_and_gets_the_focus() -> None:
    root = shown(views.sign_in(asking(), TICKET, MARKET, HERE, login="mia", problem="CANARY"))
    (told,) = [each for each in root.all() if each.attributes.get("role") == "alert"]
    assert "autofocus" in told.attributes
    assert "CANARY" in told.text
    (title,) = root.all("title")
    assert title.text.startswith("Error:")
    for field in root.all("input"):
        if field.attributes["type"] != "hidden":
            assert field.attributes["aria-invalid"] == "true"
            assert field.attributes["aria-describedby"] == "problem"


def test_a_password_is_never_sent_back() -> None:
    root = shown(views.sign_in(asking(), TICKET, MARKET, HERE, login="mia", problem="no"))
    (password,) = [each for each in root.all("input") if each.attributes["type"] == "password"]
    assert "value" not in password.attributes


def test_saying_no_is_as_easy_as_saying_yes() -> None:
    deny, approve = consent().all("button")
    assert (deny.attributes["value"], approve.attributes["value"]) == ("deny", "approve")
    assert deny.attributes.get("class") == approve.attributes.get("class")
    assert deny.attributes.keys() == approve.attributes.keys()


def test_the_consent_page_says_who_asks_for_what_and_where_one_returns() -> None:
    text = consent().text
    for words in ("Example TPP Ltd", "Example Accounts", "tpp.example", "Pay 10.00 GBP to Merchant A", "Mia Example"):
        assert words in text
    for scope in ("openid", "payments"):
        assert ENGLISH.scope(scope) in text


def test_a_client_cannot_choose_the_name_that_it_is_shown_by() -> None:
    assert "Your Own Bank" not in consent().text
    assert "Your Own Bank" not in consent(claims={"org_name": None, "software_client_name": None}).text


def test_what_a_client_writes_stands_apart_and_is_named_unchecked() -> None:
    root = consent()
    (figure,) = root.all("figure")
    (quoted,) = figure.all("blockquote")
    assert quoted.text == "for your order"
    assert "not checked" in figure.text
    assert "for your order" not in "".join(each.text for each in root.all("p"))


@pytest.mark.parametrize("wording", WORDINGS.values(), ids=WORDINGS)
def test_nothing_that_a_stranger_wrote_becomes_markup(wording: Wording) -> None:
    hostile = {
        "texts": (DetailText(0, XSS, XSS, XSS), DetailText(1, XSS, "", None)),
        "claims": {"org_name": XSS, "software_client_name": XSS},
        "scope": (XSS,),
        "login_hint": XSS,
        "state": XSS,
        "redirect_uri": f"https://tpp.example/{XSS}",
    }
    for (_, page), (_, plain) in zip(
        every_page(wording, **hostile),
        every_page(wording, texts=(DetailText(0, "t", "t", "t"), DetailText(1, "t", "", None)), scope=("x",)),
        strict=True,
    ):
        root, usual = shown(page, wording), shown(plain, wording)
        assert [each.tag for each in root.all()] == [each.tag for each in usual.all()]
        assert [sorted(each.attributes) for each in root.all()] == [sorted(each.attributes) for each in usual.all()]
        assert faults(root) == []


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_text_at_all_changes_the_page(name: str, text: str, note: str) -> None:
    texts = (DetailText(0, "type", text, f"n{note}"),)
    root = consent(texts=texts, claims={"org_name": f"N{name}"})
    assert [each.tag for each in root.all()] == [each.tag for each in consent().all()]


@pytest.mark.parametrize("mark", "\u202e\u2066\u200b\u200f\ufeff\x00\x1b\ue000")
def test_no_invisible_mark_turns_or_hides_what_a_person_reads(mark: str) -> None:
    texts = (DetailText(0, "t", f"Pay 01{mark}.00 GBP", f"a{mark}b"),)
    assert mark not in consent(texts=texts, claims={"org_name": f"Ex{mark}ample"}).text


def test_a_long_note_does_not_push_the_banks_words_away() -> None:
    root = consent(texts=(DetailText(0, "t", "Pay 10.00 GBP", "lorem\n" * 400),))
    (quoted,) = root.all("blockquote")
    assert len(quoted.text) <= 280


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [
        ("https://tpp.example/cb", "https:"),
        ("http://127.0.0.1:8123/cb", "http://127.0.0.1:8123"),
        ("http://[::1]:8123/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
        ("http://a;script-src *", "http:"),
        ("x y:/cb", ""),
    ],
)
def test_a_decisions_form_may_lead_to_the_client_and_nothing_else_gets_into_the_policy(
    redirect_uri: str, source: str
) -> None:
    page = views.consent(asking(redirect_uri=redirect_uri), TICKET, MARKET, HERE, ENGLISH)
    policy = PAGES.answer(page, ENGLISH, "h").headers["Content-Security-Policy"]
    assert f"; form-action 'self' {source}".rstrip() + "; frame-ancestors" in policy


def test_the_page_with_the_password_leads_nowhere_else() -> None:
    headers = PAGES.answer(views.sign_in(asking(), TICKET, MARKET, HERE), ENGLISH, "h").headers
    assert "form-action 'self';" in headers["Content-Security-Policy"]


# -- contrast

_STYLE = next(shown(notice("gone")).all("style")).text
_LIGHT, _DARK = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in _STYLE.split("@media", 1)[0:2])
#: Foreground, background, least contrast: 4.5 for text, 3 for edges and focus (WCAG 1.4.3, 1.4.11).
_PAIRS = [
    ("ink", "paper", 4.5), ("ink", "card", 4.5), ("soft", "paper", 4.5), ("soft", "card", 4.5), ("soft", "demo", 4.5),
    ("act", "card", 4.5), ("act", "paper", 4.5), ("act-over", "card", 4.5), ("on-act", "act", 4.5),
    ("on-act", "act-over", 4.5), ("warn", "warn-paper", 4.5), ("note", "note-paper", 4.5), ("edge", "card", 3),
    ("focus", "card", 3), ("focus", "paper", 3),
]  # fmt: skip


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", [_LIGHT, _DARK], ids=["light", "dark"])
def test_everything_can_be_told_from_what_is_behind_it(colours: dict[str, str]) -> None:
    for front, back, least in _PAIRS:
        one, other = sorted((_luminance(colours[front]), _luminance(colours[back])))
        assert (other + 0.05) / (one + 0.05) >= least, (front, back)
