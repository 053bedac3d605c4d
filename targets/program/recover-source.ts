// What a recovery is made from: data directories, cards, bundles, and files of any kind, told apart by what lies in them. Nothing here writes.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hex } from '../../src/event/bytes.ts';
import { logId } from '../../src/event/chain.ts';
import { logNameOf } from '../../src/event/header.ts';
import { parseSegment, type Segment } from '../../src/event/segment.ts';
import { Fault } from '../../src/fault.ts';
import { decodeIdentity, type Identity } from '../../src/fleet/identity.ts';
import { segmentsIn } from '../../src/carry/segment-scan.ts';
import { rescueLmdb } from '../../src/io/lmdb-rescue.ts';
import { openWorn } from '../../src/io/worn-file.ts';
import { SEGMENT_BYTES } from '../../src/limits.ts';
import { pages } from '../../src/log/archive.ts';
import type { Bytes, Crypto, Table } from '../../src/ports.ts';
import { volumesIn } from './bundle-folder.ts';
import { JOURNAL, KEY_FILE, STORE } from './home.ts';

/** A node's directory as it was found, and the key in it, if that can be read. */
export interface OldHome { dir: string; store: string | undefined; key: Identity | undefined; keyFault: string | undefined }

/** Everything that paths led to. `files`: anything else, looked through byte by byte. */
export interface Sources { homes: OldHome[]; volumes: string[]; files: string[] }

/** In the backup of a server: its segments, one after the other. */
export const SEGMENTS = 'segments';
/** How deep, and through how many folders, a card is looked through for data directories. */
const DEPTH = 6, FOLDERS = 20_000;
/** Bytes of one piece of a file that is looked through. */
const PIECE = 4 * 1_048_576;

/** Finds out what lies at these paths. Fault `not-found`: not there, or nothing of use in it. */
export async function findSources(paths: string[]): Promise<Sources> {
  const found: Sources = { homes: [], volumes: [], files: [] };
  for (const path of paths) {
    if (!existsSync(path)) throw new Fault('not-found', `${path} is not there`);
    if (!statSync(path).isDirectory()) {
      (/\.hfb(\.part)?$/i.test(path) ? found.volumes : found.files).push(path);
      continue;
    }
    const before = found.homes.length, volumes = await volumesIn(path);
    let left = FOLDERS;
    const look = (dir: string, depth: number): void => {
      if (isHome(dir)) {
        found.homes.push(homeAt(dir));
        if (existsSync(join(dir, SEGMENTS))) found.files.push(join(dir, SEGMENTS));
        return;
      }
      if (depth === 0 || left-- <= 0) return;
      let inside: string[];
      try {
        inside = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      } catch {
        return;
      }
      for (const name of inside) look(join(dir, name), depth - 1);
    };
    look(path, DEPTH);
    found.volumes.push(...volumes);
    if (found.homes.length === before && volumes.length === 0) throw new Fault('not-found', `there is neither a data directory nor a volume (*.hfb) in ${path}`);
  }
  return found;
}

function isHome(dir: string): boolean {
  return existsSync(join(dir, KEY_FILE)) || existsSync(join(dir, SEGMENTS)) || existsSync(join(dir, STORE, 'data.mdb')) || existsSync(join(dir, JOURNAL, '0.journal')) || existsSync(join(dir, 'data.mdb'));
}

function homeAt(dir: string): OldHome {
  const store = [join(dir, STORE, 'data.mdb'), join(dir, 'data.mdb')].find((path) => existsSync(path));
  const home: OldHome = { dir, store, key: undefined, keyFault: undefined };
  try {
    if (existsSync(join(dir, KEY_FILE))) home.key = decodeIdentity(new Uint8Array(readFileSync(join(dir, KEY_FILE))));
  } catch (error) {
    home.keyFault = error instanceof Error ? error.message : String(error);
  }
  if (home.key?.grant === null) home.key = undefined;
  return home;
}

/** What reading a store's file met. */
export interface Reading { segments: number; damage: string[] }

/**
 * The segments of an old store, those of `$fleet` (`fleet` true) or the others: by its trees as far as these are sound, and where they are not, by what lies in the file's bytes.
 * Each was parsed, none is checked. Faults: `not-found`.
 */
export async function* segmentsOfStore(crypto: Crypto, fleetId: Bytes, path: string, fleet: boolean, reading: Reading): AsyncGenerator<Segment> {
  const rescue = rescueLmdb(path);
  let damaged = !rescue.headers || rescue.cut;
  const lost = (table: Table, where: string): void => {
    damaged = true;
    const words = `table ${table} of ${path}, ${where}, cannot be read`;
    if (!reading.damage.includes(words) && reading.damage.length < 1_000) reading.damage.push(words);
  };
  if (!rescue.headers && statSync(path).size > 0) lost('meta', 'all of it: both headers of the file are damaged');
  try {
    for (const table of rescue.headers ? ['segment', 'quarantine'] as const : []) {
      for await (const { key, value } of pages(rescue, table, undefined, undefined, 64, lost)) {
        let segment: Segment;
        try {
          segment = parseSegment(value);
        } catch {
          lost(table, `at ${hex(key)}`);
          continue;
        }
        if ((segment.header.stream === '$fleet') !== fleet) continue;
        reading.segments++;
        yield segment;
      }
    }
  } finally {
    await rescue.close();
  }
  if (damaged) yield* segmentsOfFile(crypto, fleetId, path, fleet, reading);
}

/** The segments in the bytes of any file, those of `$fleet` or the others, in order of log and position. */
export async function* segmentsOfFile(crypto: Crypto, fleetId: Bytes, path: string, fleet: boolean, reading: Reading): AsyncGenerator<Segment> {
  const file = openWorn(path), places: { log: string; first: number; at: number; length: number }[] = [];
  try {
    for (let at = 0; at < file.size; at += PIECE) {
      for (const { at: within, segment } of segmentsIn(crypto, file.read(at, PIECE + SEGMENT_BYTES + 1_024), PIECE)) {
        const { header, bytes } = segment;
        if ((header.stream === '$fleet') === fleet) places.push({ log: hex(logId(crypto, logNameOf(fleetId, header))), first: header.first, at: at + within, length: bytes.length });
      }
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    // As they come in the file there would be more holes on the way than a log may have.
    places.sort((a, b) => (a.log === b.log ? a.first - b.first : a.log < b.log ? -1 : 1));
    for (const { at, length } of places) {
      reading.segments++;
      yield parseSegment(file.read(at, length));
    }
    if (file.lost > 0 && fleet) reading.damage.push(`${file.lost} bytes of ${path} cannot be read from the medium`);
  } finally {
    file.close();
  }
}
