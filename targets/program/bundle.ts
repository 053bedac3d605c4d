// Bundles between a node and files: writing volumes and their parity, and taking in whatever files hold.

import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { equal, hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { bundleKey, openBlock, PARITY, sealBlock } from '../../src/carry/bundle-block.ts';
import { PARITY_EXTRA, VOLUME_BYTES_MOST } from '../../src/carry/bundle-bounds.ts';
import { dealOf, encodeRow, rowsOf } from '../../src/carry/bundle-parity.ts';
import { createVolume, openVolume, type OpenVolume, type VolumeWriter } from '../../src/io/volume.ts';
import { exportBundle, exportPlan } from '../../src/node-export.ts';
import { BundleImport, type ImportReport } from '../../src/node-import.ts';
import { noteMade } from '../../src/node-bundles.ts';
import { stillSaid } from '../../src/node-said.ts';
import type { Node } from '../../src/node.ts';
import { adoptParts, lyingIn, soundAt, volumesIn, type Lying } from './bundle-folder.ts';
import type { BundleMade, BundleWish } from './database.ts';
import { findMember } from './report.ts';

/** What is told while it goes on: bytes and events so far. */
export type BundleProgress = (bytes: number, events: number) => void;

/**
 * Writes a bundle into a folder as volumes, or into one file. What lies there of this fleet already is left out (unless `everything`), an interrupted export is gone on with.
 * Faults: `not-found` (a node), `carrier-full`, `carrier-failed`, `bad-argument`.
 */
export function writeBundle(node: Node, wish: BundleWish, progress: BundleProgress): Promise<BundleMade> {
  return inTurn(node, wish, progress, undefined);
}

/**
 * As `writeBundle`, but without a volume when there is nothing to carry and what this node holds stands in the folder already. `check` throws when the folder is no longer what is meant, a stick that was
 * pulled out: it is called before each volume is begun.
 */
export function writeNews(node: Node, wish: BundleWish, progress: BundleProgress, check: () => Promise<void>): Promise<BundleMade> {
  return inTurn(node, wish, progress, check);
}

function inTurn(node: Node, wish: BundleWish, progress: BundleProgress, check: (() => Promise<void>) | undefined): Promise<BundleMade> {
  const folder = wish.file === undefined ? resolve(wish.folder!) : dirname(resolve(wish.file));
  // One after the other: what one leaves unfinished the next takes for its own.
  const mine = (writing.get(folder) ?? Promise.resolve()).catch(() => undefined).then(() => writeInto(node, folder, wish, progress, check));
  writing.set(folder, mine);
  return mine.finally(() => { if (writing.get(folder) === mine) writing.delete(folder); });
}

/** What lies in a folder already of what is to be carried: a volume whose index says so is read first, since its blocks may be damaged. */
async function lyingWhole(node: Node, lying: Lying[], plan: Awaited<ReturnType<typeof exportPlan>>): Promise<Lying['held']> {
  const wanted = new Map<string, { from: number; to: number }[]>();
  for (const { range } of plan) wanted.set(hex(range.log), [...wanted.get(hex(range.log)) ?? [], range]);
  const out: Lying['held'] = [];
  for (const { path, held, indexed } of lying) {
    const matters = held.some(({ log, first, last }) => wanted.get(hex(log))?.some(({ from, to }) => first <= to && from <= last));
    if (matters) out.push(...indexed ? await soundAt(node, path) : held);
  }
  return out;
}

/** Folders that are being written to. */
const writing = new Map<string, Promise<unknown>>();

async function writeInto(node: Node, folder: string, wish: BundleWish, progress: BundleProgress, check: (() => Promise<void>) | undefined): Promise<BundleMade> {
  await check?.();
  const adopted = wish.file === undefined ? await adoptParts(node, folder) : [], finished: BundleMade['finished'] = [];
  for (const file of adopted) finished.push({ file, events: (await soundAt(node, file)).reduce((sum, { first, last }) => sum + last - first + 1, 0) });
  const lying = wish.file === undefined && wish.everything !== true ? await lyingIn(node, folder) : [];
  const wanted = {
    ...(wish.for === undefined ? {} : { for: wish.for.map((one) => findMember(node, one).id) }), ...(wish.since === undefined ? {} : { since: wish.since }),
    ...(wish.streams === undefined ? {} : { streams: wish.streams }), everything: wish.everything === true,
    volumeBytes: wish.file === undefined ? Math.min(wish.volumeBytes ?? VOLUME_BYTES_MOST, VOLUME_BYTES_MOST) : Number.MAX_SAFE_INTEGER, padded: wish.parity !== undefined,
  };
  const asked = { ...wanted, besides: await lyingWhole(node, lying, await exportPlan(node, wanted)) };
  const plan = await exportPlan(node, asked), made: BundleMade = { volumes: [], events: 0, bytes: 0, parity: 0, damaged: 0, finished };
  if (check && plan.length === 0 && lying.some(({ word }) => word !== undefined && equal(word.node, node.id) && stillSaid(node, word))) return made;
  const sizes: number[] = [], damaged = new Set<string>();
  let writer: VolumeWriter | undefined, stem = '', id: Uint8Array | undefined, size = 0, blocks = 0, bytes = 0, events = 0;
  try {
    for await (const block of exportBundle(node, asked, plan, (where) => damaged.add(where))) {
      id ??= block.bundle;
      stem ||= `hf-${hex(block.bundle).slice(0, 8)}`;
      if (!writer) await check?.();
      writer ??= await createVolume(folder, wish.file === undefined ? `${stem}-${String(block.volume + 1).padStart(3, '0')}.hfb` : basename(wish.file));
      await writer.write(block.bytes);
      size = Math.max(size, block.size);
      blocks++;
      bytes += block.bytes.length;
      events += block.events;
      made.bytes += block.bytes.length;
      made.events += block.events;
      progress(made.bytes, made.events);
      if (!block.last) continue;
      await writer.finish();
      made.volumes.push({ file: join(folder, writer.name), bytes, events });
      sizes.push(blocks);
      writer = undefined;
      blocks = bytes = events = 0;
    }
  } catch (error) {
    await writer?.leave();
    throw error;
  }
  made.damaged = damaged.size;
  if (id !== undefined && made.events > 0) await noteMade(node, id, { events: made.events, bytes: made.bytes, for: asked.for ?? [] });
  if (wish.parity !== undefined) made.parity = await writeParity(node, folder, stem, made, sizes, size, wish.parity, asked.volumeBytes);
  return made;
}

/** Writes the parity volumes over volumes that were just made. Returns how many. */
async function writeParity(node: Node, folder: string, stem: string, made: BundleMade, sizes: number[], size: number, share: number, volumeBytes: number): Promise<number> {
  const { crypto, random } = node.options, key = bundleKey(crypto, node.fleet), deal = dealOf(sizes, size, share), files: OpenVolume[] = [];
  const length = size + PARITY_EXTRA, each = Math.max(1, Math.floor(volumeBytes / length)), total = deal.stripes * deal.rows;
  let writer: VolumeWriter | undefined, volume = 0, index = 0, done = 0, bundle: Uint8Array | undefined;
  try {
    for (const { file } of made.volumes) files.push(await openVolume(file));
    bundle = openBlock(crypto, key, await files[0]!.read(0, size))!.bundle;
    for (let stripe = 0; stripe < deal.stripes; stripe++) {
      const rows = await rowsOf(deal, stripe, (v, i) => files[v]!.read(i * size, size));
      for (const [row, bytes] of rows.entries()) {
        writer ??= await createVolume(folder, `${stem}-p${String(volume + 1).padStart(2, '0')}.hfb`);
        const last = ++done === total || index + 1 === each;
        await writer.write(sealBlock(crypto, random, key, { kind: PARITY, bundle, volume, index: index++, last, body: encodeRow({ deal, stripe, row, bytes }) }, length));
        if (!last) continue;
        await writer.finish();
        made.volumes.push({ file: join(folder, writer.name), bytes: index * length, events: 0 });
        made.bytes += index * length;
        writer = undefined;
        index = 0;
        volume++;
      }
    }
    return volume;
  } catch (error) {
    await writer?.leave();
    throw error;
  } finally {
    for (const file of files) await file.close();
  }
}

/** Files that an import keeps open. */
const OPEN_MOST = 200;

/** Takes in files, and what folders hold of volumes. `-` is not known here. Faults: `not-found`, `carrier-failed`, those of the store; what came before is durable. */
export async function readBundles(node: Node, paths: string[], progress: BundleProgress): Promise<ImportReport> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch((error: unknown) => { throw new Fault('not-found', `${path} is not there`, { cause: error }); });
    if (found.isFile()) files.push(path);
    else if (!found.isDirectory()) throw new Fault('bad-argument', `${path} is neither a file nor a folder; what comes through a pipe is taken from stdin, which is written -`);
    else {
      const inside = await volumesIn(path);
      if (inside.length === 0) throw new Fault('not-found', `there are no volumes (*.hfb) in ${path}`);
      files.push(...inside);
    }
  }
  const into = new BundleImport(node);
  let bytes = 0;
  // Files stay open: parity may ask for their blocks again.
  const open: OpenVolume[] = [];
  try {
    for (const path of files) {
      const file = await takeFile(into, path, (more) => { bytes += more; progress(bytes, into.report.events); });
      if (open.length < OPEN_MOST) open.push(file); else await file.close();
    }
    return await into.finish();
  } finally {
    for (const file of open) await file.close();
  }
}

async function takeFile(into: BundleImport, path: string, told: (bytes: number) => void): Promise<OpenVolume> {
  const file = await openVolume(path);
  let shut = false;
  async function* pieces() {
    for await (const piece of file.pieces()) { told(piece.length); yield piece; }
  }
  // One too many to stay open is opened again for each block that parity asks for.
  const again = async (at: number, length: number): Promise<Uint8Array> => {
    const other = await openVolume(path);
    try {
      return await other.read(at, length);
    } finally {
      await other.close();
    }
  };
  try {
    await into.take({ name: path, read: (at, length) => (shut ? again(at, length) : file.read(at, length)) }, pieces());
  } catch (error) {
    await file.close();
    throw error;
  }
  return { ...file, close: () => { shut = true; return file.close(); } };
}
