// Power cuts on the real files: every write and flush of a node is recorded, and the states that a cut could have left are built, opened and compared.
// timeout: 600s
import { mkdirSync, rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { between, chance, SEED, TIMES } from './chance.ts';
import { sleep, startLoad } from './children.ts';
import { buildRecorder, diskStates, readActs, WORDS, WRITE } from './disk-states.ts';
import { ledger } from './ledger.ts';
import { FAST, foundIn, inFolder, withStation } from './places.ts';

const LIVES = 4 * TIMES, CUTS = 24;
const HOW = ['lost', 'sectors', 'pages', 'first', 'written'] as const;
const test = suite('power');

test(`${LIVES * CUTS} power cuts, each at some write of a life (seed ${SEED})`, () => inFolder(async (path) => {
  const library = buildRecorder(path(''));
  if (!library) { console.log('skipped: "power cuts" needs Linux on x64 or arm64 and a C compiler (cc)'); assert.ok(true); return; }
  const random = chance('power');
  let dir = path('node'), lines: string[] = [], cuts = 0, torn = 0, recovered = 0, checked = 0;
  await foundIn(dir);
  for (let life = 0; life < LIVES; life++) {
    const log = path(`log-${life}`), before = diskStates(dir);
    const child = startLoad(
      { dir, seed: SEED + life, from: (life + 1) * 1_000_000, callers: 6, windowMs: 50, pad: life % 2 ? 9_000 : 300 }, () => undefined,
      { LD_PRELOAD: library, RECORD_LOG: log, RECORD_DIR: dir, RECORD_ACKS: '1', UV_USE_IO_URING: '0' },
    );
    await child.said(life % 2 ? 'turned' : 'open');
    await sleep(between(random, 50, 200));
    child.kill();
    assert.is(await child.ended, 'SIGKILL');

    const acts = readActs(log, dir);
    // Anywhere; while something is being written; and around the headers that make a commit or a generation of the journal count.
    const writes = acts.flatMap(({ type }, index) => (type === WRITE ? [index + 1] : []));
    const heads = acts.flatMap(({ type, path: file, at }, index) => (type === WRITE && at < 8_192 && /data\.mdb$|journal$/.test(file) ? [index, index + 1, index + 2] : []));
    const points = new Set<number>();
    for (let i = 0; points.size < CUTS && i < CUTS * 10; i++) {
      const from = [writes, writes, heads, undefined][i % 4];
      points.add(from?.length ? from[between(random, 0, from.length - 1)]! : between(random, 0, acts.length - 1));
    }
    const known = [...lines];
    let rest = '', next: { dir: string; lines: string[] } | undefined;
    for (let index = 0; index < acts.length; index++) {
      if (points.has(index)) {
        const state = path(`cut-${life}-${index}`), how = HOW[between(random, 0, HOW.length - 1)]!, words = `life ${life} cut at ${index} of ${acts.length}, ${how}: `;
        mkdirSync(state);
        before.build(state, how, random);
        const book = ledger(), notices: string[] = [];
        for (const line of known) book.take(line);
        torn += before.open > 0 ? 1 : 0;
        await withStation(state, async ({ node, database }) => {
          checked += (await book.check(node, words)).events;
          assert.equal((await database.verify(() => undefined)).damaged, [], words);
          assert.equal((await node.status()).alarms, [], words);
          await node.append('config', [{ key: 'after', type: 't', body: { n: -1 - cuts, pad: '' } }]);
        }, { notice: (text) => notices.push(text), fatal: (error) => { throw error; } });
        assert.equal(notices.filter((text) => !text.startsWith('recovered ')), [], words);
        recovered += notices.length;
        cuts++;
        if (random() < 0.3 || !next) {
          if (next) rmSync(next.dir, { recursive: true });
          next = { dir: `${state}-next`, lines: [...known] };
          before.build(next.dir, how, random);
        }
        rmSync(state, { recursive: true });
      }
      const act = acts[index]!;
      before.step(act);
      if (act.type !== WORDS) continue;
      const parts = (rest + act.bytes.toString()).split('\n');
      rest = parts.pop()!;
      known.push(...parts);
    }
    // The next life begins in what one of these cuts left: its recovery is recorded and cut as well.
    rmSync(dir, { recursive: true });
    ({ dir, lines } = next!);
  }
  assert.ok(torn > cuts / 4 && recovered > cuts / 4, `${cuts} cuts, ${torn} with writes under way, ${recovered} recoveries`);
  console.log(`${cuts} cuts, ${torn} of them with writes under way, ${recovered} recoveries, ${checked} events read`);
}, FAST));

test.run();
