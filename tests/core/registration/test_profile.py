"""Profiles: read with complaints that name the key, inherited, and overridden in few points only."""

from __future__ import annotations

import re
from typing import Any

import pytest

import dcrgw.app  # noqa: F401  (declares every check)
from dcrgw.core.checks import CATALOGUE
from dcrgw.core.registration.profile import OVERRIDABLE, Profile, from_document, resolve
from dcrgw.testkit.markets import profile, profile_document

NAMES = ("obuk-3.2", "obuk-3.3", "obuk-3.4", "obuk-3.1", "rfc7591", "br-of", "au-cdr")


def document(name: str = "obuk-3.2") -> dict[str, Any]:
    return resolve(profile_document(name), profile_document)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_profile_is_sound(name: str) -> None:
    made = profile(name)
    assert isinstance(made, Profile)
    assert made.name == name


def test_versions_differ_as_the_standard_says() -> None:
    v32, v33, v34 = (profile(name).metadata for name in NAMES[:3])
    assert not v32.ciba
    assert v33.ciba
    assert v34.ciba
    assert v33.members - v32.members == {name for name in v33.members if name.startswith("backchannel")}
    assert (v33.subject_dn_max_length, v34.subject_dn_max_length) == (128, 512)
    assert (v33.application_types, v34.application_types) == ({"web", "mobile"}, {"web", "native"})
    assert len(v34.grant_types) == len(v33.grant_types) + 1 == len(v32.grant_types) + 2


@pytest.mark.parametrize("name", NAMES)
def test_no_shipped_profile_takes_a_weak_algorithm_or_the_implicit_grant(name: str) -> None:
    made = profile(name)
    algorithms = made.statement.algorithms | made.request.algorithms | made.metadata.signing_algorithms
    assert not [a for a in algorithms if a == "none" or a.startswith("HS")]
    # Brazil's clients name implicit beside authorization_code, since OpenID Connect pairs it with `code id_token`.
    assert not made.metadata.grant_types & {"implicit", "password"} or name == "br-of"
    assert all("code" in response_type.split(" ") for response_type in made.metadata.response_types)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.dn_match", "loose"),
        ("standing", "maybe"),
        ("identity.obwac", "cn=anything"),
        ("statement.max_age_s", -1),
        ("statement.max_age_s", True),
        ("statement.required", "yes"),
        ("statement.types", "jwt"),
        ("metadata.role_scopes.AISP", "accounts"),
        ("metadata.role_scopes", []),
        ("metadata", "x"),
        ("statement.software_id_pattern", "("),
        ("statement.surprise", 1),
        ("statement.roles_form", "list"),
        ("statement.algorithms", ["none"]),
        ("statement.claims.surprise", "x"),
        ("request.algorithms", ["PS1"]),
        ("metadata.members", ["surprise"]),
        ("metadata.from_statement.surprise", "x"),
        ("metadata.aliases.dn", "surprise"),
        ("metadata.required", ["jwks_by_value"]),
        ("identity.passport", "none"),
        ("error_codes.statement.iss.known", "invalid_everything"),
        ("surprise", 1),
    ],
)
def test_wrong_value_is_refused_by_its_key(path: str, value: object) -> None:
    broken = document()
    *parents, last = ["error_codes", path[12:]] if path.startswith("error_codes.") else path.split(".")
    table: Any = broken
    for parent in parents:
        table[parent] = dict(table[parent])
        table = table[parent]
    table[last] = value
    # A table of strings or lists is read whole, so its reader names the table.
    of_table = re.match(
        r"metadata\.(role_scopes|aliases|from_statement)|statement\.claims|error_codes|identity(?=\.passport)", path
    )
    named = of_table[0] if of_table else path
    with pytest.raises(ValueError, match=f"^{re.escape(named)}: "):
        from_document("broken", broken)


@pytest.mark.parametrize("key", ["title", "statement", "identity", "flatten_statement"])
def test_missing_key_is_named(key: str) -> None:
    broken = document()
    del broken[key]
    with pytest.raises(ValueError, match=f"^{key}: missing"):
        from_document("broken", broken)


