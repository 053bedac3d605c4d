// Kills (SIGKILL) at random moments under load: nothing acknowledged is missing from journal and store, and both open without damage.
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openJournal } from '../../src/io/journal.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import { start } from './child.ts';
import { freshFolder } from './folder.ts';

const ROUNDS = Number(process.env['CRASHES'] ?? 20);
const test = suite('crash');
const number = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
const key = (which: number, value: number): Uint8Array => { const out = new Uint8Array(5); out[0] = which; new DataView(out.buffer).setUint32(1, value); return out; };

test(`${ROUNDS} kills under load`, async () => {
  const folder = await freshFolder(), last: Record<string, number> = {};
  let from = 1, acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const child = await start('crash-child', [folder.path, String(from)]);
    assert.is(await child.line(), 'open');
    const kill = setTimeout(() => { child.process.kill('SIGKILL'); }, 5 + Math.random() * 120);
    const appended = new Set<number>();
    for (let line = await child.line(); line !== undefined; line = await child.line()) {
      const parts = line.split(' ');
      if (parts[0] === 'j') appended.add(Number(parts[1]));
      else last[parts[1]!] = Math.max(last[parts[1]!] ?? 0, Number(parts[2]));
      acknowledged++;
    }
    clearTimeout(kill);
    assert.is(await child.ended, 'SIGKILL');

    const store = await openLmdb({ folder: join(folder.path, 'store') });
    assert.equal(await store.check(), []);
    for (const [which, value] of Object.entries(last)) {
      const stored = number((await store.get('log', Uint8Array.of(Number(which))))!);
      assert.ok(stored >= value, `store: ${value} acknowledged, ${stored} found`);
      // Whole commits: the rows of the newest one are there, and what it removed is not.
      assert.is((await store.get('segment', key(Number(which), stored)))!.length, 1 + stored * 53 % 5_000);
      assert.is(number((await store.get('index', key(Number(which), stored)))!), stored);
      assert.is(await store.get('index', key(Number(which), stored - 50)), undefined);
    }
    const moved = await store.get('meta', Uint8Array.of(0, 0, 0, 1)), journal = await openJournal({ folder: join(folder.path, 'journal') });
    const { records, damage } = await journal.replay(), found = new Set(records.map(number));
    assert.equal(damage, []);
    for (const item of appended) assert.ok(found.has(item) || moved && item < number(moved), `journal: record ${item} was acknowledged`);
    assert.is(found.size, records.length, 'no record twice');
    await journal.close();
    await store.close();
    from = Math.max(from, ...appended, ...Object.values(last)) + 1_000;
  }
  assert.ok(acknowledged > ROUNDS * 20, `${acknowledged} acknowledged`);
  console.log(`${acknowledged} acknowledged writes over ${ROUNDS} kills`);
  await folder.remove();
});

test.run();
