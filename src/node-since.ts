// Cursors of a node: what somebody who follows a stream has been told, and what has come since, whoever told it.
import type { Bytes } from './ports.ts';
import type { Value } from './event/value.ts';
import type { Cursor, Whole } from './log/cursor.ts';
import type { Query } from './log/reader.ts';
import type { News, Range } from './log/since.ts';
import type { Entry } from './node-entry.ts';
import type { Node } from './node.ts';
import { base64url, compare, concat, equal, hex, unhex } from './event/bytes.ts';
import { encode } from './event/cbor.ts';
import { checkStream } from './event/event.ts';
import { pages, recordOf } from './log/archive.ts';
import { decodeCursor, encodeCursor, SHORT } from './log/cursor.ts';
import { lineageKey, prefixEnd } from './log/place.ts';
import { rangeSources, together } from './log/ranges.ts';
import { incomplete, merged, streamSources } from './log/reader.ts';
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

/** All that a cursor does not cover (undefined: all that is held), in fold order; some may have been told before. Faults: `bad-argument` (no cursor of this stream), `store-damaged` as for reading. */
export async function* since(node: Node, stream: string, cursor: string | undefined, query: Query): AsyncGenerator<Since> {
  checkStream(stream);
  const { archive } = node, { crypto, fleet } = archive;
  const { base, layers } = cursor === undefined ? { base: undefined, layers: [] } : decodeCursor(crypto, fleet, stream, cursor);
  const whole = decodeCursor(crypto, fleet, stream, await cursorOf(node, stream)).base!;
  // What came after the last reading was begun; and of each reading what lay beyond the place at which it was broken off.
  const parts: { ranges: Range[] | undefined; after: Bytes | undefined }[] = [];
  for (let depth = layers.length; depth >= 0; depth--) {
    const below = layers[depth - 1]?.whole ?? base;
    parts.push({ ranges: below && await rangesSince(node, stream, below), after: layers[depth]?.place });
  }
  const unstored = node.writer.unstored(), asked = { ...query, reverse: undefined, after: undefined };
  let lacking = 0;
  const sources = parts.map(({ ranges, after }) => (ranges ? rangeSources(archive, unstored, ranges, after) : streamSources(archive, unstored, stream, { ...asked, after }, () => { lacking++; })));
  for await (const found of merged({ open: sources.flatMap((one) => one.open), leads: together(sources.map((one) => one.leads)) }, asked)) {
    const entry = node.shown(entryOf(stream, found));
    // This reading has come as far as those that it overtook: it stands for them.
    const layered = (): Cursor['layers'] => {
      const place = placeOf(entry);
      let kept = layers.length;
      while (kept > 0 && compare(layers[kept - 1]!.place, place) <= 0) kept--;
      return [...layers.slice(0, kept), { whole, place }];
    };
    // Made when it is asked for: most are not.
    const possible = layers.length < LAYERS || layered().length <= LAYERS;
    yield { entry, cursor: possible ? () => encodeCursor(crypto, fleet, stream, { base, layers: layered() }) : undefined };
  }
  if (lacking) throw incomplete(stream, lacking);
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
