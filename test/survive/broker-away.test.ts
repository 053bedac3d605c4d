// A member that was away for 100,000 events comes back to the broker: it gets all of them in bounded memory, and meanwhile the others go on as before.
// Runs dist/edge/holdfast.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, brokersOf, foundAll, level, MB, memoryOf, restingMemory, runAt } from './broker-nodes.ts';
import { sleep } from './children.ts';

const test = suite('broker-away');
const AWAY = 100_000;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

(hasMosquitto() ? test : test.skip)('a member away for 100,000 events', () => atBroker(async (broker, path) => {
  const book = bookOf(), [a, b, c] = [path('a'), path('b'), path('c')];
  await foundAll(a, b, c);
  const one = await runAt(a, broker.url), other = await runAt(c, broker.url);
  let away = await runAt(b, broker.url);
  await book.append(away, 50);
  await level([one, other, away], book.acknowledged);
  const idle = await restingMemory(away.pid);
  // It goes without a word: the broker publishes its will.
  await away.kill();
  const working = [memoryOf(one.pid), memoryOf(other.pid)];
  await book.append(one, AWAY, 500);
  await level([one, other], book.acknowledged);
  const before = book.acknowledged, { events: live } = await other.db.digest();
  assert.is(live, before);

  away = await runAt(b, broker.url);
  const watch = memoryOf(away.pid);
  let over = false, passed = 0;
  // Those who stayed go on writing, and hear each other live while one of them serves it.
  const others = (async () => {
    while (!over) {
      await book.append(one, 20);
      await book.append(other, 20);
      await sleep(300);
      if ((await away.db.digest()).events < AWAY && (await other.db.digest()).events > before + 100) passed++;
    }
  })();
  while ((await away.db.digest()).events < AWAY) await sleep(100);
  over = true;
  await others;
  await level([one, other, away], book.acknowledged);
  const above = watch.stop() - idle, served = working.map((each) => each.stop() - idle);
  await book.check(away, 'the one that was away');
  assert.equal((await away.db.verify(() => undefined)).damaged, []);
  assert.equal((await away.db.report()).alarms, []);
  console.log(`away: ${(above / MB).toFixed(1)} MB above idle; those who stayed: ${served.map((bytes) => (bytes / MB).toFixed(1)).join(', ')}; seen ${passed} times behind those who had gone on meanwhile; ${(await brokersOf(away))[0]!.in} bytes came`);
  assert.ok(passed > 0, 'the others did not go on while it was behind');
  for (const bytes of [above, ...served]) assert.ok(bytes < 64 * MB, `${(bytes / MB).toFixed(1)} MB above idle`);
  for (const node of [one, other, away]) await node.stop();
}));

test.run();
