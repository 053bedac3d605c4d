// The rows of SQL beside the history that they show: counted, and made anew from the segments where they differ.

import { pages } from '../../src/log/archive.ts';
import { decodeRecord } from '../../src/log/record.ts';
import type { Postgres } from '../../src/io/postgres.ts';
import type { Node } from '../../src/node.ts';
import { retell } from '../../src/node-retell.ts';

/** Milliseconds that counting all rows may take. */
const COUNT_MS = 600_000;

/** How many rows each stream should have, as far as that can be told: not where this node has no key, or an author packed something that nobody can read. */
async function expected(node: Node): Promise<Map<string, { events: number; sure: boolean }>> {
  const { archive } = node, streams = new Map<string, { events: number; sure: boolean }>();
  for await (const { value } of pages(archive.store, 'log')) {
    const { stream, events, keyHash, hollow } = decodeRecord(value);
    if (stream.startsWith('$')) continue;
    const one = streams.get(stream) ?? { events: 0, sure: true };
    streams.set(stream, { events: one.events + events, sure: one.sure && !hollow && archive.authority.keyOf(stream, keyHash) !== undefined && archive.counted.unknown === 0 });
  }
  return streams;
}

/** Streams whose rows are not what they should be, each with both numbers. */
async function differing(node: Node, database: Postgres): Promise<{ stream: string; rows: number; events: number }[]> {
  const rows = new Map((await database.query('SELECT stream, count(*)::float8 AS n FROM holdfast.event GROUP BY stream', [], COUNT_MS)).map(({ stream, n }) => [String(stream), Number(n)]));
  const streams = await expected(node);
  const all = [...new Set([...rows.keys(), ...streams.keys()])].map((stream) => ({ stream, rows: rows.get(stream) ?? 0, ...streams.get(stream) ?? { events: 0, sure: true } }));
  return all.filter((one) => one.rows > one.events || (one.sure && one.rows < one.events)).map(({ stream, rows: count, events }) => ({ stream, rows: count, events }));
}

/** Says of which streams the rows differ from what is admitted; with `mend` they are made anew first. Faults: those of the store and of `Postgres.query`. */
export async function checkRows(node: Node, database: Postgres, mend: boolean): Promise<string[]> {
  // While others write the counts are never of one moment: what differs is looked at again when nobody does.
  let wrong = await differing(node, database);
  if (wrong.length > 0) wrong = await node.turn(() => differing(node, database));
  if (mend && wrong.length > 0) {
    const streams = new Set(wrong.map(({ stream }) => stream));
    await node.turn(async () => { for (const stream of streams) await database.forget(stream); });
    await retell(node, () => {}, (stream) => streams.has(stream));
    wrong = await node.turn(() => differing(node, database));
  }
  return wrong.map(({ stream, rows, events }) => `SQL shows ${rows} rows of stream ${stream}, which has ${events} events; \`verify --repair\` makes them anew`);
}
