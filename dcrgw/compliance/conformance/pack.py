"""What a conformance pack says: cases, their steps, and the answers that the standard allows.

A pack is a TOML file (docs/pack.schema.json, docs/conformance.md). Any text in a case may hold references,
`${tpp.software_id}`, that are filled in when the case is played (`filling`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

FORMAT = 1

#: A reference in place of a word from a list.
Reference = Annotated[str, StringConstraints(pattern=r"^\$\{[a-z_0-9.]+\}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Table = dict[str, Any]
Names = tuple[Text, ...]

#: What is broken after signing; `padded` and `blank` leave the signature right and the base64url wrong.
Damage = Literal["", "flipped", "cut", "empty", "claims-changed", "part-missing", "part-more", "padded", "blank"]
Severity = Literal["must", "should", "may"]
#: By which token a client manages its registration; `as-given`: a registration access token where the bank gives one.
Management = Literal["access-token", "registration-access-token", "as-given"]


class Part(BaseModel):
    """A table of a pack: every member named, every other one refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(Part):
    """What one member of a body, or one header, must be like. Without `absent` or `optional` it must be there."""

    is_: Any = Field(default=None, alias="is", description="Equal to this value.")
    is_not: Any = Field(default=None, description="Not this value.")
    one_of: list[Any] | str | None = None
    type: Literal["string", "integer", "boolean", "array", "object"] | None = None
    pattern: str | None = Field(default=None, description="A regular expression for the whole text.")
    min: int | None = Field(default=None, description="Least number, or length of a text or an array.")
    max: int | None = Field(default=None, description="Greatest number, or length of a text or an array.")
    has: list[Any] | str | None = Field(default=None, description="Holds all of these elements, or words of a text.")
    within: list[Any] | str | None = Field(
        default=None, description="Holds none but these elements, or words of a text."
    )
    each: Rule | None = Field(default=None, description="What every element must be like.")
    members: dict[str, Rule] = Field(default={}, description="What the members of an object must be like.")
    absent: bool = False
    optional: bool = Field(default=False, description="May be missing.")


class Expectation(Part):
    """One answer that the standard allows."""

    like: str | None = Field(default=None, description="A named expectation of the pack, to which this one adds.")
    status: tuple[int, ...] = ()
    errors: Names = Field(default=(), description="Allowed values of the member `error`.")
    body: Literal["json", "empty", "any"] = "any"
    members: dict[str, Rule] = {}
    headers: dict[str, Rule] = {}
    no_connection: bool = Field(default=False, description="The server may as well refuse the TLS connection.")
    then: Literal["go-on", "stop", "skip"] = Field(
        default="go-on",
        description="`stop`: the case has passed. `skip`: the bank does not offer this; `note` says what.",
    )
    note: str = ""


class Signature(Part):
    """How a signed request is signed: rightly, unless this says otherwise."""

    key: Literal["own", "stranger", "public-key-as-secret", "none"] | Reference = "own"
    alg: str | None = Field(default=None, description="The algorithm; else the usual one of the tester's key.")
    damage: Damage | Reference = ""


class Statement(Part):
    """Which software statement goes along: the tester's own, unless this says otherwise."""

    made: Literal["directory", "stranger", "tampered", "unsigned"] | Reference = Field(
        default="directory",
        description="Whose signature it has. Changed claims by the `directory` need the tester's hook.",
    )
    claims: Table = {}
    without: Names = ()
    header: Table = {}


