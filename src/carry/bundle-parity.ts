// Parity volumes of a bundle: which block stands in which stripe, making the rows, and restoring what is missing (BUNDLE.md §4).

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';
import { BLOCK_MOST, PARITY_VOLUMES, STRIPE_USUAL } from './bundle-bounds.ts';
import { ParityRows, STRIPE_MOST, mending, type Mending } from './parity.ts';

/** Bytes of restored blocks that are held at a time. */
const TOGETHER_BYTES = 4_194_304;

/** How the blocks of a bundle are dealt: `blocks` in each data volume, of `size` bytes; K members and M rows in each of S stripes. */
export interface Deal { blocks: number[]; size: number; members: number; rows: number; stripes: number }

/** One row of one stripe. */
export interface Row { deal: Deal; stripe: number; row: number; bytes: Bytes }

/** How to deal so that `share` (above 0, at most 2) of the blocks can be lost. Faults: `bad-argument` without blocks or with an impossible share, `too-many` volumes. */
export function dealOf(blocks: number[], size: number, share: number): Deal {
  const total = blocks.reduce((sum, n) => sum + n, 0);
  if (total === 0 || !(share > 0 && share <= 2)) throw new Fault('bad-argument', 'parity is a share from above 0 to 200 % of at least one block');
  if (blocks.length > PARITY_VOLUMES) throw new Fault('too-many', `parity is made over at most ${PARITY_VOLUMES} volumes, not ${blocks.length}; make larger ones`);
  const stripes = Math.ceil(total / Math.min(STRIPE_USUAL, Math.floor(STRIPE_MOST / (1 + share)))), members = Math.ceil(total / stripes);
  return { blocks, size, members, rows: Math.max(1, Math.ceil(members * share)), stripes };
}

/** Where the members of a stripe stand: volume and index of each, in order; shorter in stripes that have fewer. */
export function membersOf(deal: Deal, stripe: number): { volume: number; index: number }[] {
  const out: { volume: number; index: number }[] = [];
  let volume = 0, before = 0;
  for (let member = 0; member < deal.members; member++) {
    const block = member * deal.stripes + stripe;
    while (volume < deal.blocks.length && block >= before + deal.blocks[volume]!) before += deal.blocks[volume++]!;
    if (volume < deal.blocks.length) out.push({ volume, index: block - before });
  }
  return out;
}

/** The rows of one stripe. `read` gives the bytes of a block as they stand in its volume. */
export async function rowsOf(deal: Deal, stripe: number, read: (volume: number, index: number) => Promise<Bytes>): Promise<readonly Bytes[]> {
  const made = new ParityRows(deal.members, deal.rows, deal.size);
  for (const [member, { volume, index }] of membersOf(deal, stripe).entries()) made.add(member, await read(volume, index));
  return made.rows;
}

/** What is left of a stripe. `block` and `row` give undefined when they cannot be read any more. */
export interface Remains {
  has(volume: number, index: number): boolean;
  block(volume: number, index: number): Promise<Bytes | undefined>;
  rows: readonly number[];
  row(row: number): Promise<Bytes | undefined>;
}

/**
 * The blocks of a stripe that are not there, restored, as many at a time as take 4 MiB; none when too little is left. They are `deal.size` long: a last block that was shorter ends in zeros, which do not
 * belong to it.
 */
export async function* restoreStripe(deal: Deal, stripe: number, left: Remains): AsyncGenerator<{ volume: number; index: number; bytes: Bytes }> {
  const places = [...membersOf(deal, stripe).entries()], missing = places.filter(([, { volume, index }]) => !left.has(volume, index)), held = places.filter((one) => !missing.includes(one));
  const most = Math.max(1, Math.floor(TOGETHER_BYTES / deal.size)), numbers = missing.map(([member]) => member);
  let rows = left.rows;
  for (let from = 0; from < missing.length;) {
    const some = missing.slice(from, from + most), mend = mending(deal.members, deal.size, numbers, some.map(([member]) => member), rows);
    if (!mend) return;
    const unread = await addRows(mend, left);
    // A row that cannot be read any more is replaced by another one.
    if (unread !== undefined) { rows = rows.filter((row) => row !== unread); continue; }
    for (const [member, { volume, index }] of held) {
      const bytes = await left.block(volume, index);
      if (!bytes) return;
      mend.addMember(member, bytes);
    }
    for (const [member, place] of some) yield { ...place, bytes: mend.blocks.get(member)! };
    from += some.length;
  }
}

/** Returns the number of a row that could not be read. */
async function addRows(mend: Mending, left: Remains): Promise<number | undefined> {
  for (const row of mend.rows) {
    const bytes = await left.row(row);
    if (!bytes) return row;
    mend.addRow(row, bytes);
  }
  return undefined;
}

/** The body of a block of parity. */
export function encodeRow({ deal, stripe, row, bytes }: Row): Bytes {
  const w = new Writer(bytes.length + 128);
  w.head(0x80, 8);
  w.head(0x80, deal.blocks.length);
  for (const n of deal.blocks) w.head(0, n);
  for (const n of [deal.size, deal.members, deal.rows, deal.stripes, stripe, row]) w.head(0, n);
  w.bytes(bytes);
  return w.copy();
}

/** Reads the body of a block of parity; undefined for one that makes no sense. */
export function readRow(body: Bytes): Row | undefined {
  try {
    const r = new Reader(body);
    if (r.array() < 8) return undefined;
    const count = r.array();
    if (count > PARITY_VOLUMES) return undefined;
    const blocks = Array.from({ length: count }, () => r.uint(2 ** 32));
    const size = r.uint(BLOCK_MOST), members = r.uint(STRIPE_MOST), rows = r.uint(STRIPE_MOST), stripes = r.uint(), stripe = r.uint(), row = r.uint();
    const bytes = r.copy(), total = blocks.reduce((sum, n) => sum + n, 0);
    if (members < 1 || rows < 1 || members + rows > STRIPE_MOST || stripe >= stripes || row >= rows || bytes.length !== size || members * stripes < total || (members - 1) * stripes >= total) return undefined;
    return { deal: { blocks, size, members, rows, stripes }, stripe, row, bytes };
  } catch {
    return undefined;
  }
}
