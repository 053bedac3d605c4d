// Inputs on a log that fails, hangs and refuses by chance: every reading is told once what became of it, the counts agree with the log, and order is kept.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Fault } from '../../src/fault.ts';
import type { Appended, Draft } from '../../targets/program/database.ts';
import type { Became } from '../../targets/program/input.ts';
import { pause, playedKind, run, until } from './input-sources.ts';

const READINGS = 16_000;

/** Numbers by chance, the same for the same seed. */
function chance(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

interface Said { became: Became[]; n: number; key: string }

for (const seed of [Number(process.env['SEED'] ?? Date.now() % 1e9), 20_261_120]) {
  test(`seed ${seed}`, async () => {
    const dice = chance(seed);
    const log = new Map<string, Draft[]>();
    let calm = false;
    const append = async (stream: string, drafts: Draft[]): Promise<Appended> => {
      const roll = calm ? 1 : dice();
      await pause(roll < 0.1 ? 40 : 0);
      if (roll < 0.04) throw new Fault('store-full', 'There is no room left.');
      // A mistake of the program is not an end either.
      if (roll < 0.05) throw new TypeError('undefined is not a function');
      const rejected = roll > 0.2 ? [] : drafts.flatMap((_, index) => dice() < 0.05 ? [{ index, code: 'bad-event', message: 'by chance' }] : []);
      const no = new Set(rejected.map(({ index }) => index));
      log.set(stream, [...log.get(stream) ?? [], ...drafts.filter((_, index) => !no.has(index))]);
      return { appended: drafts.length - rejected.length, rejected };
    };
    const said = new Map<string, Said[]>();
    const source = (waits: boolean) => playedKind(async (context, { tag }) => {
      const mine: Said[] = [];
      said.set(tag as string, mine);
      for (let n = 0; n < READINGS; n++) {
        const each: Said = { became: [], n, key: `k${Math.floor(dice() * 5)}` };
        mine.push(each);
        const bad = dice() < 0.03;
        await context.accept({ value: bad ? { n: NaN } : { k: each.key, n, s: `${tag as string}-${Math.floor(dice() * 3)}` }, raw: '', done: (became) => each.became.push(became) });
        if (dice() < 0.002) await pause(20);
      }
    }, waits);
    const table = (kind: string, tag: string, more = '') => `[[input]]\nkind = "${kind}"\ntag = "${tag}"\nname = "${tag}"\nkey = "{k}"\nstream = "{s}"\n${more}\n`;
    const inputs = run(table('pipe', 'a') + table('pipe', 'b', 'deadband = { n = 7 }\nmin_interval = "20ms"') + table('radio', 'c') + table('radio', 'd', 'urgent = true'),
      { append }, { kinds: { pipe: source(true), radio: source(false) } });
    const agree = () => {
      for (const each of inputs.report()) assert.is(each.accepted, each.recorded + each.unchanged + each.lost + each.waiting, JSON.stringify({ ...each, samples: [] }));
    };
    const looking = setInterval(agree, 10);
    try {
      await until(() => said.size === 4 && [...said.values()].some((mine) => mine.length === READINGS));
      calm = true;
      await until(() => [...said.values()].every((mine) => mine.length === READINGS) && inputs.report().every(({ waiting }) => waiting === 0));
    } finally {
      clearInterval(looking);
    }
    await inputs.stop();
    agree();
    for (const report of inputs.report()) {
      const mine = said.get(report.name)!;
      const count = (became: Became) => mine.filter((each) => each.became[0] === became).length;
      assert.ok(mine.every(({ became }) => became.length === 1), 'told once');
      const streams = [...log].filter(([stream]) => stream.startsWith(report.name));
      const recorded = streams.flatMap(([, drafts]) => drafts);
      assert.is(recorded.length, report.recorded);
      assert.is(report.accepted + report.refused, READINGS);
      if (report.name === 'a' || report.name === 'b') assert.is(report.lost, 0);
      // What was held for its interval was told of when it was held.
      if (report.name !== 'b') assert.equal([count('recorded'), count('refused'), count('lost')], [report.recorded, report.refused, report.lost]);
      for (const [stream, drafts] of streams) {
        const last = new Map<string, number>();
        for (const { key, body } of drafts) {
          const { n } = body as { n: number };
          assert.ok(n > (last.get(key) ?? -1), `${stream}: ${n} after ${last.get(key)}`);
          last.set(key, n);
        }
      }
    }
    console.log(`seed ${seed}: ${inputs.report().map(({ name, recorded, unchanged, refused, lost }) => `${name} ${recorded} recorded, ${unchanged} unchanged, ${refused} refused, ${lost} lost`).join('; ')}`);
  });
}

test.run();
