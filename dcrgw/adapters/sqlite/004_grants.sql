-- From a pushed request to a grant and what hangs on it. Codes, refresh tokens and request_uris are known by their hashes.

-- What a person granted; codes and tokens go with it.
CREATE TABLE grants (
  id                INTEGER PRIMARY KEY,
  grant_id          TEXT NOT NULL UNIQUE,
  client            INTEGER NOT NULL REFERENCES clients (id),
  sub               TEXT NOT NULL,
  scope             TEXT NOT NULL,       -- separated by blanks
  details           TEXT NOT NULL,       -- authorization_details, JSON
  authenticated_at  REAL NOT NULL,       -- epoch seconds
  granted_at        REAL NOT NULL,       -- epoch seconds
  expires_at        REAL NOT NULL        -- epoch seconds; when its last code or token ends
) STRICT;

CREATE INDEX grants_by_client ON grants (client);
CREATE INDEX grants_by_expiry ON grants (expires_at);

CREATE TABLE pushed_requests (
  id          INTEGER PRIMARY KEY,
  hash        TEXT NOT NULL UNIQUE,      -- SHA-256 of the request_uri, hex
  client      INTEGER NOT NULL REFERENCES clients (id),
  request     TEXT NOT NULL,             -- JSON
  expires_at  REAL NOT NULL              -- epoch seconds
) STRICT;

CREATE INDEX pushed_requests_by_client ON pushed_requests (client);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);

-- A request that waits for a person.
CREATE TABLE interactions (
  id                INTEGER PRIMARY KEY,
  interaction_id    TEXT NOT NULL UNIQUE,
  key_hash          TEXT NOT NULL,       -- SHA-256 of the browser's key, hex
  client            INTEGER NOT NULL REFERENCES clients (id),
  request           TEXT NOT NULL,       -- JSON
  texts             TEXT NOT NULL,       -- JSON
  pushed            TEXT,                -- hash of the request_uri that ends with it
  begun_at          REAL NOT NULL,       -- epoch seconds
  expires_at        REAL NOT NULL,       -- epoch seconds
  sub               TEXT,
  customer          TEXT,                -- the customer's name
  authenticated_at  REAL,                -- epoch seconds
  CHECK ((sub IS NULL) = (authenticated_at IS NULL))
) STRICT;

CREATE INDEX interactions_by_client ON interactions (client);
CREATE INDEX interactions_by_expiry ON interactions (expires_at);

-- A used code stays as long as its grant: a second use must be known for what it is.
CREATE TABLE codes (
  id              INTEGER PRIMARY KEY,
  hash            TEXT NOT NULL UNIQUE,  -- SHA-256 of the code, hex
  granted         INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  redirect_uri    TEXT NOT NULL,
  code_challenge  TEXT NOT NULL,
  nonce           TEXT,
  expires_at      REAL NOT NULL,         -- epoch seconds
  used            INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX codes_by_grant ON codes (granted);

-- A used refresh token was rotated out.
CREATE TABLE refresh_tokens (
  id          INTEGER PRIMARY KEY,
  hash        TEXT NOT NULL UNIQUE,      -- SHA-256 of the token, hex
  granted     INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  expires_at  REAL NOT NULL,             -- epoch seconds
  used        INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (granted);

-- An access token of a grant, or of the client itself; its details may be fewer than the grant's.
ALTER TABLE access_tokens ADD COLUMN granted INTEGER REFERENCES grants (id) ON DELETE CASCADE;
ALTER TABLE access_tokens ADD COLUMN sub TEXT;
ALTER TABLE access_tokens ADD COLUMN details TEXT;

CREATE INDEX access_tokens_by_grant ON access_tokens (granted) WHERE granted IS NOT NULL;
