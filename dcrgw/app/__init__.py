"""The composition root: materials -> adapters -> flows -> endpoints -> listeners. The only room that knows everybody."""

from dcrgw.app.gateway import Gateway, start

__all__ = ["Gateway", "start"]
