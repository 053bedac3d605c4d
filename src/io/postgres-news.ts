// What a commit changed, for the other processes of the same node, as two columns of a row of `news`.
import { Fault } from '../fault.ts';
import { TABLES, type Bytes, type News, type Op, type Shift } from '../ports.ts';
import { Reader } from '../event/reader.ts';
import { written } from '../event/writer.ts';

const MOST = 1 << 28;

/** Changed rows, and what came and went. */
export function encodeNews(ops: readonly Op[], shifts: readonly Shift[]): { changed: Bytes; moved: Bytes } {
  const moves = shifts.flatMap(({ retracted, admitted }) => [...retracted.map((run) => ({ run, admitted: false })), ...admitted.map((run) => ({ run, admitted: true }))]);
  return {
    changed: written(MOST, (w) => {
      for (const { table, key } of ops) {
        w.head(0, TABLES.indexOf(table));
        w.bytes(key);
      }
    }),
    moved: written(MOST, (w) => {
      for (const { run, admitted } of moves) {
        w.text(run.stream);
        w.bytes(run.node);
        w.bytes(run.incarnation);
        w.head(0, run.first);
        w.head(0, run.ends.length);
        w.byte(admitted ? 1 : 0);
      }
    }),
  };
}

/** The news of several commits, in order. Fault `store-damaged`. */
export function decodeNews(rows: readonly { changed: Bytes; moved: Bytes }[]): News {
  const changed: News['changed'][number][] = [], moved: News['moved'][number][] = [];
  try {
    for (const row of rows) {
      for (const r = new Reader(row.changed); r.at < r.end;) changed.push({ table: TABLES[r.uint(TABLES.length - 1)]!, key: r.copy() });
      for (const r = new Reader(row.moved); r.at < r.end;) moved.push({ stream: r.text(), node: r.copy(), incarnation: r.copy(), first: r.uint(), count: r.uint(), admitted: r.uint(1) === 1 });
    }
  } catch (error) {
    throw new Fault('store-damaged', 'What another process of this server told in table holdfast.news cannot be read.', { cause: error });
  }
  return { changed, moved };
}
