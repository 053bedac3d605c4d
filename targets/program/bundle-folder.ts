// What lies of this fleet in a folder: its volumes, what they hold, whose they are; and what an interrupted export left, made a volume.

import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { equal, hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { logId } from '../../src/event/chain.ts';
import { logNameOf } from '../../src/event/header.ts';
import { parseSegment } from '../../src/event/segment.ts';
import { bundleKey, partsOf, SEGMENTS, WORD } from '../../src/carry/bundle-block.ts';
import { Ranges } from '../../src/carry/bundle-index.ts';
import { lookAt, wholeBytes } from '../../src/carry/bundle-look.ts';
import { BundleScan } from '../../src/carry/bundle-scan.ts';
import { readWord, type Word } from '../../src/carry/bundle-word.ts';
import { realDisk } from '../../src/io/disk.ts';
import { openVolume, PART, type OpenVolume } from '../../src/io/volume.ts';
import type { Node } from '../../src/node.ts';

/** Files that are taken for volumes in a folder. */
const VOLUME = /^(?!\.).*\.hfb(\.part)?$/i;
/** Files that one folder is looked through for. */
const FILES_MOST = 20_000;

/** One volume. `bundle`: hex, undefined for what is not of this fleet; `word`: what its maker said last, `said` as it stands there; `held`: what it holds, `indexed` as its own index says. */
export interface Lying { path: string; bundle: string | undefined; word: Word | undefined; said: Uint8Array | undefined; held: { log: Uint8Array; first: number; last: number }[]; indexed: boolean; parity: boolean }

/**
 * The volumes in a folder and in the folders in it, in order of name; those that were never finished too. Links are not followed, and nothing but plain files counts.
 * Faults: `carrier-failed`, `too-many`.
 */
export async function volumesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (path: string, deeper: boolean): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || deeper === false) return [];
      throw new Fault('carrier-failed', `${path} cannot be read (${error.code ?? error.message})`, { cause: error });
    });
    for (const entry of entries) {
      if (entry.isFile() && VOLUME.test(entry.name)) found.push(join(path, entry.name));
      else if (deeper && entry.isDirectory()) await look(join(path, entry.name), false);
    }
    if (found.length > FILES_MOST) throw new Fault('too-many', `${folder} holds more than ${FILES_MOST} volumes; import some of them and move those away`);
  };
  await look(folder, true);
  // A volume that was finished makes its beginning redundant.
  const whole = new Set(found);
  return found.filter((path) => !path.endsWith(PART) || !whole.has(path.slice(0, -PART.length))).sort();
}

/** What lies in a folder of this fleet: as the indexes of the volumes say, or all their blocks where those are lost. What cannot be read is left out: an import names it. */
export async function lyingIn(node: Node, folder: string): Promise<Lying[]> {
  const out: Lying[] = [];
  for (const path of await volumesIn(folder)) {
    const file = await openVolume(path).catch(() => undefined);
    if (!file) continue;
    try {
      out.push(await lyingAt(node, file));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    } finally {
      await file.close();
    }
  }
  return out;
}

async function lyingAt(node: Node, file: OpenVolume): Promise<Lying> {
  const { crypto } = node.options, key = bundleKey(crypto, node.fleet), ranges = new Ranges();
  const look = await lookAt(crypto, key, file.size, file.read);
  let word = look?.word;
  if (look?.held) return { path: file.name, bundle: hex(look.bundle), word: word && wordOf(node, word), said: word, held: look.held, indexed: true, parity: false };
  if (look && !look.parity) word = await scanned(node, file, ranges) ?? word;
  return { path: file.name, bundle: look && hex(look.bundle), word: word && wordOf(node, word), said: word, held: ranges.list(), indexed: false, parity: look?.parity === true };
}

/** What a volume really holds, whatever its index says: all its blocks are read. Nothing where it cannot be. */
export async function soundAt(node: Node, path: string): Promise<Lying['held']> {
  const file = await openVolume(path).catch(() => undefined), ranges = new Ranges();
  try {
    if (file) await scanned(node, file, ranges);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  } finally {
    await file?.close();
  }
  return ranges.list();
}

/** Every block is read: for volumes that have lost their end. Returns the last word in it. */
async function scanned(node: Node, file: OpenVolume, ranges: Ranges): Promise<Uint8Array | undefined> {
  const { crypto } = node.options, scan = new BundleScan(crypto, bundleKey(crypto, node.fleet));
  let word: Uint8Array | undefined;
  const take = (found: ReturnType<BundleScan['end']>): void => {
    for (const each of found) {
      if (each.kind !== 'block') continue;
      if (each.block.kind === WORD) word = each.block.body;
      for (const bytes of each.block.kind === SEGMENTS ? partsOf(each.block.body) ?? [] : []) {
        try {
          const { header } = parseSegment(bytes);
          ranges.add(logId(crypto, logNameOf(node.fleet, header)), header.first, header.first + header.count - 1);
        } catch { /* an import names it */ }
      }
    }
  };
  for await (const piece of file.pieces()) take(scan.push(piece));
  take(scan.end());
  return word;
}

function wordOf(node: Node, bytes: Uint8Array): Word | undefined {
  try {
    return readWord(node.options.crypto, node.fleet, bytes);
  } catch {
    return undefined;
  }
}

/**
 * Makes what an export of this node left unfinished in a folder a volume like any other, cut to its whole blocks; the beginnings that others left are theirs. No other export may go on there.
 * Returns the paths of those volumes. Faults: `carrier-failed`.
 */
export async function adoptParts(node: Node, folder: string): Promise<string[]> {
  const done: string[] = [];
  const { crypto } = node.options, key = bundleKey(crypto, node.fleet);
  for (const path of (await volumesIn(folder)).filter((each) => each.endsWith(PART))) {
    const file = await openVolume(path).catch(() => undefined), name = path.slice(0, -PART.length);
    if (!file) continue;
    let whole = 0;
    try {
      const look = await lookAt(crypto, key, file.size, file.read), word = look?.word && wordOf(node, look.word);
      if (!look || !word || !equal(word.node, node.id)) continue;
      whole = await wholeBytes(crypto, key, look, file.read);
    } catch (error) {
      if (error instanceof Fault) continue;
      throw error;
    } finally {
      await file.close();
    }
    try {
      const disk = realDisk(), part = await disk.open(path);
      try {
        await part.truncate(whole);
        await part.sync();
      } finally {
        await part.close();
      }
      await disk.rename(path, name);
      await disk.syncFolder(dirname(path));
      done.push(name);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // A medium that takes nothing says so when the export writes.
      if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return done;
      throw new Fault('carrier-failed', `${path} cannot be made whole (${code ?? message}): was the medium pulled out?`, { cause: error });
    }
  }
  return done;
}
