// What every Store must do, whatever it is made of: each implementation runs this suite under its own name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Fault } from '../../src/fault.ts';
import { TABLES, type Bytes, type Op, type Range, type Row, type Store, type Table } from '../../src/ports.ts';

/** One medium. `open` may be called again after the store it gave was closed, and then finds what was committed. */
export interface StorePlace {
  open(): Promise<Store>;
  /** Removes the medium when the test is over. */
  remove?(): Promise<void> | void;
}

const bytes = (...values: number[]): Bytes => Uint8Array.from(values);
const word = (text: string): Bytes => new TextEncoder().encode(text);
const filled = (length: number, value: number): Bytes => new Uint8Array(length).fill(value);
const plain = (rows: Row[]): [number[], number[]][] => rows.map((row) => [[...row.key], [...row.value]]);
const put = (table: Table, key: Bytes, value: Bytes): Op => ({ table, key, value });

function compare(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

async function code(promise: Promise<unknown>): Promise<string> {
  try { await promise; return 'none'; } catch (error) { return error instanceof Fault ? error.code : String(error); }
}

/**
 * Registers and runs the suite. `place` makes a fresh, empty medium for each test.
 * Example: `storeConformance('memory', () => { const disk = …; return { open: async () => memoryStore(disk) }; })`.
 */
export function storeConformance(name: string, place: () => Promise<StorePlace> | StorePlace): void {
  const test = suite(`store: ${name}`);
  const on = (title: string, body: (store: Store, reopen: () => Promise<Store>) => Promise<void>): void => {
    test(title, async () => {
      const medium = await place();
      let store = await medium.open();
      try {
        await body(store, async () => { await store.close(); store = await medium.open(); return store; });
      } finally {
        await store.close();
        await medium.remove?.();
      }
    });
  };

  on('an empty store has no rows in any table', async (store) => {
    for (const table of TABLES) {
      assert.is(await store.get(table, bytes(1)), undefined);
      assert.equal(await store.scan(table, {}), []);
      assert.equal(await store.scan(table, { reverse: true }), []);
    }
    assert.type(store.manifest.name, 'string');
    assert.type(store.manifest.durable, 'boolean');
  });

  on('rows are put, replaced and removed; removing what is not there is no error', async (store) => {
    await store.commit([put('log', word('a'), word('1')), put('log', word('b'), word('2'))]);
    assert.equal([...(await store.get('log', word('a')))!], [...word('1')]);
    await store.commit([put('log', word('a'), word('one')), { table: 'log', key: word('b') }, { table: 'log', key: word('none'), value: undefined }]);
    assert.equal(plain(await store.scan('log', {})), [[[...word('a')], [...word('one')]]]);
    await store.commit([]);
  });

  on('within a batch the last write of a row wins', async (store) => {
    await store.commit([put('meta', word('a'), word('1')), { table: 'meta', key: word('a') }, put('meta', word('b'), word('1')), put('meta', word('b'), word('2')), put('meta', word('c'), word('1')), { table: 'meta', key: word('c') }]);
    assert.is(await store.get('meta', word('a')), undefined);
    assert.equal([...(await store.get('meta', word('b')))!], [...word('2')]);
    assert.is(await store.get('meta', word('c')), undefined);
  });

  on('tables are separate', async (store) => {
    await store.commit(TABLES.map((table, i) => put(table, word('k'), bytes(i))));
    for (const [i, table] of TABLES.entries()) assert.equal(plain(await store.scan(table, {})), [[[...word('k')], [i]]]);
    await store.commit([{ table: 'segment', key: word('k') }]);
    assert.equal(await store.scan('segment', {}), []);
    assert.is((await store.scan('index', {})).length, 1);
  });

  on('keys sort bytewise, a prefix first', async (store) => {
    const keys = [bytes(0), bytes(0, 0), bytes(0, 255), bytes(1), bytes(127), bytes(128), bytes(128, 0), bytes(255), bytes(255, 255), filled(400, 255)];
    await store.commit([...keys].reverse().map((key, i) => put('index', key, bytes(i))));
    assert.equal((await store.scan('index', {})).map((row) => [...row.key]), keys.map((key) => [...key]));
    assert.equal((await store.scan('index', { reverse: true })).map((row) => [...row.key]), [...keys].reverse().map((key) => [...key]));
  });

  on('ranges: gte is in, lt is out, limit counts, reverse takes the last ones first', async (store) => {
    await store.commit(Array.from({ length: 20 }, (_, i) => put('latest', bytes(i * 10), bytes(i))));
    const keys = async (range: Range): Promise<number[]> => (await store.scan('latest', range)).map((row) => row.key[0]! / 10);
    assert.equal(await keys({ gte: bytes(30), lt: bytes(60) }), [3, 4, 5]);
    assert.equal(await keys({ gte: bytes(31), lt: bytes(61) }), [4, 5, 6]);
    assert.equal(await keys({ gte: bytes(30), lt: bytes(60), reverse: true }), [5, 4, 3]);
    assert.equal(await keys({ gte: bytes(31), lt: bytes(61), reverse: true, limit: 2 }), [6, 5]);
    assert.equal(await keys({ lt: bytes(20) }), [0, 1]);
    assert.equal(await keys({ gte: bytes(180) }), [18, 19]);
    assert.equal(await keys({ gte: bytes(180), reverse: true }), [19, 18]);
    assert.equal(await keys({ limit: 3 }), [0, 1, 2]);
    assert.equal(await keys({ limit: 0 }), []);
    assert.equal(await keys({ gte: bytes(60), lt: bytes(60) }), []);
    assert.equal(await keys({ gte: bytes(60), lt: bytes(30) }), []);
    assert.equal(await keys({ gte: bytes(60), lt: bytes(30), reverse: true }), []);
    assert.equal(await keys({ gte: bytes(191) }), []);
    assert.equal(await keys({ lt: bytes(0) }), []);
    assert.equal(await keys({ lt: bytes(0), reverse: true }), []);
    assert.equal(await keys({ lt: bytes(250), reverse: true, limit: 1 }), [19]);
    assert.equal(await keys({ gte: bytes(10), lt: bytes(10, 0) }), [1]);
  });

  on('a page has 1,000 rows unless told otherwise', async (store) => {
    await store.commit(Array.from({ length: 1_500 }, (_, i) => put('receipt', bytes(i >> 8, i & 255), bytes(1))));
    assert.is((await store.scan('receipt', {})).length, 1_000);
    assert.is((await store.scan('receipt', { limit: 1_400 })).length, 1_400);
    assert.is((await store.scan('receipt', { limit: 2_000, reverse: true })).length, 1_500);
  });

  on('a page of large rows ends near 4 MiB and has at least one row', async (store) => {
    const value = filled(1_048_576, 7);
    await store.commit(Array.from({ length: 9 }, (_, i) => put('segment', bytes(i), value)));
    let seen = 0, pages = 0, from = bytes(0);
    for (;;) {
      const rows = await store.scan('segment', { gte: from });
      if (rows.length === 0) break;
      assert.ok(rows.length <= 6, `${rows.length} MiB in one page`);
      for (const row of rows) { assert.is(row.key[0], seen++); assert.is(row.value.length, value.length); }
      pages++;
      from = bytes(rows[rows.length - 1]!.key[0]!, 0);
    }
    assert.is(seen, 9);
    assert.ok(pages >= 2);
    assert.ok((await store.scan('segment', { reverse: true })).length >= 1);
  });

  on('the largest and smallest keys and values', async (store) => {
    const large = filled(1_048_576, 9), key = filled(400, 3);
    await store.commit([put('segment', bytes(0), new Uint8Array(0)), put('segment', key, large)]);
    assert.is((await store.get('segment', bytes(0)))!.length, 0);
    assert.is(compare((await store.get('segment', key))!, large), 0);
    assert.equal((await store.scan('segment', {})).map((row) => row.value.length), [0, 1_048_576]);
  });

  on('what is out of bounds is refused whole, and only it', async (store) => {
    const good = store.commit([put('meta', word('good'), bytes(1))]);
    const bad = [
      [put('meta', word('x'), bytes(1)), put('meta', new Uint8Array(0), bytes(1))],
      [put('meta', word('x'), bytes(1)), put('meta', filled(401, 1), bytes(1))],
      [put('meta', word('x'), bytes(1)), put('meta', word('y'), filled(1_048_577, 1))],
      [put('meta', word('x'), bytes(1)), put('nonsense' as Table, word('y'), bytes(1))],
    ].map((ops) => code(store.commit(ops)));
    const after = store.commit([put('meta', word('after'), bytes(1))]);
    assert.equal(await Promise.all(bad), ['bad-argument', 'bad-argument', 'bad-argument', 'bad-argument']);
    await Promise.all([good, after]);
    assert.equal((await store.scan('meta', {})).map((row) => new TextDecoder().decode(row.key)), ['after', 'good']);
  });

  on('what is read is a copy, and what was written is not shared', async (store) => {
    const key = word('key'), value = word('value');
    await store.commit([put('alarm', key, value)]);
    value[0] = 0;
    const first = (await store.get('alarm', key))!;
    assert.equal([...first], [...word('value')]);
    first.fill(0);
    const row = (await store.scan('alarm', {}))[0]!;
    row.value.fill(0); row.key.fill(0);
    assert.equal(plain(await store.scan('alarm', {})), [[[...word('key')], [...word('value')]]]);
  });

  on('overlapping commits apply in the order of the calls', async (store) => {
    const all: Promise<void>[] = [], resolved: number[] = [];
    for (let i = 0; i < 300; i++) {
      all.push(store.commit([put('frontier', word('same'), bytes(i >> 8, i & 255)), put('frontier', bytes(1, i >> 8, i & 255), bytes(i & 255))]).then(() => { resolved.push(i); }));
      if (i % 40 === 0) await new Promise((done) => setTimeout(done, 1));
    }
    await Promise.all(all);
    assert.equal(resolved, Array.from({ length: 300 }, (_, i) => i));
    assert.equal([...(await store.get('frontier', word('same')))!], [299 >> 8, 299 & 255]);
    assert.is((await store.scan('frontier', { lt: bytes(2) })).length, 300);
  });

  on('no reader sees half of a commit, and a resolved commit is seen', async (store) => {
    let last = 0, done = false;
    const writer = (async () => {
      for (let i = 1; i <= 100; i++) {
        await store.commit([put('lineage', word('a'), bytes(i)), put('lineage', word('b'), bytes(i))]);
        last = i;
      }
      done = true;
    })();
    while (!done) {
      const least = last, rows = await store.scan('lineage', {});
      if (least > 0 || rows.length > 0) {
        assert.is(rows.length, 2);
        assert.is(rows[0]!.value[0], rows[1]!.value[0]);
        assert.ok(rows[0]!.value[0]! >= least, 'a resolved commit is missing');
      }
      await new Promise((next) => setTimeout(next, 0));
    }
    await writer;
  });

  on('everything committed is there after closing and opening again', async (store, reopen) => {
    await store.commit(TABLES.map((table, i) => put(table, bytes(i + 1), filled(i * 1_000, i))));
    const late = store.commit([put('meta', word('late'), bytes(1))]);
    const again = await reopen();
    await late;
    for (const [i, table] of TABLES.entries()) assert.is((await again.get(table, bytes(i + 1)))!.length, i * 1_000);
    assert.equal([...(await again.get('meta', word('late')))!], [1]);
    await again.commit([{ table: 'meta', key: word('late') }]);
    assert.is(await (await reopen()).get('meta', word('late')), undefined);
  });

  on('a closed store refuses everything but closing', async (store) => {
    await store.commit([put('meta', word('a'), bytes(1))]);
    await store.close();
    await store.close();
    assert.is(await code(store.get('meta', word('a'))), 'closed');
    assert.is(await code(store.scan('meta', {})), 'closed');
    assert.is(await code(store.commit([put('meta', word('a'), bytes(1))])), 'closed');
  });

  on('space counts bytes used and left', async (store) => {
    const before = await store.space();
    await store.commit(Array.from({ length: 8 }, (_, i) => put('segment', bytes(i), filled(100_000, i))));
    const after = await store.space();
    assert.ok(before.used >= 0 && before.free >= 0 && after.free >= 0);
    assert.ok(after.used >= before.used + 700_000, `${before.used} → ${after.used}`);
  });

  test('any sequence of commits and scans agrees with a sorted list', async () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 3, max: 4 }), table = fc.constantFrom<Table>('log', 'index');
    const op = fc.record({ table, key, value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }) });
    const range = fc.record({ gte: fc.option(key, { nil: undefined }), lt: fc.option(key, { nil: undefined }), limit: fc.option(fc.nat(8), { nil: undefined }), reverse: fc.boolean() });
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ ops: fc.array(op, { maxLength: 6 }), table, range, reopen: fc.nat(9) }), { maxLength: 12 }), async (steps) => {
      const medium = await place();
      let store = await medium.open();
      const model: Record<string, [number[], number[]][]> = { log: [], index: [] };
      try {
        for (const step of steps) {
          await store.commit(step.ops);
          for (const { table, key, value } of step.ops) {
            const rest = model[table]!.filter(([k]) => compare(k, key) !== 0);
            if (value) rest.push([[...key], [...value]]);
            model[table] = rest.sort((a, b) => compare(a[0], b[0]));
          }
          if (step.reopen === 0) { await store.close(); store = await medium.open(); }
          const { gte, lt, limit, reverse } = step.range;
          let expected = model[step.table]!.filter(([k]) => (!gte || compare(k, gte) >= 0) && (!lt || compare(k, lt) < 0));
          if (reverse) expected = expected.reverse();
          const wanted: Range = { reverse, ...(gte && { gte }), ...(lt && { lt }), ...(limit !== undefined && { limit }) };
          assert.equal(plain(await store.scan(step.table, wanted)), expected.slice(0, limit ?? 1_000));
          for (const [k, v] of expected) assert.equal([...(await store.get(step.table, Uint8Array.from(k)))!], v);
        }
      } finally {
        await store.close();
        await medium.remove?.();
      }
    }), { numRuns: 40 });
  });

  test.run();
}
