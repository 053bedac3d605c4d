// The store on PostgreSQL: the conformance suite on a real server, each place a database of its own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeConformance } from './store-conformance.ts';
import { empty, openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), again = await server.database();

storeConformance('postgres', async () => {
  const url = await empty(again);
  return {
    async open() {
      const { store, close } = await openTest(url);
      return { ...store, close };
    },
  };
});

const test = suite('postgres');
test.after(() => server.remove());

test('a closed store has given its slot back', async () => {
  const url = await server.database(), first = await openTest(url), second = await openTest(url);
  assert.equal([first.store.shared.slot, second.store.shared.slot], [0, 1]);
  await first.close();
  const third = await openTest(url);
  assert.is(third.store.shared.slot, 0);
  await second.close();
  await third.close();
  assert.equal(await sql(url, 'SELECT slot FROM holdfast.process'), []);
});

test.run();