class Step(Part):
    """One request and what may be answered to it."""

    do: Literal["register", "read", "update", "delete", "token", "fetch"] | Reference
    client: Text = Field(default="client", description="The name of the client in this case.")
    claims: Table = Field(default={}, description="Claims that replace or add.")
    without: Names = Field(default=(), description="Claims that are left out.")
    null: Names = Field(default=(), description="Claims that are null, which TOML cannot write.")
    header: Table = Field(default={}, description="Members of the JWS header that replace or add.")
    header_without: Names = ()
    sign: Signature = Signature()
    statement: Statement | None = None
    form: Literal["jws", "json"] | None = Field(default=None, description="The request's form; else the pack's.")
    media_type: str | None = None
    body: str | None = Field(default=None, description="This text in place of a request.")
    echo: bool = Field(
        default=False, description="All that the bank says is registered, in place of the pack's claims."
    )
    bare: bool = Field(default=False, description="Header and claims are those of the step alone.")
    again: bool = Field(default=False, description="The very bytes of the step before.")
    at_once: bool = Field(
        default=False,
        description="The very request of the step before, sent at the same moment on a connection of its own. Of the "
        "two answers the one that says yes is the first step's.",
    )
    certificate: Literal["own", "other", "stranger", "expired", "none"] | Reference = "own"
    token: Literal["own", "none", "empty", "unknown", "other"] | Reference = Field(
        default="own",
        description="What authorizes a management request; `other` is the token of the client named `other`.",
    )
    scheme: str = "Bearer"
    method: str | None = Field(default=None, description="Another HTTP method.")
    url: str | None = Field(default=None, description="Another URL; needed by `fetch`.")
    query: str = ""
    headers: dict[str, str] = {}
    auth_method: str | None = Field(default=None, description="Of a token request; else the registered one.")
    form_fields: dict[str, str] = Field(default={}, description="Fields of a token request that replace or add.")
    expect: tuple[str | Expectation, ...] = Field(min_length=1, description="All answers that are allowed.")


class Offer(Part):
    """Values that the bank's discovery document offers and that are usual; all usual ones where it is silent."""

    offered: Text = Field(description="The member of the discovery document.")
    usual: tuple[Any, ...] = Field(min_length=1, description="In the order of preference.")
    take: Literal["first", "all"] = "all"
    as_list: bool = Field(True, description="A list, even of one value.")


class Case(Part):
    """One demand of the standard."""

    id: Id
    title: Text
    clause: Text
    severity: Severity | Reference = "must"
    needs: Names = Field(default=(), description="What the tester or the discovery document must have.")
    each: tuple[str | dict[str, Any], ...] = Field(
        default=(), description="One case for each: a value, `${as}`, or a table of values with its name as `as`."
    )
    each_of: Offer | None = Field(default=None, description="One case for each value that the bank offers.")
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _at_once_in_pairs(self) -> Self:
        twins = [step.at_once for step in self.steps]
        if twins[0] or any(one and other for one, other in pairwise(twins)):
            raise ValueError("a step that is at_once stands behind one that is not")
        return self

    @property
    def moments(self) -> Iterator[tuple[Step, ...]]:
        """The steps, those together that are sent at the same moment."""
        for step, following in zip(self.steps, (*self.steps[1:], None), strict=True):
            if not step.at_once:
                yield (step, following) if following is not None and following.at_once else (step,)


class Request(Part):
    """A right request of this standard."""

    form: Literal["jws", "json"]
    media_type: Text
    header: Table = {}
    claims: Table
    chosen: dict[str, Offer] = Field(default={}, description="Claims that follow the bank's discovery document.")
    by_method: dict[str, Table] = Field(default={}, description="What each token_endpoint_auth_method needs beside it.")
    with_statement: Table = Field(default={}, description="Claims when the tester has a software statement.")
    without_statement: Table = Field(default={}, description="Claims when it has none, as far as it has their values.")


class Pack(Part):
    """A whole pack, what it extends included."""

    format: Literal[1]
    id: Id
    title: Text
    abstract: bool = Field(default=False, description="There only to be extended.")
    extends: tuple[Id, ...] = ()
    profile: str = Field(default="", description="The profile of a sandbox's market to which it belongs.")
    management: Management = "access-token"
    token_scope: str | None = Field(default=None, description="Scope of the token that manages a registration.")
    single_use_statements: bool = Field(default=False, description="Each request needs a statement of its own.")
    values: Table = Field(default={}, description="What cases refer to as `${values.NAME}`.")
    request: Request | None = None
    expect: dict[str, Expectation] = {}
    leave_out: Names = Field(default=(), description="Ids of inherited cases that this standard does not have.")
    case: tuple[Case, ...] = ()


def schema() -> dict[str, Any]:
    """The JSON Schema of a pack's file (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Pack.model_json_schema()}
