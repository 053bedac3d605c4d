// A working node again, in a new directory, from what is left of it: the same node with a new incarnation, which is what every start is.

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { equal, hex } from '../../src/event/bytes.ts';
import { parseSegment, type Segment } from '../../src/event/segment.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import { fleetId } from '../../src/fleet/genesis.ts';
import { decodeIdentity, encodeIdentity, type Identity } from '../../src/fleet/identity.ts';
import { realDisk } from '../../src/io/disk.ts';
import { readJournal } from '../../src/io/journal-read.ts';
import { keyFile } from '../../src/io/key-file.ts';
import { Node, openNode } from '../../src/node.ts';
import { takeSegments, type ImportReport } from '../../src/node-import.ts';
import type { Notice, NodeOptions } from '../../src/node-options.ts';
import { joinFleet } from '../../src/node-setup.ts';
import type { Bytes } from '../../src/ports.ts';
import { readBundles } from './bundle.ts';
import { defaultName } from './found.ts';
import { hasNode, JOURNAL, KEY_FILE, openHome, STORE } from './home.ts';
import { MEMORY_FOLDER } from './input-memory.ts';
import { Known } from './recover-known.ts';
import type { Missing } from './database.ts';
import { findSources, segmentsOfFile, segmentsOfStore, type OldHome, type Reading, type Sources } from './recover-source.ts';
import { CONFIG_FILE } from './settings.ts';
import { openStation } from './station.ts';
import { isTar, readTar } from './tar.ts';
import { decodeToken } from '../../src/fleet/token.ts';
import { connectControl } from '../../src/io/control.ts';
import { createCrypto } from '../../src/io/crypto.ts';

/** What to recover from. `paths`: directories, bundles, files; `peers`: URLs; `token`: for a node of its own where no key is left. */
export interface RecoverWish { dir: string; paths: string[]; peers: string[]; token?: string; name?: string }

/** What one source gave. `segments`: found in it; `added`: those that were new here, `refused`: that are not of this fleet or not to be believed; `events`: new here; `damage`: what of it could not be read. */
export interface Given { path: string; segments: number; added: number; refused: number; events: number; damage: string[] }

/** What a recovery did. `key`: where the node's key came from, undefined for a new node. `journal`: events that were sealed out of journals. `lost`: was written once and is not held, unless another node has it. */
export interface Recovered {
  node: string; name: string; fleet: string; key: string | undefined; sources: Given[]; bundles: ImportReport | undefined; journal: { events: number; skipped: string[] };
  peers: { url: string; received: number; error?: string }[]; lost: Missing[]; events: number; notes: string[];
}

/** The key of a node while it is being recovered: as long as it has this name, no node lives in the directory. */
const RECOVERING = 'recovering.key';
/** Where backups that are one file are unpacked, until all is done. */
const UNPACKED = 'unpacked';
const BATCH_BYTES = 1_048_576;

/** Recovers. Faults: `fleet-exists`, `no-fleet` (no key is left, and no token), `bad-token`, `not-found`, `other-fleet`, those of the store. Broken off, it goes on when called again. */
export async function recoverNode(wish: RecoverWish, progress: (words: string) => void): Promise<Recovered> {
  const { dir } = wish, fresh = !existsSync(dir);
  try {
    return await recovered(wish, progress);
  } catch (error) {
    // The database is another node's: this directory will not become a node by trying again.
    if (fresh && codeOf(error) === 'fleet-exists') rmSync(join(dir, RECOVERING), { force: true });
    throw error;
  } finally {
    rmSync(join(dir, UNPACKED), { recursive: true, force: true });
    // Nothing was made of it: nothing is left.
    if (fresh && existsSync(dir) && readdirSync(dir).length === 0) rmdirSync(dir);
  }
}

/** A node that runs is not dead: a second one with its key would be a clone of it. Fault `busy`. */
async function refuseRunning(dir: string): Promise<void> {
  const channel = await connectControl(dir);
  channel?.close();
  if (channel !== undefined) throw new Fault('busy', `A node runs on ${dir}, so there is nothing to recover: \`holdfast backup\` makes a copy of it. Stop it first if it is to be moved.`);
}

