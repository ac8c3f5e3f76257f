"""What every section of the settings is made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict

Int = Annotated[int, Strict()]


Bool = Annotated[bool, Strict()]


Seconds = Annotated[float, Strict()]


Port = Annotated[int, Strict(), Field(ge=0, le=65535)]


Text = Annotated[str, Strict(), Field(min_length=1)]


def like(text: str) -> dict[str, Any]:
    """The default in words, where it comes from another setting."""
    return {"x-default": text}


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
