// The account of bundles: those that this node made, who has taken them in, and those that it has taken in itself and says so.
import type { Bytes } from './ports.ts';
import type { Value } from './event/value.ts';
import type { Word } from './carry/bundle-word.ts';
import type { Node } from './node.ts';
import { concat, equal, hex, utf8 } from './event/bytes.ts';
import { decode, encode } from './event/cbor.ts';
import { pages } from './log/archive.ts';
import { prefixEnd } from './log/place.ts';
import { WORD_TOOK } from './carry/bundle-bounds.ts';

/** A bundle that this node made. `at`: ms since 1970; `for`: nodes (none: whoever gets it); `arrived`: who has said to have taken it in, and when that was heard. */
export interface BundleAccount { bundle: string; at: number; events: number; bytes: number; for: string[]; arrived: { node: string; at: number }[] }

const MADE = utf8('made:'), TOOK = utf8('took:');
/** Bundles of one's own that are remembered; the oldest are forgotten. */
const MADE_MOST = 256;

type MadeRow = [at: number, events: number, bytes: number, wanted: Bytes[], arrived: [Bytes, number][]];

/** Notes that a bundle was made. */
export async function noteMade(node: Node, bundle: Bytes, made: { events: number; bytes: number; for: Bytes[] }): Promise<void> {
  const rows = await rowsOf(node, MADE), old = rows.length >= MADE_MOST ? oldest(rows.map(({ key, value }) => ({ key, at: (value as MadeRow)[0] }))) : undefined;
  const value = encode([Math.max(0, Math.trunc(node.options.clock.now())), made.events, made.bytes, made.for, []]);
  await node.turn(() => node.archive.store.commit([{ table: 'meta', key: concat(MADE, bundle), value }, ...(old ? [{ table: 'meta' as const, key: old }] : [])]));
}

/** Notes that a bundle was taken in: the next word says so. */
export async function noteTook(node: Node, bundle: Bytes): Promise<void> {
  const rows = await rowsOf(node, TOOK), key = concat(TOOK, bundle);
  const old = rows.length >= WORD_TOOK && !rows.some((row) => equal(row.key, key)) ? oldest(rows.map((row) => ({ key: row.key, at: row.value as number }))) : undefined;
  await node.turn(() => node.archive.store.commit([{ table: 'meta', key, value: encode(Math.max(0, Math.trunc(node.options.clock.now()))) }, ...(old ? [{ table: 'meta' as const, key: old }] : [])]));
}

/** The bundles that this node has taken in lately. */
export async function tookLately(node: Node): Promise<Bytes[]> {
  return (await rowsOf(node, TOOK)).map(({ key }) => key.slice(TOOK.length));
}

/** Another node's word says which bundles it has taken in: those of ours have arrived. */
export async function noteArrived(node: Node, word: Word): Promise<void> {
  const now = Math.max(0, Math.trunc(node.options.clock.now()));
  for (const bundle of word.took) {
    const key = concat(MADE, bundle);
    await node.turn(async () => {
      const row = await node.archive.store.get('meta', key);
      if (!row) return;
      const [at, events, bytes, wanted, arrived] = decode(row) as unknown as MadeRow;
      if (arrived.some(([one]) => equal(one, word.node))) return;
      await node.archive.store.commit([{ table: 'meta', key, value: encode([at, events, bytes, wanted, [...arrived, [word.node, now]]] as Value) }]);
    });
  }
}

/** The bundles that this node made, the latest first. */
export async function bundlesMade(node: Node): Promise<BundleAccount[]> {
  const all = (await rowsOf(node, MADE)).map(({ key, value }): BundleAccount => {
    const [at, events, bytes, wanted, arrived] = value as MadeRow;
    return { bundle: hex(key.subarray(MADE.length)), at, events, bytes, for: wanted.map(hex), arrived: arrived.map(([one, when]) => ({ node: hex(one), at: when })) };
  });
  return all.sort((a, b) => b.at - a.at);
}

async function rowsOf(node: Node, prefix: Bytes): Promise<{ key: Bytes; value: unknown }[]> {
  const out: { key: Bytes; value: unknown }[] = [];
  for await (const row of pages(node.archive.store, 'meta', prefix, prefixEnd(prefix), 256, () => undefined)) out.push({ key: row.key, value: decode(row.value) });
  return out;
}

function oldest(rows: { key: Bytes; at: number }[]): Bytes {
  return rows.reduce((a, b) => (b.at < a.at ? b : a)).key;
}