async function recovered(wish: RecoverWish, progress: (words: string) => void): Promise<Recovered> {
  const { dir } = wish;
  if (await hasNode(dir)) throw new Fault('fleet-exists', `There is a node in ${dir} already. Recover into a new directory; nothing is ever written to what is recovered from.`);
  refuseUsed(wish);
  const found = await findSources(await unpacked(wish));
  for (const home of found.homes) await refuseRunning(home.dir);
  const crypto = createCrypto(), notes: string[] = [];
  const keys = keyFile(join(dir, RECOVERING)), { identity, from } = await identityOf(wish, found, keys, notes);
  const out: Recovered = { node: hex(crypto.signer(identity.seed)), name: identity.name, fleet: hex(fleetId(crypto, identity.genesis)), key: from, sources: [], bundles: undefined, journal: { events: 0, skipped: [] }, peers: [], lost: [], events: 0, notes };
  const known = new Known(), journals: Bytes[] = [];
  for (const home of found.homes) {
    const { records, damage } = readJournal(join(home.dir, JOURNAL));
    known.addJournal(crypto, records);
    if (records.length > 0 && (home.key === undefined || equal(home.key.seed, identity.seed))) journals.push(...records);
    else if (records.length > 0) notes.push(`the journal in ${home.dir} is of another node: only that one can sign what is in it`);
    out.journal.skipped.push(...damage);
    if (home.store !== undefined) await known.addStore(home.store);
  }
  await within(dir, keys, [], undefined, true, (node) => takeAll(node, identity, found, out, progress));
  // With everything in the store that belongs before it, what was only in a journal finds its place.
  progress('journals');
  await within(dir, keys, journals, (notice) => {
    if (notice.kind !== 'recovered') return;
    out.journal.events += notice.events;
    out.journal.skipped.push(...notice.skipped);
  }, false, () => Promise.resolve());
  carryOver(dir, found.homes.find((home) => home.key !== undefined && equal(home.key.seed, identity.seed)), notes);
  renameSync(join(dir, RECOVERING), join(dir, KEY_FILE));
  await realDisk().syncFolder(dir);
  // As they were named.
  for (const one of out.sources) wish.paths.forEach((path, i) => { if (one.path.startsWith(join(dir, UNPACKED, String(i)))) one.path = path; });
  await finish(wish, known, out, progress);
  return out;
}

/** What is recovered from is never written to, nor what somebody keeps in the directory. */
function refuseUsed({ dir, paths }: RecoverWish): void {
  if (!existsSync(dir)) return;
  const real = realpathSync(dir);
  for (const path of paths) {
    const source = existsSync(path) ? realpathSync(path) : path;
    if (source === real || source.startsWith(`${real}/`)) throw new Fault('bad-argument', `${path} is what is to be recovered from, and ${dir} would be written to. Name a new directory.`);
  }
  const used = readdirSync(dir).find((name) => [STORE, JOURNAL, 'data.mdb', 'postgres'].includes(name));
  if (used !== undefined && !existsSync(join(dir, RECOVERING))) throw new Fault('bad-argument', `${dir} holds a ${used} already, and nothing is written over it. Name a new directory.`);
}

/** The paths, with backups that are one file unpacked beside what is being made. */
async function unpacked({ dir, paths }: RecoverWish): Promise<string[]> {
  const out: string[] = [];
  for (const [i, path] of paths.entries()) {
    const plain = existsSync(path) && statSync(path).isFile() && await isTar(path), folder = join(dir, UNPACKED, String(i));
    if (plain) await readTar(path, folder);
    out.push(plain ? folder : path);
  }
  return out;
}

/** The key to go on with: that of a recovery that was broken off here, the first that a source has, or one of a node that joins. */
async function identityOf(wish: RecoverWish, { homes }: Sources, keys: ReturnType<typeof keyFile>, notes: string[]): Promise<{ identity: Identity; from: string | undefined }> {
  const before = await keys.load().catch(() => undefined), first = homes.find(({ key }) => key !== undefined);
  for (const { dir, key, keyFault } of homes) {
    if (keyFault !== undefined) notes.push(`the key in ${dir} cannot be read: ${keyFault}`);
    else if (key && first && !equal(key.seed, first.key!.seed)) notes.push(`${dir} is another node, ${key.name}: its segments are taken, its key is not`);
  }
  const left = before && decodeIdentity(before);
  if (left?.grant && (!first || equal(left.seed, first.key!.seed))) return { identity: left, from: first?.dir };
  mkdirSync(wish.dir, { recursive: true, mode: 0o700 });
  if (first) {
    // Copies of one node's key may differ in the keys of the fleet that were known by then.
    const same = homes.filter(({ key }) => key && equal(key.seed, first.key!.seed)).map(({ key }) => key!);
    const identity = { ...first.key!, keys: [...new Map(same.flatMap(({ keys: known }) => known).map((key) => [hex(key), key])).values()] };
    await keys.save(encodeIdentity(identity));
    return { identity, from: first.dir };
  }
  if (wish.token === undefined) {
    throw new Fault('no-fleet', 'None of the sources has a node.key that can be read, and without it nobody can be that node again. Ask an administrator for `holdfast invite`, and say --token TOKEN: a new node takes everything in that is left.');
  }
  const { invite } = decodeToken(createCrypto(), wish.token);
  const home = await openHome(wish.dir, { create: true });
  try {
    const node = await joinFleet({ ...home.parts, keys, wake: () => {}, notice: () => {} }, wish.token, { nodeName: wish.name ?? (invite.name === '' || invite.name === 'node' ? defaultName() : invite.name) });
    const { identity } = node.desk;
    await node.close();
    await home.unlock();
    return { identity, from: undefined };
  } catch (error) {
    await home.abandon().catch(() => {});
    throw error;
  }
}

