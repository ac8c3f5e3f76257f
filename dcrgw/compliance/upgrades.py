"""Older bundles in the present shape: one step a version, on plain JSON.

A field that a value gets later needs a default that means what was so before it was there, or a line in a step here.
The bundles under tests/compliance/golden are of every version: they tell when either was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Content = dict[str, Any]


def upgraded(content: Content, version: int, present: int) -> Content:
    """The content of a bundle of `version` as the present version has it."""
    for step in range(version, present):
        try:
            content = _STEPS[step](content)
        except (KeyError, TypeError):
            raise ValueError(f"is not a content of version {step}") from None
    return content


def _from_1(content: Content) -> Content:
    """Version 2 tells how long things took."""
    profile = {**_PROFILE_BEFORE, **content["market"]["profile"]}
    return {**content, "market": {**content["market"], "profile": profile}, "timings": [], "roll": _ROLL_AT[1]}


def _from_2(content: Content) -> Content:
    """Version 3 tells more of a market's statements, metadata and errors."""
    profile = {**_BEFORE_3, **content["market"]["profile"]}
    profile["statement"] = {**_STATEMENT_BEFORE_3, **profile["statement"]}
    profile["metadata"] = {**_METADATA_BEFORE_3, **profile["metadata"]}
    return {"roll": _ROLL_AT[2], **content, "market": {**content["market"], "profile": profile}}


def _from_3(content: Content) -> Content:
    """Version 4 tells how far the roll went, and of what passed, or did not apply, one text."""
    return {"roll": _ROLL_AT[3], **content}


#: How far the roll of checks and port methods went for a version's dcrgw; since version 4 a bundle says it itself.
_ROLL_AT: Mapping[int, int] = {1: 244, 2: 362, 3: 382}

#: What a profile said by not saying it, before version 2.
_PROFILE_BEFORE: Mapping[str, Any] = {"certificate_roles_limit_scopes": False}

#: The same before version 3, of the whole and of two parts.
_BEFORE_3: Mapping[str, Any] = {"management_scope": "", "error_codes": {}}
_STATEMENT_BEFORE_3: Mapping[str, Any] = {
    "roles_form": "words",
    "admitted_roles": [],
    "jwks_on_directory_hosts": True,
}
_METADATA_BEFORE_3: Mapping[str, Any] = {
    "forbidden": [],
    "aliases": {},
    "needed_grant_types": [],
    "response_type_members": {},
    "scope_may_be_list": False,
    "scope_defaults_to_roles": False,
    "drops_unknown_scopes": False,
}

_STEPS: Mapping[int, Callable[[Content], Content]] = {1: _from_1, 2: _from_2, 3: _from_3}
