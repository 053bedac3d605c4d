// One commit as statements: rows of all tables, events that go and come, the news for others, all in one transaction and one round trip.
import { Fault } from '../fault.ts';
import { TABLES, type Admitted, type Bytes, type Op, type Shift, type Table } from '../ports.ts';
import { hex, utf8 } from '../event/bytes.ts';
import { BYTEA, INT8, JSONB, TEXT, TIMESTAMPTZ, binaryArray, int8 } from './postgres-arrays.ts';
import type { Step } from './postgres-batch.ts';
import { encodeNews } from './postgres-news.ts';
import { EVENT_COLUMNS, eachTime, eventRows, isRead, latestParts, nameAt, timeBytes, type LatestParts } from './postgres-rows.ts';
import { storeTable } from './postgres-schema.ts';

/** One call of `commit`: its writes and the events that it moves. */
export interface Entry { ops: readonly Op[]; shift: Shift | undefined }

const text = (bytes: Bytes): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** The last write of each row. */
export function lastWrites(entries: readonly Entry[]): Map<Table, Map<string, Op>> {
  const tables = new Map<Table, Map<string, Op>>();
  for (const { ops } of entries) {
    for (const op of ops) {
      let rows = tables.get(op.table);
      if (!rows) tables.set(op.table, rows = new Map());
      rows.set(text(op.key), op);
    }
  }
  return tables;
}

const COPY = `COPY holdfast.event (${EVENT_COLUMNS.join(', ')}) FROM STDIN WITH (FORMAT binary)`;
const LATEST = ['stream', 'name', 'type', 'time', 'body', 'node', 'id'] as const satisfies readonly (keyof LatestParts)[];
const LATEST_TYPES = { stream: 'text', name: 'text', type: 'text', time: 'timestamptz', body: 'jsonb', node: 'text', id: 'text' };
const NUMBERS = { text: TEXT, timestamptz: TIMESTAMPTZ, jsonb: JSONB } as Record<string, number>;

