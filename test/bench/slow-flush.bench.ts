// Appends on a medium whose flushes take long, as those of cards do: how many get through, and how long the event loop stands still meanwhile.

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { until } from '../../src/io/disk.ts';
import { openBenchNode, storeAll } from './bench-node.ts';
import { openRows, rowOf } from './lmdb-rows.ts';
import { freshFolder, pause, perSecond, say, tell } from './rows.ts';
import { readings } from './trace.ts';

const all = readings(20_000);
const FLUSH_MS = 8;

/** Events a second of `callers` that append one at a time for `ms`. */
async function holdfast(callers: number, ms: number): Promise<number> {
  const { node, stop } = await openBenchNode(freshFolder('slow'), { flushMs: FLUSH_MS });
  await node.append('telemetry', [all[0]!]);
  const since = performance.now();
  let at = 1;
  await Promise.all(Array.from({ length: callers }, async () => {
    while (performance.now() < since + ms) await node.append('telemetry', [all[at++ % all.length]!]);
  }));
  const rate = perSecond(at - 1, since);
  await stop();
  return rate;
}

/** One LMDB commit an event: two flushes, each of which is made to take `FLUSH_MS` from the start of the commit on. */
async function lmdb(ms: number): Promise<number> {
  const rows = openRows(freshFolder('lmdb'));
  const since = performance.now();
  let at = 0;
  for (; performance.now() < since + ms; at++) {
    const moment = performance.now() + 2 * FLUSH_MS;
    rows.commit([rowOf(all[at]!)]);
    await until(moment);
  }
  const rate = perSecond(at, since);
  rows.close();
  return rate;
}

interface Sqlite { exec(sql: string): void; prepare(sql: string): { run(...values: unknown[]): void }; close(): void }

/** One SQLite commit an event, one flush each; where this Node has no SQLite, what its write-ahead log writes for one row, durably. */
async function sqlite(ms: number): Promise<{ rate: number; how: string }> {
  const folder = freshFolder('sqlite');
  const module = await import('node:sqlite' as string).catch(() => undefined) as { DatabaseSync: new (path: string) => Sqlite } | undefined;
  let commit: (at: number) => void, close: () => void;
  if (module) {
    const db = new module.DatabaseSync(join(folder, 'rows.db'));
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB)');
    const insert = db.prepare('INSERT INTO rows (value) VALUES (?)');
    commit = (at) => { insert.run(rowOf(all[at]!)); };
    close = () => db.close();
  } else {
    const fd = openSync(join(folder, 'wal'), constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC), frame = new Uint8Array(4_120);
    commit = () => { writeSync(fd, frame); };
    close = () => closeSync(fd);
  }
  const since = performance.now();
  let at = 0;
  for (; performance.now() < since + ms; at++) {
    const moment = performance.now() + FLUSH_MS;
    commit(at);
    await until(moment);
  }
  const rate = perSecond(at, since);
  close();
  return { rate, how: module ? 'SQLite commit each (WAL, FULL)' : 'one durable write of a page each, as SQLite does (118/s in the design)' };
}

say(`flushes of ${FLUSH_MS} ms`);
const one = await holdfast(1, 3_000), many = await holdfast(64, 3_000), rows = await lmdb(2_000), single = await sqlite(2_000);
const emulated = `every flush is made to last ${FLUSH_MS} ms: one a commit of the journal or of SQLite, two a commit of LMDB`;
tell({ what: 'one at a time, flushes of 8 ms', value: one, unit: 'events/s', baseline: { what: single.how, value: single.rate }, reach: '≥ it', ok: one >= single.rate * 0.995, note: emulated });
tell({ what: 'the same against LMDB', value: one, unit: 'events/s', baseline: { what: 'LMDB commit each', value: rows } });
tell({ what: '64 callers one at a time, flushes of 8 ms', value: many, unit: 'events/s', baseline: { what: 'LMDB commit each', value: rows }, reach: '≥ 3,400/s', ok: many >= 3_400 });

/** The delay of the event loop in ms at a share of 0.99 and at most, while 16 callers append with flushes of 25 ms and the store commits all the time. */
async function stall(): Promise<{ p99: number; most: number; commits: number }> {
  const { node, stop } = await openBenchNode(freshFolder('stall'), { flushMs: 25 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let at = 0, commits = 0, going = true;
  const end = performance.now() + 5_000;
  const appends = Array.from({ length: 16 }, async () => {
    while (performance.now() < end) await node.append('telemetry', [all[at++ % all.length]!]);
  });
  const storing = (async () => {
    for (; going; commits++) {
      await node.checkpoint();
      await pause(5);
    }
  })();
  await pause(500);
  delay.enable();
  await Promise.all(appends);
  delay.disable();
  going = false;
  await storing;
  await storeAll(node);
  await stop();
  // The monitor's own timer of 1 ms is part of every sample.
  return { p99: delay.percentile(99) / 1e6 - 1, most: delay.max / 1e6 - 1, commits };
}

say('stalls with flushes of 25 ms');
const { p99, most, commits } = await stall();
tell({ what: 'event loop stall while committing, flushes of 25 ms, p99', value: p99, unit: 'ms', baseline: { what: 'txn.commit() of LMDB', value: 50 }, reach: '< 5 ms', ok: p99 < 5, note: `longest ${most.toFixed(1)} ms; 16 callers one at a time, ${commits} commits of the store under way in 5 s` });
