"""The composition root, the only room that knows everybody: materials, adapters, flows, endpoints, listeners."""

from dcrgw.app.gateway import Gateway, start

__all__ = ["Gateway", "start"]
