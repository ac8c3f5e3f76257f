"""What every section of the settings is made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

Int = Annotated[int, Strict()]


Bool = Annotated[bool, Strict()]


Seconds = Annotated[float, Strict()]


Port = Annotated[int, Strict(), Field(ge=0, le=65535)]


Text = Annotated[str, Strict(), Field(min_length=1)]

AuthMethod = Literal[
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
]


def like(text: str) -> dict[str, Any]:
    """The default in words, where it comes from another setting."""
    return {"x-default": text}


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