def test_inheritance_merges_tables_adds_lists_and_replaces_the_rest() -> None:
    parent = {"a": {"x": 1, "list": ["p"]}, "b": [1], "c": 1}
    child = {"extends": "parent", "a": {"y": 2, "+list": ["q"]}, "b": [2]}
    assert resolve(child, {"parent": parent}.__getitem__) == {
        "a": {"x": 1, "y": 2, "list": ["p", "q"]},
        "b": [2],
        "c": 1,
    }
    assert parent["a"] == {"x": 1, "list": ["p"]}


def test_a_table_may_be_replaced_whole() -> None:
    parent = {"a": {"x": 1}, "b": {"deep": {"x": 1}}}
    child = {"extends": "parent", "=a": {"y": 2}, "b": {"=deep": {"z": 3}}}
    assert resolve(child, {"parent": parent}.__getitem__) == {"a": {"y": 2}, "b": {"deep": {"z": 3}}}
    for wrong in ({"=a": 1}, {"=c": {}}):
        with pytest.raises(ValueError, match="="):
            resolve({"extends": "parent", **wrong}, {"parent": parent}.__getitem__)


def test_inheritance_that_comes_back_to_itself_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^extends"):
        resolve({"extends": "self"}, lambda _name: {"extends": "self"})


@pytest.mark.parametrize("child", [{"extends": 1}, {"extends": "p", "+x": [1]}, {"extends": "p", "+a": "no list"}])
def test_inheritance_without_sense_is_refused(child: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"extends|\+"):
        resolve(child, lambda _name: {"a": [1]})


def test_bank_may_override_what_the_standard_leaves_to_it() -> None:
    made = profile().with_policy(
        {
            "statement_max_age_s": 60,
            "request_max_lifetime_s": 300,
            "dn_match": "subset",
            "duplicates_allowed": False,
            "redirect_uris_default_to_statement": False,
            "statement_environments": ["Production"],
        }
    )
    assert made.statement.max_age_s == 60
    assert made.request.max_lifetime_s == 300
    assert made.metadata.dn_match == "subset"
    assert not made.duplicates_allowed
    assert made.statement.environments == {"production"}
    assert made.statement.claims == profile().statement.claims


@pytest.mark.parametrize(
    "policy",
    [
        {"algorithms": ["RS256"]},
        {"statement_max_age_s": "60"},
        {"statement_max_age_s": True},
        {"statement_max_age_s": -1},
        {"request_max_lifetime_s": 0},
        {"request_max_lifetime_s": 10**9},
        {"dn_match": "loose"},
        {"duplicates_allowed": 1},
        {"statement_environments": "production"},
        {"statement_required": False},
    ],
)
def test_override_without_sense_is_refused_by_its_key(policy: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(policy))}"):
        profile().with_policy(policy)


def test_statement_may_be_required_where_the_profile_leaves_it_open() -> None:
    assert profile("rfc7591").with_policy({"statement_required": True}).statement.required


def test_every_override_has_a_field_and_a_sentence() -> None:
    for override in OVERRIDABLE.values():
        owner = getattr(profile(), override.section) if override.section else profile()
        assert hasattr(owner, override.field)
        assert override.sentence.endswith(".")


def test_a_market_cites_its_own_texts_and_everybodys() -> None:
    spec = "OB UK DCR, scope; FAPI 1.0 Advanced §8.6; RFC 7591 §2; OpenID Connect Registration 1.0 §2"
    assert profile("obuk-3.4").cited(spec) == spec
    assert profile("rfc7591").cited(spec) == "RFC 7591 §2; OpenID Connect Registration 1.0 §2"


def test_a_market_without_a_text_for_a_check_cites_its_profile() -> None:
    plain = profile("rfc7591")
    assert plain.cited("OB Directory API, OBThirdPartyProviders") == plain.title


@pytest.mark.parametrize("prefix", ["statement.", "request.", "rules.", "tls.", "identity."])
def test_every_check_of_a_registration_has_a_text_that_is_everybodys(prefix: str) -> None:
    plain = profile("rfc7591")
    silent = [
        each.id for each in CATALOGUE.values() if each.id.startswith(prefix) and plain.cited(each.spec) == plain.title
    ]
    assert silent == []
