// The schema of a Holdfast node on PostgreSQL, as the migrations that make it. A migration that was released is never changed: a new one follows it.
import { TABLES, type Table } from '../ports.ts';

/** The table of bytes that stands for a table of the contract. */
export function storeTable(table: Table): string {
  return `holdfast.store_${table}`;
}

/** Rows that are written over and over: free space in their pages lets PostgreSQL replace them in place. */
const BUSY: readonly Table[] = ['meta', 'log', 'frontier', 'latest'];
/** Values that deflate and ciphers have been over: to compress them again costs time and saves nothing. */
const PACKED: readonly Table[] = ['segment', 'quarantine'];

const stores = TABLES.map((table) => `
  CREATE TABLE ${storeTable(table)} (key bytea PRIMARY KEY, value bytea NOT NULL)${BUSY.includes(table) ? ' WITH (fillfactor = 70)' : ''};
  ${PACKED.includes(table) ? `ALTER TABLE ${storeTable(table)} ALTER COLUMN value SET STORAGE EXTERNAL;` : ''}`).join('');

const FIRST = `${stores}
  ALTER TABLE holdfast.store_latest ADD COLUMN stream text COLLATE "C", ADD COLUMN name text COLLATE "C", ADD COLUMN type text COLLATE "C", ADD COLUMN time timestamptz, ADD COLUMN body jsonb,
    ADD COLUMN node text COLLATE "C", ADD COLUMN id text COLLATE "C";
  CREATE INDEX store_latest_name ON holdfast.store_latest (stream, name);

  CREATE TABLE holdfast.event (
    time timestamptz NOT NULL, stream text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL, body jsonb NOT NULL, node text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL
  ) PARTITION BY RANGE (time);
  CREATE INDEX event_key ON holdfast.event (stream, key, time);
  CREATE INDEX event_stream ON holdfast.event (stream, time);
  CREATE INDEX event_body ON holdfast.event USING gin (body jsonb_path_ops);
  CREATE TABLE holdfast.tally (
    stream text COLLATE "C", node text COLLATE "C", events bigint NOT NULL, first timestamptz NOT NULL, last timestamptz NOT NULL, stored timestamptz NOT NULL, PRIMARY KEY (stream, node)
  ) WITH (fillfactor = 70);

  CREATE TABLE holdfast.step (one boolean PRIMARY KEY DEFAULT true CHECK (one), n bigint NOT NULL, process uuid, CONSTRAINT step_in_order CHECK (n >= 0)) WITH (fillfactor = 10);
  INSERT INTO holdfast.step (n) VALUES (0);
  CREATE TABLE holdfast.turn (one boolean PRIMARY KEY DEFAULT true CHECK (one));
  INSERT INTO holdfast.turn DEFAULT VALUES;
  CREATE TABLE holdfast.process (
    slot integer PRIMARY KEY CHECK (slot BETWEEN 0 AND 65535), id uuid NOT NULL UNIQUE, since bigint NOT NULL, seen bigint NOT NULL, lease timestamptz NOT NULL, fenced boolean NOT NULL DEFAULT false,
    name bytea, application text NOT NULL, mark text NOT NULL
  ) WITH (fillfactor = 50);
  CREATE TABLE holdfast.made (process uuid PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 10);
  CREATE TABLE holdfast.news (n bigint PRIMARY KEY, process uuid NOT NULL, changed bytea NOT NULL, moved bytea NOT NULL);
  CREATE TABLE holdfast.journal (process uuid, number bigint, record bytea NOT NULL, PRIMARY KEY (process, number));
  ALTER TABLE holdfast.journal ALTER COLUMN record SET STORAGE EXTERNAL;
  CREATE TABLE holdfast.document (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);
  ALTER TABLE holdfast.document ALTER COLUMN value SET STORAGE EXTERNAL;
  CREATE TABLE holdfast.member (node text COLLATE "C" PRIMARY KEY, name text COLLATE "C" NOT NULL, state text COLLATE "C" NOT NULL);

  CREATE VIEW holdfast.latest AS SELECT stream, name AS key, type, time, body, node, id FROM holdfast.store_latest WHERE stream IS NOT NULL;
  CREATE VIEW holdfast.events AS SELECT e.time, e.stream, e.key, e.type, e.body, e.node, e.id, m.name FROM holdfast.event e LEFT JOIN holdfast.member m ON m.node = e.node;
  CREATE VIEW holdfast.stream AS
    SELECT stream, sum(events)::bigint AS events, count(*) AS nodes, min(first) AS first, max(last) AS last, max(stored) AS stored FROM holdfast.tally WHERE events > 0 GROUP BY stream;
  CREATE VIEW holdfast.node AS
    SELECT coalesce(m.node, t.node) AS node, m.name, m.state, coalesce(t.events, 0) AS events, t.first, t.last, t.stored
    FROM holdfast.member m FULL JOIN (
      SELECT node, sum(events)::bigint AS events, min(first) AS first, max(last) AS last, max(stored) AS stored FROM holdfast.tally WHERE events > 0 GROUP BY node
    ) t ON t.node = m.node;
  COMMENT ON TABLE holdfast.event IS 'Events of all streams but the system''s own, by the time at which they happened. Written by Holdfast alone.';
  COMMENT ON VIEW holdfast.latest IS 'The current event of each stream and key: the last in fold order, which is not always the one with the latest time.';
  COMMENT ON VIEW holdfast.events IS 'holdfast.event, with the names of nodes.';
  COMMENT ON VIEW holdfast.stream IS 'Streams: their events, nodes and times.';
  COMMENT ON VIEW holdfast.node IS 'Nodes: their names and states in the fleet, and what is stored of them.';`;

/** The migrations in order; the first makes version 1. */
export const MIGRATIONS: readonly string[] = [FIRST];

/** The role that may read what people read, and nothing else. */
export const READER = 'holdfast_reader';
/** What it may read. */
export const READABLE = ['event', 'latest', 'events', 'stream', 'node'] as const;
