// Kill -9 of one node at any moment (under load, while it starts and recovers, while it closes): nothing acknowledged is missing, nothing is twice.
// timeout: 600s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { between, chance, SEED, TIMES } from './chance.ts';
import { sleep, startLoad } from './children.ts';
import { ledger } from './ledger.ts';
import { FAST, foundIn, inFolder, withStation } from './places.ts';

const KILLS = 120 * TIMES, EACH = 12;
const test = suite('kill');

test(`${KILLS} kills of a node that writes (seed ${SEED})`, () => inFolder((slow) => inFolder(async (fast) => {
  const random = chance('kills');
  const ended = { load: 0, turn: 0, start: 0, close: 0 };
  let kills = 0, round = 0, acknowledged = 0, extra = 0, recovered = 0, turns = 0;
  // Some directories, so that each check reads no more than it must; each dies many times.
  for (let group = 0; kills < KILLS; group++) {
    const dir = (group % 2 ? fast : slow)(`node-${group}`), book = ledger();
    await foundIn(dir);
    const until = kills + EACH;
    while (kills < until) {
      const moment = (['load', 'load', 'turn', 'turn', 'turn', 'start', 'close'] as const)[between(random, 0, 6)]!;
      const child = startLoad({
        dir, seed: SEED + round, from: ++round * 1_000_000, callers: between(random, 1, 12), windowMs: between(random, 0, 1) * 150, pad: moment === 'turn' ? 12_000 : [20, 1_500, 9_000][between(random, 0, 2)]!,
        ...(moment === 'close' ? { closeAfter: between(random, 20, 150) } : {}),
      }, book.take);
      if (moment === 'start') await sleep(between(random, 40, 160));
      else if (moment === 'close') { await child.said('closing'); await sleep(between(random, 0, 12)); }
      // The journal was just turned: what it holds is on its way into the store.
      else if (moment === 'turn') { await child.said('turned'); await sleep(between(random, 0, 25)); }
      else { await child.said('open'); await sleep(between(random, 5, 250)); }
      child.kill();
      const how = await child.ended;
      if (how === 'SIGKILL') { kills++; ended[moment]++; }
      else assert.equal([how, moment], [0, 'close'], `a child ended by itself: ${book.notices.join()}`);
      if (round % 6 === 0) await withStation(dir, (station) => book.check(station.node, `after ${round} rounds: `));
    }
    await withStation(dir, async ({ node }) => {
      const held = await book.check(node, `node ${group}: `);
      assert.equal((await node.status()).alarms, [], 'nobody cloned anything');
      assert.equal((await node.status()).frontier.holes, 0);
      acknowledged += held.acknowledged;
      extra += held.events - held.acknowledged;
    });
    assert.equal([...book.refusals.keys()].filter((code) => code !== 'closed'), []);
    assert.equal(book.notices.filter((line) => !line.startsWith('notice recovered ')), []);
    recovered += book.notices.length;
    turns += book.turns;
  }
  assert.ok(acknowledged > KILLS * 50, `${acknowledged}`);
  assert.ok(turns > KILLS / 4, `${turns}`);
  console.log(`${kills} kills (${ended.load} under load, ${ended.turn} while the journal moves into the store, ${ended.start} at start, ${ended.close} at close): ${acknowledged} acknowledged, ${extra} more were durable, ${recovered} recoveries, ${turns} turns of the journal`);
}, FAST)));

test.run();
