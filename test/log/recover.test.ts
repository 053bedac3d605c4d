// What the journal gives back at the next start, also where the store or the journal is not as it was left.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { itemsIn, tallyOf } from '../../src/log/archive.ts';
import { admit } from '../../src/log/door.ts';
import { supply } from '../../src/log/supply.ts';
import { liveOf } from '../../src/node-host.ts';
import { openRoom, record, seen } from './bench-node.ts';

const recovery = suite('recovery');

recovery('a tail survives although a copy of the machine has stored another end of the same log', async () => {
  // The same process twice, as after a snapshot of a running machine: both go on with one log.
  const a = await openRoom('a'), twin = await openRoom('a');
  await record(a, 's', 3);
  await record(twin, 's', 3);
  await a.writer.checkpoint();
  const [log] = [...a.writer.logs.values()];
  assert.equal([...twin.writer.logs.values()][0]!.log, log!.log);
  await record(twin, 's', 4, false, 20);
  twin.writer.seal();
  await record(a, 's', 2, false, 10);
  const mine = await seen(a, 's');
  const { segments } = await supply(twin.archive, liveOf(() => twin.writer.unstored()), { log: log!.log, from: 4, to: 9, lineage: false }, [], null, 1e6);
  const { outcomes } = await admit(a.archive, segments);
  assert.equal(outcomes.map((o) => o.state), segments.map(() => 'admitted'));
  const again = await openRoom('a', a.disk, { process: '2' });
  assert.equal(again.skipped, []);
  const lines = await seen(again, 's');
  assert.is(lines.length, 9);
  for (const line of mine) assert.ok(lines.includes(line), line);
});

recovery('what was stored already is passed over, and what follows it is not', async () => {
  const a = await openRoom('a');
  await record(a, 's', 3);
  const early = a.disk.generations.map((g) => ({ ...g, records: g.records.slice() }));
  await a.writer.checkpoint();
  a.disk.generations = early;
  await record(a, 's', 2, true, 3);
  const before = await seen(a, 's');
  const again = await openRoom('a', a.disk, { process: '2' });
  assert.equal(again.skipped, []);
  assert.equal(await seen(again, 's'), before);
  assert.is(tallyOf(again.archive, 's').events, 5);
});

recovery('what comes after a damaged stretch of the journal is kept beyond a hole, and the gap is named', async () => {
  const a = await openRoom('a');
  await record(a, 's', 6, true);
  const lines = await seen(a, 's');
  const [generation] = a.disk.generations.filter((g) => g.records.length > 2);
  generation!.records.splice(3, 1); // the opening, events 1 and 2, not 3
  const again = await openRoom('a', a.disk, { process: '2' });
  assert.is(again.skipped.length, 1);
  assert.equal(await seen(again, 's'), [...lines.slice(0, 2), ...lines.slice(3)]);
  assert.is(itemsIn(again.archive, () => true).filter((i) => i.kind === 1).length, 1);
});

recovery.run();
