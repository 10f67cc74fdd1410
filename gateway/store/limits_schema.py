"""The tables of keys, counters and the ledger, as SQLite has them, and how they came about: one
step for each version of the schema.
"""

from collections.abc import Mapping
from typing import Final

STEPS: Final = (
    """
CREATE TABLE keys(id TEXT PRIMARY KEY, name TEXT NOT NULL, team TEXT, state TEXT NOT NULL,
  personas TEXT, limits TEXT NOT NULL, metadata TEXT NOT NULL, expires_at INT,
  created_at INT NOT NULL, created_by TEXT NOT NULL, last_used_at INT, rev INT NOT NULL);
CREATE INDEX keys_rev ON keys(rev);
CREATE TABLE secrets(digest BLOB PRIMARY KEY, key_id TEXT NOT NULL REFERENCES keys, hint TEXT,
  created_at INT NOT NULL, valid_until INT) WITHOUT ROWID;
CREATE INDEX secrets_key ON secrets(key_id);
CREATE TABLE counters(scope TEXT, name TEXT, win INT, leased INT NOT NULL DEFAULT 0,
  spent INT NOT NULL DEFAULT 0, recall INT NOT NULL DEFAULT 0, PRIMARY KEY(scope, name, win))
  WITHOUT ROWID;
CREATE TABLE leases(instance TEXT, scope TEXT, name TEXT, win INT, amount INT NOT NULL,
  answered INT NOT NULL DEFAULT 0, PRIMARY KEY(instance, scope, name, win)) WITHOUT ROWID;
CREATE INDEX leases_counter ON leases(scope, name, win);
CREATE TABLE instances(id TEXT PRIMARY KEY, started INT NOT NULL, seen INT NOT NULL) WITHOUT ROWID;
CREATE TABLE raises(scope TEXT, name TEXT, by INT NOT NULL, until INT NOT NULL,
  created_at INT NOT NULL);
CREATE TABLE ledger(id TEXT PRIMARY KEY, at INT NOT NULL, day INT NOT NULL, key_id TEXT NOT NULL,
  team TEXT NOT NULL, persona TEXT NOT NULL, user TEXT NOT NULL, provider TEXT NOT NULL,
  model TEXT NOT NULL, state TEXT NOT NULL, attempts INT NOT NULL, input INT NOT NULL,
  cached INT NOT NULL, written INT NOT NULL, output INT NOT NULL, reasoning INT NOT NULL, cost INT,
  revision TEXT NOT NULL, decision TEXT NOT NULL, request TEXT NOT NULL, amends TEXT, why TEXT,
  charges TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX ledger_key ON ledger(key_id, id);
CREATE TABLE spend_day(day INT, key_id TEXT, team TEXT, persona TEXT, model TEXT, requests INT,
  input INT, cached INT, output INT, cost INT, estimated INT, unpriced INT,
  PRIMARY KEY(day, key_id, team, persona, model)) WITHOUT ROWID;
CREATE TABLE changes(rev INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL, what TEXT NOT NULL,
  id TEXT NOT NULL);
CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL, who TEXT NOT NULL,
  ip TEXT NOT NULL, action TEXT NOT NULL, what TEXT NOT NULL, before TEXT, after TEXT,
  chain TEXT NOT NULL);
CREATE TABLE meta(k TEXT PRIMARY KEY, v INT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('recall', 0);
""",
    """
ALTER TABLE keys ADD COLUMN scopes TEXT;
CREATE TABLE teams(id TEXT PRIMARY KEY, personas TEXT, limits TEXT NOT NULL,
  metadata TEXT NOT NULL, rev INT NOT NULL);
CREATE TABLE idempotent(id TEXT PRIMARY KEY, at INT NOT NULL, request TEXT NOT NULL,
  answer TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE presumed(instance TEXT PRIMARY KEY, row_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE spend_total(day INT, team TEXT, persona TEXT, model TEXT, requests INT, input INT,
  cached INT, output INT, cost INT, estimated INT, unpriced INT,
  PRIMARY KEY(day, team, persona, model)) WITHOUT ROWID;
CREATE TABLE spend_key(day INT, key_id TEXT, team TEXT, requests INT, input INT, cached INT,
  output INT, cost INT, estimated INT, unpriced INT, PRIMARY KEY(day, key_id, team)) WITHOUT ROWID;
CREATE INDEX spend_key_of ON spend_key(key_id, day);
CREATE INDEX spend_day_of ON spend_day(key_id, day);
INSERT INTO spend_total SELECT day, team, persona, model, SUM(requests), SUM(input), SUM(cached),
  SUM(output), SUM(cost), SUM(estimated), SUM(unpriced) FROM spend_day
  GROUP BY day, team, persona, model;
INSERT INTO spend_key SELECT day, key_id, team, SUM(requests), SUM(input), SUM(cached),
  SUM(output), SUM(cost), SUM(estimated), SUM(unpriced) FROM spend_day GROUP BY day, key_id, team;
CREATE TABLE carried(scope TEXT, name TEXT, win INT, amount INT NOT NULL,
  PRIMARY KEY(scope, name, win)) WITHOUT ROWID;
""",
    """
CREATE TABLE spenders(key_id TEXT, team TEXT, PRIMARY KEY(key_id, team)) WITHOUT ROWID;
CREATE TABLE spend_until(key_id TEXT, team TEXT, day INT, requests INT NOT NULL, input INT NOT NULL,
  cached INT NOT NULL, output INT NOT NULL, cost INT NOT NULL, estimated INT NOT NULL,
  unpriced INT NOT NULL, PRIMARY KEY(key_id, team, day)) WITHOUT ROWID;
INSERT INTO spenders SELECT DISTINCT key_id, team FROM spend_key;
INSERT INTO spend_until SELECT key_id, team, day, SUM(requests) OVER before, SUM(input) OVER before,
  SUM(cached) OVER before, SUM(output) OVER before, SUM(cost) OVER before,
  SUM(estimated) OVER before, SUM(unpriced) OVER before FROM spend_key
  WINDOW before AS (PARTITION BY key_id, team ORDER BY day);
""",
    """
ALTER TABLE keys ADD COLUMN direct_models INT;
""",
)
"""What each version adds to the one before it. A step that was released is never changed."""

