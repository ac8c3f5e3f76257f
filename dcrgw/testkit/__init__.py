"""Certificates, keys and statements of every kind, right and wrong, for tests and the sandbox. Never the gateway."""
