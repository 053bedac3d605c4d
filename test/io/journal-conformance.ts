// What every Journal must do, whatever it is made of: each implementation runs this suite under its own name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Fault } from '../../src/fault.ts';
import type { Bytes, Journal } from '../../src/ports.ts';

/** One medium. `open` may be called again after the journal it gave was closed, and then finds what was kept. */
export interface JournalPlace {
  open(): Promise<Journal>;
  /** Removes the medium when the test is over. */
  remove?(): Promise<void> | void;
}

const word = (text: string): Bytes => new TextEncoder().encode(text);
const texts = (records: Bytes[]): string[] => records.map((record) => new TextDecoder().decode(record));

async function code(call: () => Promise<unknown> | void): Promise<string> {
  try { await call(); return 'none'; } catch (error) { return error instanceof Fault ? error.code : String(error); }
}

/** Registers and runs the suite. `place` makes a fresh, empty medium for each test. */
export function journalConformance(name: string, place: () => Promise<JournalPlace> | JournalPlace): void {
  const test = suite(`journal: ${name}`);
  const on = (title: string, body: (journal: Journal, reopen: () => Promise<Journal>) => Promise<void>): void => {
    test(title, async () => {
      const medium = await place();
      let journal = await medium.open();
      try {
        await body(journal, async () => { await journal.close(); journal = await medium.open(); return journal; });
      } finally {
        await journal.close();
        await medium.remove?.();
      }
    });
  };

  on('a new journal is empty', async (journal, reopen) => {
    assert.equal(await journal.replay(), { records: [], damage: [] });
    assert.is(journal.size, 0);
    assert.equal(await (await reopen()).replay(), { records: [], damage: [] });
  });

  on('records come back in order, whole, after opening again', async (journal, reopen) => {
    await journal.append(word('one'));
    await journal.append(word('two'));
    assert.equal((await journal.replay()).records, [], 'replay gives what was found when it was opened');
    const again = await reopen();
    assert.equal(texts((await again.replay()).records), ['one', 'two']);
    await again.append(word('three'));
    assert.equal(texts((await again.replay()).records), ['one', 'two']);
    const third = await reopen();
    const { records, damage } = await third.replay();
    assert.equal(texts(records), ['one', 'two', 'three']);
    assert.equal(damage, []);
  });

  on('concurrent appends keep the order of the calls', async (journal, reopen) => {
    const all: Promise<void>[] = [], resolved: number[] = [];
    for (let i = 0; i < 400; i++) {
      all.push(journal.append(word(`r${i}`)).then(() => { resolved.push(i); }));
      if (i % 50 === 0) await new Promise((done) => setTimeout(done, 1));
    }
    await Promise.all(all);
    assert.equal(resolved, Array.from({ length: 400 }, (_, i) => i));
    assert.equal(texts((await (await reopen()).replay()).records), Array.from({ length: 400 }, (_, i) => `r${i}`));
  });

  on('a note is kept with the next append, in its place', async (journal, reopen) => {
    await journal.append(word('a'));
    journal.note(word('n1'));
    journal.note(word('n2'));
    await journal.append(word('b'));
    assert.equal(texts((await (await reopen()).replay()).records), ['a', 'n1', 'n2', 'b']);
  });

  on('records of 1 byte and of 1 MiB', async (journal, reopen) => {
    const large = Uint8Array.from({ length: 1_048_576 }, (_, i) => (i * 31) >> 3);
    await Promise.all([journal.append(word('x')), journal.append(large), journal.append(word('y')), journal.append(large)]);
    const { records, damage } = await (await reopen()).replay();
    assert.equal(damage, []);
    assert.equal(records.map((record) => record.length), [1, 1_048_576, 1, 1_048_576]);
    assert.ok(records[1]!.every((value, i) => value === large[i]));
  });

  on('what is out of bounds is refused', async (journal, reopen) => {
    assert.is(await code(() => journal.append(new Uint8Array(0))), 'bad-argument');
    assert.is(await code(() => journal.append(new Uint8Array(1_048_577))), 'bad-argument');
    await journal.append(word('fine'));
    assert.equal(texts((await (await reopen()).replay()).records), ['fine']);
  });

  on('size grows with appends and starts again with a turn', async (journal) => {
    assert.is(journal.size, 0);
    await journal.append(new Uint8Array(1_000).fill(1));
    const size = journal.size;
    assert.ok(size >= 1_000 && size < 2_000, `${size}`);
    await journal.append(new Uint8Array(1_000).fill(1));
    assert.ok(journal.size >= size + 1_000);
    journal.turn();
    assert.is(journal.size, 0);
  });

  on('generations rise; release frees those before, and no other', async (journal, reopen) => {
    await journal.append(word('a'));
    const second = journal.turn();
    await journal.append(word('b'));
    const third = journal.turn();
    await journal.append(word('c'));
    assert.ok(third > second);
    await journal.release(second);
    const again = await reopen();
    assert.equal(texts((await again.replay()).records), ['b', 'c']);
    const fourth = again.turn();
    await again.append(word('d'));
    await again.release(fourth);
    const last = await reopen();
    assert.equal(texts((await last.replay()).records), ['d']);
    await last.release(last.turn());
    assert.equal(await (await reopen()).replay(), { records: [], damage: [] });
  });

  on('appends under way at a turn belong to the generation before', async (journal, reopen) => {
    const before = Array.from({ length: 20 }, (_, i) => journal.append(word(`before ${i}`)));
    const generation = journal.turn();
    const after = Array.from({ length: 20 }, (_, i) => journal.append(word(`after ${i}`)));
    await journal.release(generation);
    await Promise.all([...before, ...after]);
    assert.equal(texts((await (await reopen()).replay()).records), Array.from({ length: 20 }, (_, i) => `after ${i}`));
  });

  on('space is used again without old records coming back', async (journal, reopen) => {
    let now = journal;
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 12 - round; i++) await now.append(word(`round ${round} record ${i} ${'.'.repeat(round * 13)}`));
      const generation = now.turn();
      if (round % 3 === 0) now = await reopen();
      await now.release(round % 3 === 0 ? now.turn() : generation);
    }
    await now.append(word('last'));
    assert.equal(texts((await (await reopen()).replay()).records), ['last']);
  });

  on('a closed journal refuses to append', async (journal) => {
    await journal.append(word('a'));
    await journal.close();
    await journal.close();
    assert.is(await code(() => journal.append(word('b'))), 'closed');
  });

  on('closing waits for the appends under way', async (journal, reopen) => {
    const all = Array.from({ length: 10 }, (_, i) => journal.append(word(`${i}`)));
    const again = await reopen();
    await Promise.all(all);
    assert.is((await again.replay()).records.length, 10);
  });

  test('any sequence of appends, turns, releases and openings agrees with a list', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), size: fc.integer({ min: 1, max: 3_000 }), count: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), back: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
    );
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const medium = await place();
      let journal = await medium.open(), serial = 0;
      let live: { generation: number; text: string }[] = [], turns: number[] = [];
      const check = async (): Promise<void> => {
        await journal.close();
        journal = await medium.open();
        const { records, damage } = await journal.replay();
        assert.equal(damage, []);
        assert.equal(texts(records).map((text) => text.trimEnd()), live.map((item) => item.text));
        live = live.map((item) => ({ ...item, generation: 0 }));
        turns = [];
      };
      try {
        for (const item of steps) {
          if (item.kind === 'append') {
            await Promise.all(Array.from({ length: item.count }, () => {
              const text = `record ${serial++}`;
              live.push({ generation: turns.at(-1) ?? 0, text });
              return journal.append(word(text.padEnd(item.size)));
            }));
          } else if (item.kind === 'turn') turns.push(journal.turn());
          else if (item.kind === 'release') {
            const generation = turns[turns.length - 1 - item.back];
            if (generation === undefined) continue;
            await journal.release(generation);
            live = live.filter((old) => old.generation >= generation);
          } else await check();
        }
        await check();
      } finally {
        await journal.close();
        await medium.remove?.();
      }
    }), { numRuns: 60 });
  });

  test.run();
}
