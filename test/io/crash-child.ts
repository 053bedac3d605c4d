// A process that writes to journal and store as fast as it can and says what was acknowledged, until it is killed.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../../src/io/journal.ts';
import { openLmdb } from '../../src/io/lmdb.ts';

const [dir, from] = process.argv.slice(2) as [string, string];
const store = await openLmdb({ folder: join(dir, 'store') }), journal = await openJournal({ folder: join(dir, 'journal') });
const number = (value: number): Uint8Array => { const out = new Uint8Array(4); new DataView(out.buffer).setUint32(0, value); return out; };
let next = Number(from);
const say = (line: string): void => { writeSync(1, `${line}\n`); };
say('open');

async function appender(): Promise<void> {
  for (;;) {
    const mine = next++;
    await journal.append(Uint8Array.of(...number(mine), ...new Uint8Array(mine * 37 % 900)));
    say(`j ${mine}`);
    if (mine % 100 === 99) void turn();
  }
}

/** Moves what the journal holds into the store, as a node does. */
async function turn(): Promise<void> {
  const generation = journal.turn(), upTo = next;
  await store.commit([{ table: 'meta', key: number(1), value: number(upTo) }]);
  await journal.release(generation);
}

async function committer(which: number): Promise<void> {
  for (let i = Number(from); ; i++) {
    const value = new Uint8Array(1 + i * 53 % 5_000).fill(which);
    await store.commit([{ table: 'log', key: Uint8Array.of(which), value: number(i) }, { table: 'segment', key: Uint8Array.of(which, ...number(i)), value }, { table: 'index', key: Uint8Array.of(which, ...number(i)), value: number(i) }, { table: 'index', key: Uint8Array.of(which, ...number(i - 50)) }]);
    say(`s ${which} ${i}`);
  }
}

void appender(); void appender(); void appender(); void committer(1); void committer(2);
