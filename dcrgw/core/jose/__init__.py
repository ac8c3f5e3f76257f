"""The only door to JWS: `reader.read` -> `Unverified`, `verification.verify` -> proven, `reasons.JoseRefused` -> no."""
