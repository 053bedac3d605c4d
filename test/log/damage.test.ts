// A store with damaged stretches: what is lost is named, the rest is served, and nothing stops a node from opening.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compare, hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { digestOf, itemsIn, pages, tallyOf } from '../../src/log/archive.ts';
import { supply } from '../../src/log/supply.ts';
import { verifyStore } from '../../src/log/verify.ts';
import { liveOf } from '../../src/node-host.ts';
import type { Bytes, Store, Table } from '../../src/ports.ts';
import { openRoom, record, seen } from './bench-node.ts';
import type { Room } from './bench-node.ts';

const damage = suite('damage');

/** A store that has lost these rows, as LMDB shows it: what comes before them is a short page, the next scan is a fault that says where to go on. */
function lacking(gone: (table: Table, key: Bytes) => boolean): (store: Store) => Store {
  const fault = (table: Table, key: Bytes): Fault => new Fault('store-damaged', `${table} is damaged`, { cause: { table, next: Uint8Array.of(...key, 0) } });
  return (store) => ({
    ...store, manifest: store.manifest,
    async get(table, key) {
      if (gone(table, key)) throw fault(table, key);
      return store.get(table, key);
    },
    async scan(table, range) {
      const rows = await store.scan(table, range);
      const at = rows.findIndex((row) => gone(table, row.key));
      if (at === 0) throw fault(table, rows[0]!.key);
      return at < 0 ? rows : rows.slice(0, at);
    },
  });
}

async function some(): Promise<{ a: Room; lines: string[]; digest: string }> {
  const a = await openRoom('a');
  for (let i = 0; i < 4; i++) {
    a.grant = new Uint8Array(8).fill(i);
    a.writer.retire();
    await record(a, 's', 5, false, i * 5);
    await a.writer.checkpoint();
  }
  await a.writer.checkpoint();
  return { a, lines: await seen(a, 's'), digest: digestOf(a.archive) };
}

for (const table of ['log', 'frontier', 'lineage', 'meta'] as const) {
  damage(`rows of ${table} that are lost are made again from the others`, async () => {
    const { a, lines, digest } = await some();
    let n = 0;
    const lost = new Set<string>();
    for await (const row of pages(a.archive.store, table)) if (n++ % 2 === 0) lost.add(hex(row.key));
    const again = await openRoom('a', a.disk, { process: '2', wrap: lacking((t, key) => t === table && lost.has(hex(key))) });
    assert.equal(await seen(again, 's'), lines);
    if (table === 'frontier' || table === 'meta') assert.ok(again.archive.damage.length > 0);
    assert.is(digestOf(again.archive), digest);
    assert.is(tallyOf(again.archive, 's').events, 20);
    assert.ok(compare(Uint8Array.of(again.archive.seen.generation), Uint8Array.of(a.archive.seen.generation)) === 0);
    assert.is(again.archive.seen.ms, a.archive.seen.ms);
    const verified = await verifyStore(again.archive, () => undefined);
    assert.ok(verified.damaged.some((d) => d.what === `table ${table}`));
    assert.is(verified.events, 20);
  });
}

damage('a reader gets all that is left, and then the fault; peers get the rest too', async () => {
  const { a, lines } = await some();
  let first: Bytes | undefined;
  for await (const row of pages(a.archive.store, 'segment')) first ??= row.key;
  const again = await openRoom('a', a.disk, { process: '2', wrap: lacking((t, key) => t === 'segment' && hex(key) === hex(first!)) });
  const got: string[] = [];
  try {
    const { readStream } = await import('../../src/log/reader.ts');
    for await (const f of readStream(again.archive, [], 's', {})) got.push(`${f.position} ${hex(f.e).slice(0, 8)} ${f.key} ${JSON.stringify(f.body)}`);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Fault).code, 'store-damaged');
  }
  assert.is(got.length, 15);
  for (const line of got) assert.ok(lines.includes(line));
  const [tip] = itemsIn(again.archive, () => true);
  const given = await supply(again.archive, liveOf(() => []), { log: tip!.log, from: 1, to: tip!.to, lineage: true }, [], null, 1e6);
  assert.is(given.segments.length, 3);
  const verified = await verifyStore(again.archive, () => undefined);
  assert.is(verified.damaged.length, 1);
  assert.is(verified.events, 15);
});

damage('a segment whose payload is rotten is not supplied, and is named', async () => {
  const { a } = await some();
  const rows = a.disk.tables.segment.scan({});
  const spoil = (key: Bytes): void => { const bytes = a.disk.tables.segment.get(key)!.slice(); bytes[bytes.length - 1]! ^= 4; a.disk.tables.segment.put(key, bytes); };
  spoil(rows[1]!.key);
  const again = await openRoom('a', a.disk, { process: '2' });
  const [tip] = itemsIn(again.archive, () => true), named: string[] = [];
  const want = async (): Promise<number> => (await supply(again.archive, liveOf(() => []), { log: tip!.log, from: 1, to: tip!.to, lineage: true }, [], null, 1e6, (table, where) => { named.push(`${table} ${where}`); })).segments.length;
  assert.is(await want(), 3);
  assert.ok(named.length > 0 && named.every((words) => words === `segment at ${hex(rows[1]!.key)}`));
  const b = await openRoom('b');
  const { segments } = await supply(again.archive, liveOf(() => []), { log: tip!.log, from: 1, to: tip!.to, lineage: true }, [], null, 1e6);
  const { admit } = await import('../../src/log/door.ts');
  assert.equal((await admit(b.archive, segments)).outcomes.map((o) => o.state), ['admitted', 'admitted', 'admitted']);
});

damage('however many segments of a log are rotten in a row, what lies behind them is supplied', async () => {
  const a = await openRoom('a');
  for (let i = 0; i < 12; i++) {
    // Too large to be packed together.
    await a.writer.append('s', [{ key: 'k', type: 't', body: a.archive.random.bytes(12_000) }]);
    await a.writer.checkpoint();
  }
  const rows = a.disk.tables.segment.scan({}), held = rows.length;
  for (const { key } of rows.slice(1, 10)) { const bytes = a.disk.tables.segment.get(key)!.slice(); bytes[bytes.length - 1]! ^= 4; a.disk.tables.segment.put(key, bytes); }
  const again = await openRoom('a', a.disk, { process: '2' }), [tip] = itemsIn(again.archive, () => true);
  const { segments } = await supply(again.archive, liveOf(() => []), { log: tip!.log, from: 1, to: tip!.to, lineage: true }, [], null, 1e6);
  assert.ok(held > 10);
  assert.is(segments.length, held - 9);
});

damage.run();
