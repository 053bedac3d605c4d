// Lists as tables, CSV or lines of JSON, sent while they are read: no faster than the client reads, in bounded memory however long they are.

import type { Context } from 'hono';
import { jsonText } from '../../src/event/json.ts';
import { Fault } from '../../src/fault.ts';
import type { Surroundings } from './context.ts';
import { csvLine, type Column } from './csv.ts';

/** Characters that are sent together. */
const TOGETHER = 65_536;
/** Whole lists that are sent at a time, to all clients together. */
const AT_ONCE = 8;
/** A client that has not taken one piece for this long is cut off, ms. */
const STALL_MS = 60_000;
/** Rows after which others have their turn. */
const TURN_ROWS = 256;

/** What is sent. `all`: the whole list, of which only so many are under way; `next`: where a page goes on, told in the header `Next-Cursor`; `raw`: text that looks like a formula is left as it is. */
export interface Table<T> { shape: 'csv' | 'ndjson'; name: string; columns: readonly Column<T>[]; rows: Iterable<T> | AsyncIterable<T>; shown?: (row: T) => unknown; next?: string | undefined; all?: boolean; raw?: boolean }

const TYPES = { csv: 'text/csv; charset=utf-8; header=present', ndjson: 'application/x-ndjson; charset=utf-8' };

let under = 0;

/** The answer. Fault `busy`: too many whole lists are under way. */
export function exported<T>(c: Context<Surroundings>, { shape, name, columns, rows, shown = (row) => row, next, all = false, raw = false }: Table<T>): Response {
  const headers = { 'content-type': TYPES[shape], 'content-disposition': `attachment; filename="${fileName(name, shape)}"`, ...(next === undefined ? {} : { 'next-cursor': encodeURIComponent(next) }) };
  if (c.env.incoming.method === 'HEAD') return new Response(null, { headers });
  async function* text(): AsyncGenerator<string> {
    if (shape === 'csv') yield csvLine(columns.map(([title]) => title), raw);
    for await (const row of rows) yield shape === 'csv' ? csvLine(columns.map(([, cell]) => cell(row)), raw) : `${jsonText(shown(row))}\n`;
  }
  const broken = (): void => { c.env.outgoing.destroy(); };
  if (!all) return new Response(streamed(encoded(text()), () => {}, broken), { headers });
  if (under >= AT_ONCE) throw new Fault('busy', `${AT_ONCE} exports are under way already; try again when one has ended.`);
  under++;
  return new Response(streamed(encoded(text()), () => { under--; }, broken), { headers });
}

/** A name of a file that nothing takes for a path or for more than a name. */
export function fileName(name: string, suffix: string): string {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return `${name.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[.-]+/, '').slice(0, 80) || 'export'}-${stamp}.${suffix}`;
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = '', rows = 0;
  for await (const line of lines) {
    text += line;
    if (text.length >= TOGETHER) {
      yield encoder.encode(text);
      text = '';
    }
    if (++rows % TURN_ROWS === 0) await new Promise((resolve) => { setImmediate(resolve); });
  }
  if (text !== '') yield encoder.encode(text);
}

/** A body that is made piece by piece when the client has room; `left` is called once, whoever ends it. `broken` is called at a fault on the way, and must break the connection: what came is not the whole. */
export function streamed(pieces: AsyncGenerator<Uint8Array>, left: () => void, broken: () => void): ReadableStream<Uint8Array> {
  let over = false, stall: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(stall);
    if (over) return;
    over = true;
    left();
    void pieces.return(undefined).catch(() => {});
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(stall);
      try {
        const step = await pieces.next();
        if (over) return;
        if (step.done === true) {
          end();
          controller.close();
          return;
        }
        controller.enqueue(step.value);
        stall = setTimeout(() => {
          end();
          broken();
        }, STALL_MS);
      } catch {
        // An error of the stream would end the answer in good order, with its words at the end of the data.
        end();
        broken();
      }
    },
    cancel: end,
  }, { highWaterMark: 1 });
}