function writes(tables: Map<Table, Map<string, Op>>): Step[] {
  const steps: Step[] = [];
  // In one order everywhere.
  for (const table of TABLES) {
    const ops = [...tables.get(table)?.values() ?? []], gone = ops.filter(({ value }) => !value), put = ops.filter(({ value }) => value);
    if (gone.length > 0) steps.push({ name: `delete_${table}`, text: `DELETE FROM ${storeTable(table)} WHERE key = ANY($1::bytea[])`, values: [binaryArray(BYTEA, gone.map(({ key }) => key))] });
    if (put.length === 0) continue;
    const values = [binaryArray(BYTEA, put.map(({ key }) => key)), binaryArray(BYTEA, put.map(({ value }) => value!))];
    if (table !== 'latest') {
      steps.push({ name: `put_${table}`, text: `INSERT INTO ${storeTable(table)} (key, value) SELECT k, v FROM unnest($1::bytea[], $2::bytea[]) AS r (k, v) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, values });
      continue;
    }
    const parts = put.map(({ key, value }) => latestParts(key, value!));
    for (const column of LATEST) values.push(binaryArray(NUMBERS[LATEST_TYPES[column]]!, parts.map((part) => part?.[column] ?? null)));
    steps.push({
      name: 'put_latest', values,
      text: `INSERT INTO ${storeTable(table)} (key, value, ${LATEST.join(', ')}) SELECT * FROM unnest($1::bytea[], $2::bytea[], ${LATEST.map((column, i) => `$${i + 3}::${LATEST_TYPES[column]}[]`).join(', ')})
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, ${LATEST.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    });
  }
  return steps;
}

/** Deletes events and counts them out. Equality with each column leads through the index of keys, and prunes partitions by the bounds. */
function retraction(runs: readonly Admitted[]): Step {
  const times: Bytes[] = [], streams: Bytes[] = [], keys: Bytes[] = [], ids: Bytes[] = [];
  let from = Infinity, to = -Infinity;
  for (const run of runs) {
    const stream = utf8(run.stream);
    for (let i = 0; i < run.ends.length; i++) {
      const { time, key, id } = nameAt(run, i);
      times.push(time);
      streams.push(stream);
      keys.push(key);
      ids.push(id);
    }
    eachTime(run, (time) => { from = Math.min(from, time); to = Math.max(to, time); });
  }
  return {
    text: `WITH gone AS (
        DELETE FROM holdfast.event e USING unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[]) AS r (time, stream, key, id)
        WHERE e.stream = r.stream AND e.key = r.key AND e.time = r.time AND e.id = r.id AND e.time >= $5::timestamptz AND e.time <= $6::timestamptz RETURNING e.stream, e.node)
      UPDATE holdfast.tally t SET events = t.events - g.n FROM (SELECT stream, node, count(*) AS n FROM gone GROUP BY stream, node) g WHERE t.stream = g.stream AND t.node = g.node`,
    values: [binaryArray(TIMESTAMPTZ, times), binaryArray(TEXT, streams), binaryArray(TEXT, keys), binaryArray(TEXT, ids), timeBytes(from), timeBytes(to)],
  };
}

/** Copies events in and counts them. */
function admission(runs: readonly Admitted[]): Step[] {
  const counts = new Map<string, { stream: string; node: string; events: number; first: number; last: number }>();
  for (const run of runs) {
    const name = `${run.stream}\0${hex(run.node)}`;
    let count = counts.get(name);
    if (!count) counts.set(name, count = { stream: run.stream, node: hex(run.node), events: 0, first: Infinity, last: -Infinity });
    count.events += run.ends.length;
    const its = count;
    eachTime(run, (time) => { its.first = Math.min(its.first, time); its.last = Math.max(its.last, time); });
  }
  const all = [...counts.values()];
  return [
    { text: COPY, copy: eventRows(runs) },
    {
      name: 'count', values: [binaryArray(TEXT, all.map(({ stream }) => utf8(stream))), binaryArray(TEXT, all.map(({ node }) => utf8(node))), binaryArray(INT8, all.map(({ events }) => int8(events))), binaryArray(TIMESTAMPTZ, all.map(({ first }) => timeBytes(first))), binaryArray(TIMESTAMPTZ, all.map(({ last }) => timeBytes(last)))],
      text: `INSERT INTO holdfast.tally AS t (stream, node, events, first, last, stored) SELECT r.*, clock_timestamp() FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[]) AS r
        ON CONFLICT (stream, node) DO UPDATE SET events = t.events + excluded.events, first = least(t.first, excluded.first), last = greatest(t.last, excluded.last), stored = excluded.stored`,
    },
  ];
}

/** What of some runs becomes rows. */
export function readRuns(runs: readonly Admitted[]): Admitted[] {
  return runs.filter((run) => isRead(run.stream) && run.ends.length > 0);
}

/** Events that go and come, in the order of the calls; those that only come are copied together. */
function moves(entries: readonly Entry[]): Step[] {
  const steps: Step[] = [];
  let coming: Admitted[] = [];
  const flush = (): void => {
    if (coming.length > 0) steps.push(...admission(coming));
    coming = [];
  };
  for (const { shift } of entries) {
    if (!shift) continue;
    const gone = readRuns(shift.retracted);
    if (gone.length > 0) {
      flush();
      steps.push(retraction(gone));
    }
    coming.push(...readRuns(shift.admitted));
  }
  flush();
  return steps;
}

/** The statements of a commit that a process (a uuid) makes after step `seen`. Made anew for each attempt: COPY's bytes are made as they go out. `notify`: the server knows NOTIFY. */
export function commitSteps(process: string, seen: number, entries: readonly Entry[], notify: boolean): Step[] {
  const tables = lastWrites(entries), ops = [...tables.values()].flatMap((rows) => [...rows.values()]), shifts = entries.flatMap(({ shift }) => shift ? [shift] : []);
  const { changed, moved } = encodeNews(ops, shifts), next = seen + 1;
  return [
    { name: 'begin', text: 'BEGIN' },
    {
      name: 'step', values: [seen, process],
      text: `UPDATE holdfast.step SET n = CASE WHEN n = $1::bigint AND EXISTS (SELECT FROM holdfast.process WHERE id = $2::uuid AND NOT fenced) THEN n + 1 ELSE -1 END, process = $2::uuid`,
    },
    ...writes(tables),
    ...moves(entries),
    { name: 'made', text: 'UPDATE holdfast.made SET n = $1 WHERE process = $2', values: [next, process] },
    {
      name: 'news', values: [next, process, changed, moved],
      text: `WITH told AS (INSERT INTO holdfast.news (n, process, changed, moved) SELECT $1::bigint, $2::uuid, $3::bytea, $4::bytea WHERE EXISTS (SELECT FROM holdfast.process WHERE id <> $2::uuid AND NOT fenced) RETURNING process)
        SELECT ${notify ? `pg_notify('holdfast', process::text)` : 'process'} FROM told`,
    },
    { name: 'commit', text: 'COMMIT' },
  ];
}

/** Throws Fault `bad-argument` for a row that no store takes. `most`: bytes of a key and of a value. */
export function checkOps(ops: readonly Op[], most: { key: number; value: number }): void {
  for (const { table, key, value } of ops) {
    if (!TABLES.includes(table)) throw new Fault('bad-argument', `There is no table ${String(table)}.`);
    if (key.length < 1 || key.length > most.key) throw new Fault('bad-argument', `A key of table ${table} has 1 to ${most.key} bytes, not ${key.length}.`);
    if (value && value.length > most.value) throw new Fault('bad-argument', `A value of a store has at most ${most.value} bytes, not ${value.length}.`);
  }
}
