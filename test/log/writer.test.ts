// Own logs: what the journal must hold of them, what their openings cite, and what memory keeps of them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf, itemsIn, tallyOf } from '../../src/log/archive.ts';
import { remember } from '../../src/log/archive.ts';
import { emptyRecord } from '../../src/log/record.ts';
import { carry, openRoom, record, seen } from './bench-node.ts';

const writer = suite('own logs');
const alarms = (disk: { tables: Record<'alarm', { scan(r: object): unknown[] }> }): number => disk.tables.alarm.scan({}).length;

writer('a first append that is refused does not cost what is appended after the journal was turned', async () => {
  const a = await openRoom('a');
  try {
    await a.writer.append('s', [{ key: 'k', type: 't', body: NaN }]);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'bad-value');
  }
  await record(a, 'other', 3);
  await a.writer.checkpoint();
  await record(a, 's', 4);
  const before = await seen(a, 's');
  const again = await openRoom('a', a.disk, { process: '2' });
  assert.equal(again.skipped, []);
  assert.equal(await seen(again, 's'), before);
});

writer('a log left with an unsealed tail is cited by the next one, and nobody takes them for clones', async () => {
  const a = await openRoom('a'), b = await openRoom('b');
  await record(a, 's', 2);
  await a.writer.checkpoint();
  a.grant = new Uint8Array(8).fill(1);
  a.writer.retire();
  await record(a, 's', 2);
  a.grant = new Uint8Array(8).fill(2);
  a.writer.retire();
  await record(a, 's', 2);
  a.grant = new Uint8Array(8).fill(3);
  const flying = record(a, 's', 1);
  a.writer.retire();
  await Promise.all([flying, record(a, 's', 1)]);
  a.writer.seal();
  await carry(a, b);
  await a.writer.checkpoint();
  assert.is(alarms(a.disk), 0);
  assert.is(alarms(b.disk), 0);
  assert.is(tallyOf(b.archive, 's').events, 8);
  assert.is(digestOf(a.archive), digestOf(b.archive));
  assert.is(a.archive.own.size, 1);
});

writer('the record of an own log stays in memory, however many others come', async () => {
  const a = await openRoom('a');
  await record(a, 's', 3);
  await a.writer.checkpoint();
  const items = itemsIn(a.archive, () => true);
  const [known] = [...a.archive.records.values()];
  for (let i = 0; i < 5_000; i++) remember(a.archive, emptyRecord(a.archive.random.bytes(16), known!));
  await record(a, 's', 3, false, 3);
  a.writer.seal();
  const after = itemsIn(a.archive, () => true);
  assert.is(after.length, items.length);
  assert.is(after[0]!.to, 6);
  assert.is(a.archive.records.size, 4_096);
});

writer.run();
