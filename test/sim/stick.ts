// A stick: what an export left on it, what its days in a pocket do to that, and taking it in piece by piece.

import { bundleKey, openBlock, PARITY, partsOf, SEGMENTS, sealBlock } from '../../src/carry/bundle-block.ts';
import { PARITY_EXTRA } from '../../src/carry/bundle-bounds.ts';
import { dealOf, encodeRow, rowsOf } from '../../src/carry/bundle-parity.ts';
import { concat } from '../../src/event/bytes.ts';
import { logId } from '../../src/event/chain.ts';
import { logNameOf } from '../../src/event/header.ts';
import { parseSegment } from '../../src/event/segment.ts';
import { exportBundle, type ExportWish } from '../../src/node-export.ts';
import { BundleImport, type ImportReport } from '../../src/node-import.ts';
import type { Node } from '../../src/node.ts';
import type { Bytes } from '../../src/ports.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';

/** One file on a stick, by its blocks. */
export interface File { name: string; blocks: Bytes[]; parity: boolean }

/** Writes a bundle to `files`: what is there when the process dies stays there. `parity`: the share of blocks that may be lost. Gives the events in it. */
export async function writeStick(node: Node, files: File[], wish: Omit<ExportWish, 'padded'>, parity: number | undefined): Promise<number> {
  const { crypto, random } = node.options, volumes: Bytes[][] = [];
  let events = 0, size = 0;
  for await (const block of exportBundle(node, { ...wish, padded: parity !== undefined })) {
    if (block.index === 0) files.push({ name: `volume ${block.volume + 1}`, blocks: volumes[block.volume] = [], parity: false });
    volumes[block.volume]!.push(block.bytes);
    size = Math.max(size, block.size);
    events += block.events;
  }
  // A volume may need larger blocks than the others: parity is over equal ones.
  if (parity === undefined || volumes.length > 20 || volumes.some((blocks) => blocks.some(({ length }) => length !== size))) return events;
  const key = bundleKey(crypto, node.fleet), { bundle } = openBlock(crypto, key, volumes[0]![0]!)!;
  const deal = dealOf(volumes.map(({ length }) => length), size, parity), blocks: Bytes[] = [], total = deal.stripes * deal.rows;
  for (let stripe = 0; stripe < deal.stripes; stripe++) {
    const rows = await rowsOf(deal, stripe, (volume, index) => Promise.resolve(volumes[volume]![index]!));
    for (const [row, bytes] of rows.entries()) {
      blocks.push(sealBlock(crypto, random, key, { kind: PARITY, bundle, volume: 0, index: blocks.length, last: blocks.length + 1 === total, body: encodeRow({ deal, stripe, row, bytes }) }, size + PARITY_EXTRA));
    }
  }
  files.push({ name: 'parity', blocks, parity: true });
  return events;
}

/** One source of an import as it came, and whether every block of its file is in it as it was made. */
export interface Piece { name: string; bytes: Bytes; whole: boolean }

/** What comes of a stick's files: any of them, in any order, whole, twice, damaged, cut, or not at all. */
export function piecesOf(files: readonly File[], chance: Chance): Piece[] {
  const out: Piece[] = [];
  for (const { name, blocks } of chance.shuffle(files)) {
    const bytes = concat(...blocks);
    const fate = chance.weighted({ whole: 10, twice: 1, lost: 1.5, damaged: 1.5, cut: 1.5, junk: 0.5 });
    if (fate === 'lost') continue;
    if (fate === 'cut') { out.push({ name, bytes: bytes.slice(0, chance.int(0, bytes.length - 1)), whole: false }); continue; }
    if (fate === 'damaged') for (let n = chance.int(1, 3); n > 0; n--) bytes[chance.int(0, bytes.length - 1)]! ^= 1 << chance.int(0, 7);
    const piece = { name, bytes: fate === 'junk' ? concat(chance.bytes(chance.int(1, 9_000)), bytes) : bytes, whole: fate === 'whole' || fate === 'twice' };
    out.push(piece);
    if (fate === 'twice') out.push(piece);
  }
  return chance.shuffle(out);
}

/** Every file as it was made. */
export function wholePieces(files: readonly File[]): Piece[] {
  return files.map(({ name, blocks }) => ({ name, bytes: concat(...blocks), whole: true }));
}

/** Takes pieces in, one after the other, with pauses: somebody looks for the next stick. */
export async function readStick(node: Node, pieces: readonly Piece[], timeline: Timeline, pause: () => number): Promise<ImportReport> {
  const into = new BundleImport(node);
  for (const { name, bytes } of pieces) {
    await into.take({ name, read: (at, length) => Promise.resolve(bytes.slice(at, at + length)) }, chunks(bytes));
    await timeline.sleep(pause());
  }
  return into.finish();
}

/** The runs of events that lie in files. */
export function runsIn(node: Node, files: readonly File[]): { log: Bytes; first: number; last: number; after: Bytes }[] {
  const { crypto } = node.options, key = bundleKey(crypto, node.fleet), out: { log: Bytes; first: number; last: number; after: Bytes }[] = [];
  for (const bytes of files.flatMap(({ blocks }) => blocks)) {
    const block = openBlock(crypto, key, bytes);
    if (block?.kind !== SEGMENTS) continue;
    for (const { header } of (partsOf(block.body) ?? []).map(parseSegment)) {
      out.push({ log: logId(crypto, logNameOf(node.fleet, header)), first: header.first, last: header.first + header.count - 1, after: header.after });
    }
  }
  return out;
}

async function* chunks(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.slice(at, at + 10_000);
}
