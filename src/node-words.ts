// What other nodes are known to hold: their words out of bundles, and what both sides held when a session had brought them level.
import type { Bytes } from './ports.ts';
import type { Value } from './event/value.ts';
import type { Word } from './carry/bundle-word.ts';
import type { Told } from './log/cursor.ts';
import type { Node } from './node.ts';
import { concat, equal, hex, utf8 } from './event/bytes.ts';
import { decode, encode } from './event/cbor.ts';
import { readWord } from './carry/bundle-word.ts';
import { pages } from './log/archive.ts';
import { soundGet } from './log/damage.ts';
import { decodeCursor, encodeCursor } from './log/cursor.ts';
import { prefixEnd } from './log/place.ts';
import { endsOf } from './log/since.ts';
import { noteArrived } from './node-bundles.ts';

/** What one node was known to hold, by stream, and since when (ms since 1970). `bundle`: it said so in one; otherwise a session showed it. */
export interface Cover { node: Bytes; at: number; bundle: boolean; streams: Map<string, Told[]> }

const WORD = utf8('word:'), LEVEL = utf8('level:'), DOUBT = utf8('doubt:');
/** What a session showed is noted down this often at most, ms. */
const LEVEL_MS = 60_000;
/** By hex of the peer's id: which process of it, and when that was (uptime). */
const noted = new WeakMap<Node, Map<string, { boot: Bytes; at: number }>>();

/** The streams of which this node holds anything, the system's included. */
export function heldStreams(node: Node): string[] {
  return [...new Set([...[...node.archive.frontier.values()].map((items) => items[0]!.stream), ...node.writer.unstored().map((own) => own.opening.stream)])].sort();
}

/** Cursors of all that this node holds of these streams (undefined: all), the system's included: without what only readers need to know. `sealed`: without what is not sealed yet, which no peer has. */
export function heldCursors(node: Node, streams?: ReadonlySet<string>, sealed = false): { stream: string; cursor: string }[] {
  const { archive } = node, unstored = sealed ? [] : node.writer.unstored();
  const names = new Set([...[...archive.frontier.values()].map((items) => items[0]!.stream), ...unstored.map((own) => own.opening.stream)]);
  return [...names].filter((stream) => !streams || stream === '$fleet' || streams.has(stream)).sort().map((stream) => ({
    stream, cursor: encodeCursor(archive.crypto, archive.fleet, stream, { base: { told: endsOf(archive, unstored, stream).map((end) => end.told), keys: [], judged: [] }, layers: [] }),
  }));
}

/** A session has brought this node and a process of a peer (its `boot`) level in these streams (undefined: all). `passing`: it ends now, so nothing will be noted down later. */
export function noteLevel(node: Node, peer: Bytes, boot: Bytes, streams: string[] | undefined, passing = false): void {
  let times = noted.get(node);
  if (!times) noted.set(node, times = new Map());
  const name = hex(peer), now = node.options.clock.uptime(), last = times.get(name);
  if (!passing && last && equal(last.boot, boot) && now - last.at < LEVEL_MS) return;
  times.set(name, { boot, at: now });
  const { archive } = node, at = node.options.clock.now(), frontier = heldCursors(node, streams && new Set(streams), true).map(({ stream, cursor }) => [stream, cursor]);
  node.turn(async () => {
    const word = await archive.store.get('meta', concat(WORD, peer));
    const value = encode([at, frontier, boot, word ? readWord(archive.crypto, archive.fleet, word).made : 0] as Value);
    await archive.store.commit([{ table: 'meta', key: concat(LEVEL, peer), value }]);
  }).catch(() => undefined); // the next one says more
}

/**
 * Keeps the word of another member, unless a later one is known; returns it. Faults: `bad-encoding`, `bad-signature`, those of `Store.commit`.
 * An older word of an earlier process may claim what its disk has lost since: only the newest counts. A word of another process that is not newer by its own clock may be the later one all the
 * same (a restored backup, a clock that went back): it is kept as a doubt, and until a newer word comes only what both say counts.
 */
