-- What clients asked of the servers that stand behind markets, after it was judged: the most that a token may hold.

-- The grant itself is the server's; what it released is kept as grants, refresh_tokens and access_tokens are.
CREATE TABLE asked_requests (
  id          INTEGER PRIMARY KEY,
  hash        TEXT NOT NULL,             -- SHA-256 of the server's request_uri, or of the request, hex
  client      INTEGER NOT NULL REFERENCES clients (id),
  challenge   TEXT NOT NULL,             -- S256 code_challenge: the code comes back with its verifier
  request     TEXT NOT NULL,             -- JSON
  expires_at  REAL NOT NULL,             -- epoch seconds
  UNIQUE (client, hash)
) STRICT;

CREATE INDEX asked_requests_by_hash ON asked_requests (hash);
CREATE INDEX asked_requests_by_challenge ON asked_requests (client, challenge);
CREATE INDEX asked_requests_by_expiry ON asked_requests (expires_at);