OF_SPENDER: Final = """
INSERT INTO spenders SELECT NEW.key_id, NEW.team WHERE NOT EXISTS (SELECT 1 FROM spenders
  WHERE key_id = NEW.key_id AND team = NEW.team);
INSERT INTO spend_until SELECT NEW.key_id, NEW.team, NEW.day, COALESCE(MAX(u.requests), 0),
  COALESCE(MAX(u.input), 0), COALESCE(MAX(u.cached), 0), COALESCE(MAX(u.output), 0),
  COALESCE(MAX(u.cost), 0), COALESCE(MAX(u.estimated), 0), COALESCE(MAX(u.unpriced), 0)
  FROM (SELECT * FROM spend_until WHERE key_id = NEW.key_id AND team = NEW.team
  AND day < NEW.day ORDER BY day DESC LIMIT 1) AS u;
UPDATE spend_until SET requests = requests + NEW.requests, input = input + NEW.input,
  cached = cached + NEW.cached, output = output + NEW.output, cost = cost + NEW.cost,
  estimated = estimated + NEW.estimated, unpriced = unpriced + NEW.unpriced
  WHERE key_id = NEW.key_id AND team = NEW.team AND day >= NEW.day;
"""
"""What a new row of `spend_key` does to the running sums: its own day's begins as the one before
it, and then that and all later ones grow."""
OF_SPENDING: Final = """
UPDATE spend_until SET requests = requests + NEW.requests - OLD.requests,
  input = input + NEW.input - OLD.input, cached = cached + NEW.cached - OLD.cached,
  output = output + NEW.output - OLD.output, cost = cost + NEW.cost - OLD.cost,
  estimated = estimated + NEW.estimated - OLD.estimated,
  unpriced = unpriced + NEW.unpriced - OLD.unpriced
  WHERE key_id = NEW.key_id AND team = NEW.team AND day >= NEW.day;
"""
"""What a change of one does."""
_TRIGGERS: Final[Mapping[int, tuple[str, ...]]] = {
    2: (
        f"CREATE TRIGGER spender AFTER INSERT ON spend_key BEGIN {OF_SPENDER} END",
        f"CREATE TRIGGER spending AFTER UPDATE ON spend_key BEGIN {OF_SPENDING} END",
    ),
}
"""Of a step, after its statements: kept by the database, so that a program of the step before it,
which does not know the tables, keeps them too."""


def statements(number: int, step: str) -> list[str]:
    """Of a step, the first being 0."""
    return [*filter(str.strip, step.split(";")), *_TRIGGERS.get(number, ())]