export async function keepWord(node: Node, bytes: Bytes): Promise<Word> {
  const { archive } = node, word = readWord(archive.crypto, archive.fleet, bytes), key = concat(WORD, word.node);
  if (equal(word.node, node.id)) return word;
  // Anybody who knows the fleet's id can sign words of nodes that do not exist: they must not fill the store.
  if (!node.desk.membership.member(word.node)) return word;
  await node.turn(async () => {
    const row = await archive.store.get('meta', key), held = row && readWord(archive.crypto, archive.fleet, row), doubt = concat(DOUBT, word.node);
    if (!held || held.made < word.made) await archive.store.commit([{ table: 'meta', key, value: bytes.slice() }, { table: 'meta', key: doubt }]);
    else if (!equal(held.boot, word.boot)) await archive.store.commit([{ table: 'meta', key: doubt, value: bytes.slice() }]);
  });
  await noteArrived(node, word);
  return word;
}

/** The newest words of others, as they stand in bundles. */
export async function wordsHeld(node: Node): Promise<Bytes[]> {
  const out: Bytes[] = [];
  for await (const row of pages(node.archive.store, 'meta', WORD, prefixEnd(WORD), 64, () => undefined)) out.push(row.value);
  return out;
}

/** Everything that is known of what others hold. */
export async function coversOf(node: Node): Promise<Cover[]> {
  const peers = new Map<string, Bytes>();
  for (const prefix of [WORD, LEVEL]) for await (const { key } of pages(node.archive.store, 'meta', prefix, prefixEnd(prefix), 64, () => undefined)) peers.set(hex(key.subarray(prefix.length)), key.slice(prefix.length));
  const covers: Cover[] = [];
  for (const peer of peers.values()) covers.push(...await coversOfOne(node, peer));
  return covers;
}

/**
 * What is known of what one node holds. Of one process of it there may be two covers, and what it holds is at least both. Of two processes the later one counts: between them the disk may
 * have gone back to an old state, which no clock and no number of the node itself would tell. A word that was known already when a session met another process is of an earlier one.
 */
export async function coversOfOne(node: Node, peer: Bytes): Promise<Cover[]> {
  const { archive } = node, { crypto, fleet, store } = archive, covers: Cover[] = [];
  // What a node took along that is shut out by now is nowhere that counts.
  if (node.desk.membership.member(peer)?.state !== 'live') return covers;
  const add = (at: number, bundle: boolean, frontier: { stream: string; cursor: string }[]): void => {
    const streams = new Map<string, Told[]>();
    for (const { stream, cursor } of frontier) {
      // A cursor of a later version, or a false one, covers nothing.
      try { streams.set(stream, decodeCursor(crypto, fleet, stream, cursor).base?.told ?? []); } catch { /* as if it had not been said */ }
    }
    covers.push({ node: peer, at, bundle, streams });
  };
  const [level, said] = await Promise.all([soundGet(store, 'meta', concat(LEVEL, peer)), soundGet(store, 'meta', concat(WORD, peer))]);
  let word = said && readWord(crypto, fleet, said);
  if (level) {
    const [at, frontier, boot, over] = decode(level) as [number, [string, string][], Bytes, number], other = word && !equal(boot, word.boot);
    if (!other || word!.made <= over) {
      if (other) word = undefined;
      add(at, false, frontier.map(([stream, cursor]) => ({ stream, cursor })));
    }
  }
  if (!word) return covers;
  add(word.made, true, word.frontier);
  const doubt = await soundGet(store, 'meta', concat(DOUBT, peer));
  if (!doubt) return covers;
  const first = covers.pop()!;
  add(word.made, true, readWord(crypto, fleet, doubt).frontier);
  covers.push(shared(first, covers.pop()!));
  return covers;
}

/** What two covers of one node both say, end by end: less than what it holds, never more. */
function shared(a: Cover, b: Cover): Cover {
  const same = (x: Told, y: Told): boolean => x.from === y.from && x.to === y.to && equal(x.log, y.log) && equal(x.e, y.e);
  const holes = (all: Told[]): Told[] => all.filter(({ from }) => from > 0);
  return { ...a, streams: new Map([...a.streams].map(([stream, told]) => {
    const other = b.streams.get(stream) ?? [];
    return [stream, [...told.filter((one) => one.from === 0 && other.some((each) => same(one, each))), ...holes(told), ...holes(other)]];
  })) };
}
