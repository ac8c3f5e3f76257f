-- Rowid tables with unique text keys: wide documents make WITHOUT ROWID slower as the table grows.

-- A software statement stands here once, however many clients it registered.
CREATE TABLE statements (
  id      INTEGER PRIMARY KEY,
  digest  TEXT NOT NULL UNIQUE,   -- SHA-256 of the compact JWS, hex
  jws     TEXT NOT NULL,
  claims  TEXT NOT NULL           -- its claims as read, JSON
) STRICT;

CREATE TABLE clients (
  id              INTEGER PRIMARY KEY,
  market          TEXT NOT NULL,
  client_id       TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('pending', 'active', 'suspended', 'revoked', 'deleted')),
  version         INTEGER NOT NULL CHECK (version >= 1),
  issued_at       INTEGER NOT NULL,   -- epoch seconds
  directory       TEXT,
  org_id          TEXT,
  software_id     TEXT,
  statement       INTEGER REFERENCES statements (id),
  ssa_jti         TEXT,
  x5t_s256        TEXT NOT NULL,
  subject_key     TEXT NOT NULL,
  request_digest  TEXT NOT NULL,
  document        TEXT NOT NULL,      -- metadata, attributes and sealed secrets, JSON
  UNIQUE (market, client_id)
) STRICT;

CREATE INDEX clients_by_software ON clients (market, directory, software_id);
CREATE INDEX clients_by_organisation ON clients (market, directory, org_id);

-- Which registration the same bytes from the same certificate subject made before.
CREATE TABLE requests (
  id              INTEGER PRIMARY KEY,
  market          TEXT NOT NULL,
  request_digest  TEXT NOT NULL,
  subject_key     TEXT NOT NULL,
  client          INTEGER NOT NULL REFERENCES clients (id),
  UNIQUE (market, request_digest, subject_key)
) STRICT;

-- A jti that a stored registration used up, with the bytes that used it.
CREATE TABLE used_tokens (
  id              INTEGER PRIMARY KEY,
  market          TEXT NOT NULL,
  kind            TEXT NOT NULL,
  issuer          TEXT NOT NULL,
  jti             TEXT NOT NULL,
  request_digest  TEXT NOT NULL,
  subject_key     TEXT NOT NULL,
  expires_at      REAL NOT NULL,      -- epoch seconds
  UNIQUE (market, kind, issuer, jti)
) STRICT;

CREATE INDEX used_tokens_by_expiry ON used_tokens (expires_at);

-- Rows are only ever appended, so `sequence` has no gaps.
CREATE TABLE audit (
  sequence        INTEGER PRIMARY KEY,
  report_id       TEXT NOT NULL,
  interaction_id  TEXT NOT NULL,
  at              REAL NOT NULL,      -- epoch seconds
  operation       TEXT NOT NULL,
  market          TEXT NOT NULL,
  decision        TEXT NOT NULL,
  author          TEXT NOT NULL,
  client_id       TEXT,
  org_id          TEXT,
  software_id     TEXT,
  findings        TEXT NOT NULL,      -- JSON
  facts           TEXT NOT NULL       -- JSON
) STRICT;

CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

-- INSERT OR REPLACE would delete without firing the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence)
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
