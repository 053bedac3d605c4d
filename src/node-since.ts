// Cursors of a node: what somebody who follows a stream has been told, and what has come since, whoever told it.
import type { Bytes } from './ports.ts';
import type { Value } from './event/value.ts';
import type { Whole } from './log/cursor.ts';
import type { Query } from './log/reader.ts';
import type { News, Range } from './log/since.ts';
import type { Entry } from './node-entry.ts';
import type { Node } from './node.ts';
import { base64url, concat, equal, hex, unhex } from './event/bytes.ts';
import { encode } from './event/cbor.ts';
import { checkStream } from './event/event.ts';
import { pages, recordOf } from './log/archive.ts';
import { decodeCursor, encodeCursor, SHORT } from './log/cursor.ts';
import { lineageKey, prefixEnd } from './log/place.ts';
import { readRanges } from './log/ranges.ts';
import { readStream } from './log/reader.ts';
import { endsOf, missing } from './log/since.ts';
import { entryOf, placeOf } from './node-entry.ts';

/** Readings that were broken off and that a cursor keeps apart. */
const LAYERS = 3;

/** Everything that followers of a stream have been told by now, as a cursor. Whoever was told a part only of it must not be given it. */
export function cursorOf(node: Node, stream: string): Promise<string> {
  checkStream(stream);
  const { archive } = node;
  // Between turns followers have been told of all that is admitted; within one they may not.
  return node.turn(async () => encodeCursor(archive.crypto, archive.fleet, stream, { base: await wholeOf(node, stream), layers: [] }));
}

/** An event of a reading, and, where the reading is in order, the cursor of who was told all up to it. */
export interface Since { entry: Entry; cursor: (() => string) | undefined }

/**
 * All that a cursor does not cover (undefined: all that is held), in fold order; after readings that were broken off first what came meanwhile. Some may have been told before.
 * Fault `bad-argument`: no cursor of this stream.
 */
export async function* since(node: Node, stream: string, cursor: string | undefined, query: Query): AsyncGenerator<Since> {
  checkStream(stream);
  const { archive } = node, { crypto, fleet } = archive;
  const { base, layers } = cursor === undefined ? { base: undefined, layers: [] } : decodeCursor(crypto, fleet, stream, cursor);
  const whole = decodeCursor(crypto, fleet, stream, await cursorOf(node, stream)).base!;
  let left = query.limit ?? Infinity;
  for (let depth = layers.length; depth >= 0 && left > 0; depth--) {
    // First what no layer has begun with, then the rest of each layer, on which this reading goes on: all above it was told.
    const below = layers.slice(0, depth), rest = layers[depth], lower = below.at(-1)?.whole ?? base;
    const asked = { ...query, reverse: undefined, limit: left, after: rest?.place };
    const found = lower ? readRanges(archive, node.writer.unstored(), await rangesSince(node, stream, lower), asked) : readStream(archive, node.writer.unstored(), stream, asked);
    for await (const one of found) {
      const entry = entryOf(stream, one);
      left--;
      yield { entry, cursor: depth < LAYERS ? () => encodeCursor(crypto, fleet, stream, { base, layers: [...below, { whole, place: placeOf(entry) }] }) : undefined };
    }
  }
}

async function rangesSince(node: Node, stream: string, whole: Whole): Promise<Range[]> {
  const { archive } = node;
  return missing(archive, node.writer.unstored(), stream, whole, await newsOf(node, stream, whole));
}

/** What a cursor says besides ends: under which keys was read, and how it stood with nodes whose logs do not all count. */
async function wholeOf(node: Node, stream: string): Promise<Whole> {
  const { archive } = node;
  const judged: Whole['judged'] = [];
  for (const one of doubtful(node)) judged.push({ node: one.slice(0, SHORT), mark: await markOf(node, stream, one) });
  // Last, and without a pause: what is acknowledged meanwhile has been told.
  const told = endsOf(archive, node.writer.unstored(), stream).map((end) => end.told);
  return { told, keys: [...archive.folded ?? []].map((name) => unhex(name).slice(0, SHORT)), judged };
}

/** Nodes on whom there is or was a verdict, or of whom something waits for one. */
function doubtful(node: Node): Bytes[] {
  const { archive, desk } = node;
  const all = new Map(desk.membership.judged().map((one) => [hex(one), one]));
  for (const { node: one, segments } of archive.quarantine.values()) if (segments) all.set(hex(one), one);
  return [...all.values()];
}

/** Changes with all that can make more of a node's logs valid: what is said of it, what lies in quarantine of it, and, where it was let in twice, how far its logs count. */
async function markOf(node: Node, stream: string, one: Bytes): Promise<Bytes> {
  const { archive, desk } = node;
  if (archive.owed.has(hex(one))) return archive.random.bytes(SHORT); // said already and not judged: like nothing else
  const standings = desk.membership.standings(one), held = archive.quarantine.get(hex(one));
  const bounds: Value[] = [];
  if (standings.length > 1) {
    const prefix = lineageKey(one, stream, new Uint8Array(0));
    for await (const row of pages(archive.store, 'lineage', prefix, prefixEnd(prefix), 500, () => undefined)) {
      const record = await recordOf(archive, row.key.slice(-16));
      if (record?.bounds) bounds.push([record.log, Math.max(0, ...record.bounds.map((b) => b.position))]);
    }
  }
  return archive.crypto.sha256(concat(encode(standings), encode([held?.segments ?? 0, held?.bytes ?? 0]), encode(bounds))).slice(0, SHORT);
}

async function newsOf(node: Node, stream: string, { keys, judged }: Whole): Promise<News> {
  const { archive, desk } = node;
  const members = new Map([...desk.membership.members().map((m) => m.node), ...[...archive.quarantine.values()].map((q) => q.node)].map((one) => [base64url(one.slice(0, SHORT)), one]));
  const changed: Bytes[] = [];
  for (const { node: short, mark } of judged) {
    const one = members.get(base64url(short));
    if (one && !equal(await markOf(node, stream, one), mark)) changed.push(one);
  }
  const names = desk.keyNames().filter((name) => !keys.some((key) => equal(unhex(name).subarray(0, SHORT), key)));
  const hashes = names.flatMap((name) => desk.keyring.streamKey(name, stream)?.hash ?? []);
  return { judged: changed, fresh: hashes.length ? (hash) => hashes.some((one) => equal(one, hash)) : undefined };
}
