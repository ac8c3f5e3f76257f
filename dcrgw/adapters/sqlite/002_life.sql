-- A client's life after its registration: changed, ended, found again; and the tokens it holds.
-- Each index costs every registration a page somewhere in it, so what can be appended is not indexed by a random id.

ALTER TABLE clients ADD COLUMN registration_access_token_hash TEXT;

-- An operator knows an id, seldom the directory that gave it; each index ends in the order of the pages.
DROP INDEX clients_by_software;
DROP INDEX clients_by_organisation;
CREATE INDEX clients_by_software ON clients (software_id, market, client_id);
CREATE INDEX clients_by_organisation ON clients (org_id, market, client_id);
-- Nearly all clients are active: the others are what is looked for.
CREATE INDEX clients_not_active ON clients (status, market, client_id) WHERE status <> 'active';

-- What an operator's text is sought in: narrow rows beside the wide ones, read from end to end.
CREATE TABLE client_texts (
  client     INTEGER PRIMARY KEY REFERENCES clients (id),
  market     TEXT NOT NULL,
  client_id  TEXT NOT NULL,
  sought     TEXT NOT NULL        -- ids and names, case-folded, one a line
) STRICT;

INSERT INTO client_texts (client, market, client_id, sought)
SELECT c.id, c.market, c.client_id,
  lower(c.client_id || char(10) || coalesce(c.org_id, '') || char(10) || coalesce(c.software_id, '') || char(10)
    || coalesce(substr(json_extract(c.document, '$.metadata.client_name'), 1, 200), '') || char(10)
    || coalesce(substr(json_extract(s.claims, '$.org_name'), 1, 200), ''))
FROM clients c LEFT JOIN statements s ON s.id = c.statement;

-- A token is known by its hash; the token itself is nowhere.
CREATE TABLE access_tokens (
  id          INTEGER PRIMARY KEY,
  hash        TEXT NOT NULL UNIQUE,   -- SHA-256 of the token, hex
  client      INTEGER NOT NULL REFERENCES clients (id),
  scope       TEXT NOT NULL,          -- separated by blanks
  issued_at   REAL NOT NULL,          -- epoch seconds
  expires_at  REAL NOT NULL,          -- epoch seconds
  x5t_s256    TEXT                    -- the certificate that it is bound to
) STRICT;

CREATE INDEX access_tokens_by_client ON access_tokens (client);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

-- A client's history. The rows of before learn whose they are; then the trail is append-only again.
ALTER TABLE audit ADD COLUMN client INTEGER;

DROP TRIGGER audit_is_not_updated;
UPDATE audit SET client = (SELECT c.id FROM clients c WHERE c.market = audit.market AND c.client_id = audit.client_id)
WHERE client_id IS NOT NULL;
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE INDEX audit_by_client ON audit (client) WHERE client IS NOT NULL;
