-- The bank's scripts that are managed over the administration: every change is a row, and none is ever changed.

CREATE TABLE script_revisions (
  id        INTEGER PRIMARY KEY,   -- grows with every change: what a watcher asks for
  inum      TEXT NOT NULL,
  revision  INTEGER NOT NULL,      -- of the entry, from 1; never given again
  change    TEXT NOT NULL CHECK (change IN ('added', 'changed', 'enabled', 'disabled', 'rolled back', 'deleted')),
  at        REAL NOT NULL,         -- epoch seconds
  author    TEXT NOT NULL,
  reason    TEXT NOT NULL,
  document  TEXT NOT NULL,         -- the whole entry but its secrets, JSON
  sealed    TEXT,                  -- its secrets, sealed; references to secrets are no secrets
  UNIQUE (inum, revision)
) STRICT;

CREATE TRIGGER script_revisions_are_not_updated BEFORE UPDATE ON script_revisions
BEGIN
  SELECT RAISE(ABORT, 'the history of scripts is append-only');
END;

CREATE TRIGGER script_revisions_are_not_deleted BEFORE DELETE ON script_revisions
BEGIN
  SELECT RAISE(ABORT, 'the history of scripts is append-only');
END;

-- The entries as they stand.
CREATE TABLE scripts (
  inum      TEXT PRIMARY KEY,
  type      TEXT NOT NULL,
  name      TEXT NOT NULL,
  revision  INTEGER NOT NULL,
  UNIQUE (type, name),
  FOREIGN KEY (inum, revision) REFERENCES script_revisions (inum, revision)
) STRICT;
