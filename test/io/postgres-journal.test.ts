// The journal in PostgreSQL: the conformance suite, where a process that starts takes over what those before it left, and what only a shared journal can meet.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Journal } from '../../src/ports.ts';
import { journalConformance } from './journal-conformance.ts';
import { empty, openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), again = await server.database();

/** A process whose journal begins with what dead ones left, as a node uses both. */
async function open(url: string): Promise<Journal> {
  const { store, journal, close } = await openTest(url), { shared } = store;
  await shared.enter();
  const orphans = await shared.orphans(), records = orphans.flatMap((orphan) => orphan.records);
  await shared.leave();
  let left = orphans;
  return {
    append: (record) => journal.append(record),
    note: (record) => journal.note(record),
    replay: async () => ({ records: [...records, ...(await journal.replay()).records], damage: (await journal.replay()).damage }),
    get size() { return journal.size; },
    turn: () => journal.turn(),
    async release(generation) {
      for (const orphan of left) await orphan.done();
      left = [];
      await journal.release(generation);
    },
    close,
  };
}

journalConformance('postgres', async () => {
  const url = await empty(again);
  return { open: () => open(url) };
});

const test = suite('postgres journal');
test.after(() => server.remove());
const word = (text: string): Uint8Array => new TextEncoder().encode(text);

test('closing leaves no row behind when all was released', async () => {
  const url = await server.database(), { journal, close } = await openTest(url);
  await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append(word(`${i}`))));
  await journal.release(journal.turn());
  await close();
  assert.equal(await sql(url, 'SELECT count(*)::int AS n FROM holdfast.journal'), [{ n: 0 }]);
  assert.equal(await sql(url, 'SELECT count(*)::int AS n FROM holdfast.process'), [{ n: 0 }]);
});

test.run();
