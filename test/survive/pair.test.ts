// Two nodes that write and exchange over TCP, each of them killed again and again: both end with everything that either acknowledged.
// timeout: 600s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { between, chance, SEED, TIMES } from './chance.ts';
import { sleep, startLoad, type Child } from './children.ts';
import { ledger } from './ledger.ts';
import { FAST, foundIn, inFolder, withStation } from './places.ts';

const KILLS = 80 * TIMES, EACH = 20;
const test = suite('pair');

test(`${KILLS} kills of nodes in the middle of exchanges (seed ${SEED})`, () => inFolder(async (path) => {
  const random = chance('pair');
  let kills = 0, round = 0, acknowledged = 0, exchanged = 0;
  for (let group = 0; kills < KILLS; group++) {
    const a = path(`a-${group}`), b = path(`b-${group}`), book = ledger();
    await foundIn(a, b);
    const begin = (dir: string, links: { listen?: string; peers?: string[] }): Child => startLoad({
      dir, seed: SEED + round, from: ++round * 1_000_000, callers: between(random, 1, 6), windowMs: between(random, 0, 1) * 100, pad: [50, 700, 9_000][between(random, 0, 2)]!, most: 1_500, ...links,
    }, book.take);
    let left = begin(a, { listen: 'tcp://127.0.0.1:0' });
    let url = (await left.said('listening'))!.split(' ')[1]!, right = begin(b, { peers: [url] });
    const until = kills + EACH;
    while (kills < until) {
      await right.said('open');
      if (random() < 0.8) await Promise.race([right.said('connected'), sleep(3_000)]);
      await sleep(between(random, 0, 300));
      const which = between(random, 0, 2);
      if (which !== 0) right.kill();
      if (which !== 1) left.kill();
      for (const [child, dies] of [[right, which !== 0], [left, which !== 1]] as const) {
        if (!dies) continue;
        assert.is(await child.ended, 'SIGKILL', book.notices.join());
        kills++;
      }
      if (which !== 1) {
        left = begin(a, { listen: which === 0 ? url : 'tcp://127.0.0.1:0' });
        url = (await left.said('listening'))!.split(' ')[1]!;
      }
      if (which !== 0) right = begin(b, { peers: [url] });
    }
    left.kill();
    right.kill();
    await Promise.all([left.ended, right.ended]);
    await withStation(a, (one) => withStation(b, async (two) => {
      const listener = await one.links.listen('tcp://127.0.0.1:0');
      const had = [one, two].map(({ node }) => node.digest().events);
      const done = await two.links.once(listener.url, new AbortController().signal, () => undefined);
      assert.equal(two.node.digest(), one.node.digest());
      const held = await book.check(one.node, 'first: ');
      await book.check(two.node, 'second: ');
      assert.is(had[1]! + done.received, held.events);
      assert.ok(had[0]! + done.sent >= held.events, `${had[0]} and ${done.sent} sent, ${held.events} held`);
      exchanged += had[0]! + had[1]! - held.events;
      acknowledged += held.acknowledged;
      for (const { node } of [one, two]) assert.equal((await node.status()).alarms, []);
    }));
    assert.equal(book.notices.filter((line) => !line.startsWith('notice recovered ')), []);
  }
  assert.ok(exchanged > 0, 'something had arrived before the last exchange');
  console.log(`${kills} kills in ${round} lives: ${acknowledged} acknowledged, ${exchanged} exchanged between kills`);
}, FAST));

test.run();