/** Opens the node that is being made, with the records of old journals, and closes it again. */
async function within(dir: string, keys: NodeOptions['keys'], journals: Bytes[], notice: ((notice: Notice) => void) | undefined, founding: boolean, body: (node: Node) => Promise<void>): Promise<void> {
  const home = await openHome(dir, { create: true }), { journal } = home.parts;
  const replay = async (): Promise<{ records: Bytes[]; damage: string[] }> => {
    const own = await journal.replay();
    return { records: [...journals, ...own.records], damage: own.damage };
  };
  const parts: NodeOptions = { ...home.parts, keys, wake: () => {}, notice: notice ?? (() => {}), journal: { append: (record) => journal.append(record), note: (record) => journal.note(record), replay, get size() { return journal.size; }, turn: () => journal.turn(), release: (before) => journal.release(before), close: () => journal.close() } };
  let node: Node;
  try {
    node = founding ? await Node.open(parts, true) : await openNode(parts);
  } catch (error) {
    await home.abandon().catch(() => {});
    throw error;
  }
  try {
    await body(node);
  } finally {
    await node.close();
    await home.unlock();
  }
}

/** All segments, those of the fleet first: without them nobody else's would be believed. */
async function takeAll(node: Node, identity: Identity, { homes, volumes, files }: Sources, out: Recovered, progress: (words: string) => void): Promise<void> {
  const { crypto } = node.options, stores = homes.filter(({ store }) => store !== undefined);
  const given = [...stores.map(({ dir }) => dir), ...files].map((path): Given => ({ path, segments: 0, added: 0, refused: 0, events: 0, damage: [] }));
  out.sources = given;
  for (const bytes of identity.context) await takeSegments(node, [parseSegment(bytes)]);
  const pass = async (fleet: boolean): Promise<void> => {
    for (const [i, one] of given.entries()) {
      const reading: Reading = { segments: 0, damage: one.damage };
      const source = i < stores.length ? segmentsOfStore(crypto, node.fleet, stores[i]!.store!, fleet, reading) : segmentsOfFile(crypto, node.fleet, one.path, fleet, reading);
      for await (const batch of batches(source)) {
        const { events, added, refused } = await takeSegments(node, batch);
        one.events += events;
        one.added += added;
        one.refused += refused;
        progress(`${one.path}: ${one.segments + reading.segments} segments, ${one.events} events`);
      }
      one.segments += reading.segments;
    }
  };
  await pass(true);
  if (volumes.length > 0) {
    // What a volume says of the fleet may stand in one that comes later: then the second time everything is believed.
    out.bundles = await readBundles(node, volumes, (_, events) => progress(`bundles: ${events} events`));
    if (out.bundles.segments.refused > 0) {
      const again = await readBundles(node, volumes, (_, events) => progress(`bundles again: ${events} events`));
      out.bundles = { ...again, events: again.events + out.bundles.events, segments: { ...again.segments, added: again.segments.added + out.bundles.segments.added } };
    }
    await pass(true);
  }
  await pass(false);
}

async function* batches(source: AsyncIterable<Segment>): AsyncGenerator<Segment[]> {
  let batch: Segment[] = [], bytes = 0;
  for await (const segment of source) {
    batch.push(segment);
    bytes += segment.bytes.length;
    if (bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Settings, and up to where inputs had read, come along; the root key does not. */
function carryOver(dir: string, old: OldHome | undefined, notes: string[]): void {
  if (old === undefined) return;
  try {
    const config = join(old.dir, CONFIG_FILE), inputs = join(old.dir, MEMORY_FOLDER);
    if (existsSync(config) && !existsSync(join(dir, CONFIG_FILE))) copyFileSync(config, join(dir, CONFIG_FILE));
    if (existsSync(inputs) && !existsSync(join(dir, MEMORY_FOLDER))) cpSync(inputs, join(dir, MEMORY_FOLDER), { recursive: true });
  } catch (error) {
    notes.push(`the settings in ${old.dir} could not be copied: ${(error as Error).message}`);
  }
  if (existsSync(join(old.dir, 'root.key'))) notes.push(`the fleet's root key lies in ${old.dir}; it was left there: move it to a safe place`);
}

async function finish(wish: RecoverWish, known: Known, out: Recovered, progress: (words: string) => void): Promise<void> {
  const station = await openStation(wish.dir, { control: false });
  try {
    for (const url of wish.peers) {
      progress(url);
      try {
        const { received } = await station.links.once(url, AbortSignal.timeout(3_600_000), () => {});
        out.peers.push({ url, received });
      } catch (error) {
        out.peers.push({ url, received: 0, error: error instanceof Error ? error.message : String(error) });
      }
    }
    out.lost = await known.missingAt(station.node);
    out.events = station.node.digest().events;
    out.name = station.node.name;
  } finally {
    await station.close();
  }
}
