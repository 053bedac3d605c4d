// A process that reads a damaged store as a node would: all of every table both ways, going on after each fault, then writes; says what came of it.
import { codeOf } from '../../src/fault.ts';
import type { Damage } from '../../src/io/lmdb-reader.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import { TABLES, type Range, type Table } from '../../src/ports.ts';

const [folder, checkMs] = process.argv.slice(2) as [string, string];
const result = { opened: 'yes', rows: 0, reversed: 0, faults: 0, other: [] as string[], damage: 0, written: 0, refused: 0 };
const keys: { table: Table; key: Uint8Array }[] = [];
try {
  const store = await openLmdb({ folder, checkMs: Number(checkMs) });
  for (const reverse of [false, true]) {
    for (const table of TABLES) {
      let range: Range = { reverse };
      for (;;) {
        try {
          const rows = await store.scan(table, range);
          if (rows.length === 0) break;
          result[reverse ? 'reversed' : 'rows'] += rows.length;
          if (!reverse) for (const row of rows) keys.push({ table, key: row.key });
          const last = rows[rows.length - 1]!.key;
          range = reverse ? { reverse, lt: last } : { gte: Uint8Array.of(...last, 0) };
        } catch (error) {
          result.faults++;
          if (codeOf(error) !== 'store-damaged' || !(error as Error).message.includes(table)) { result.other.push(String(error)); break; }
          const next = ((error as Error).cause as Damage | undefined)?.next;
          if (!next) break;
          if (range.gte && Buffer.compare(next, range.gte) <= 0 || range.lt && Buffer.compare(next, range.lt) >= 0) { result.other.push(`a scan of ${table} does not get on`); break; }
          range = reverse ? { reverse, lt: next } : { gte: next };
        }
      }
    }
  }
  for (let i = 0; i < 100; i++) {
    const key = crypto.getRandomValues(new Uint8Array(6));
    const old = keys[i % 7 === 0 ? i * 31 % keys.length : -1]; // now and then a row is removed
    await store.commit([...old ? [old] : [], { table: 'index', key, value: new Uint8Array(50) }, { table: 'segment', key, value: new Uint8Array(4_000) }, { table: 'latest', key: Uint8Array.of(0, i, i) }])
      .then(() => { result.written++; }, (error: unknown) => { result.refused++; if (codeOf(error) !== 'store-damaged') result.other.push(String(error)); });
  }
  result.damage = (await store.check()).length;
  await store.close();
} catch (error) {
  result.opened = codeOf(error);
}
process.stdout.write(`${JSON.stringify(result)}\n`);
