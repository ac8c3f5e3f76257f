-- What the authorization server behind a market has yet to be told: one errand a client at most, gone once it is over.

CREATE TABLE errands (
  id             INTEGER PRIMARY KEY,
  key            TEXT NOT NULL UNIQUE,
  act            TEXT NOT NULL CHECK (act IN ('create', 'update', 'delete')),
  market         TEXT NOT NULL,
  client_id      TEXT NOT NULL,
  begun_at       REAL NOT NULL,              -- epoch seconds
  due_at         REAL NOT NULL,              -- epoch seconds
  attempts       INTEGER NOT NULL DEFAULT 0, -- claims so far: what tells a claim from a later one
  claimed_until  REAL NOT NULL DEFAULT 0,    -- epoch seconds
  unsure         INTEGER NOT NULL DEFAULT 0, -- an attempt may have reached the server, and nobody knows what came of it
  yields         INTEGER NOT NULL DEFAULT 0, -- nobody asked for it: a request for the client may take its place
  trouble        TEXT NOT NULL DEFAULT '',
  sealed         TEXT NOT NULL,              -- the rest of it, JSON: credentials stand in it
  UNIQUE (market, client_id)
) STRICT;

CREATE INDEX errands_by_due ON errands (due_at);
