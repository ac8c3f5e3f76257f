-- A client's life after its registration: changed, ended, found again; and the tokens it holds.

ALTER TABLE clients ADD COLUMN registration_access_token_hash TEXT;

-- What an operator's text is sought in: ids and names, case-folded, one a line.
ALTER TABLE clients ADD COLUMN sought TEXT NOT NULL DEFAULT '';

UPDATE clients SET sought = lower(concat) FROM (
  SELECT c.id AS of, c.client_id || char(10) || coalesce(c.org_id, '') || char(10) || coalesce(c.software_id, '')
    || char(10) || coalesce(substr(json_extract(c.document, '$.metadata.client_name'), 1, 200), '')
    || char(10) || coalesce(substr(json_extract(s.claims, '$.org_name'), 1, 200), '') AS concat
  FROM clients c LEFT JOIN statements s ON s.id = c.statement
) WHERE of = clients.id;

-- An operator knows an id, seldom the directory that gave it; each index ends in the order of the pages.
DROP INDEX clients_by_software;
DROP INDEX clients_by_organisation;
CREATE INDEX clients_by_software ON clients (software_id, market, client_id);
CREATE INDEX clients_by_organisation ON clients (org_id, market, client_id);
-- Nearly all clients are active: the others are what is looked for.
CREATE INDEX clients_not_active ON clients (status, market, client_id) WHERE status <> 'active';
-- A text is sought by reading this index alone, never the wide rows.
CREATE INDEX clients_by_text ON clients (market, client_id, sought);

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

CREATE INDEX audit_by_client ON audit (market, client_id) WHERE client_id IS NOT NULL;
