"""What a person sees: pages made on the server, without a line of JavaScript. Templates, texts and style are data."""

from dcrgw.endpoints.pages.rendering import Page, Pages

__all__ = ["Page", "Pages"]
