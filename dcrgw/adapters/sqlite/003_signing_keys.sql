-- Our own signature keys: one signs, one is published to sign next, the others only prove what they signed.

CREATE TABLE signing_keys (
  id               INTEGER PRIMARY KEY,
  kid              TEXT NOT NULL UNIQUE,  -- RFC 7638 thumbprint
  alg              TEXT NOT NULL,
  state            TEXT NOT NULL CHECK (state IN ('next', 'current', 'retired')),
  since            REAL NOT NULL,         -- epoch seconds of the state
  published_until  REAL,                  -- epoch seconds; of retired keys only
  jwk              TEXT NOT NULL,         -- the public key, JSON
  sealed           TEXT,                  -- the private key; a retired key has none any more
  CHECK ((state = 'retired') = (sealed IS NULL)),
  CHECK ((state = 'retired') = (published_until IS NOT NULL))
) STRICT;

-- At most one current key and one next.
CREATE UNIQUE INDEX signing_keys_in_use ON signing_keys (state) WHERE state <> 'retired';
