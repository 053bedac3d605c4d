// Folding again what a verdict took back, and folding for the first time what a new key makes readable.
import type { Admitted, Bytes } from './ports.ts';
import type { Archive } from './log/archive.ts';
import type { OwnLog } from './log/own.ts';
import type { Found } from './log/reader.ts';
import type { FleetDesk } from './node-fleet.ts';
import type { LatestView } from './view/latest.ts';
import { equal, text } from './event/bytes.ts';
import { decode, encode } from './event/cbor.ts';
import { encodeEvent } from './event/event.ts';
import { orderBytes } from './event/order.ts';
import { DIRTY, FOLDED, pages } from './log/archive.ts';
import { isDamage, soundGet } from './log/damage.ts';
import { Change } from './log/change.ts';
import { decodeRecord } from './log/record.ts';
import { isVoid, keysIn, openStored, tellNew } from './log/opened.ts';
import { prefixEnd } from './log/place.ts';
import { readStream } from './log/reader.ts';
import { holdsPoint, rebuild } from './log/span.ts';

/** Keys that are folded again in one reading of their stream, and written in one commit. */
const TOGETHER = 1_000;

/**
 * Computes `latest` again for every key that lost an event; `unstored`: own logs with a tail, whose events may come last again. The marks lie in the store, so that
 * a crash between only delays it.
 */
export async function refold(archive: Archive, latest: LatestView, unstored: OwnLog[]): Promise<void> {
  let streams = new Map<string, Map<string, Bytes>>();
  let waiting = 0;
  // Marks on a damaged page are lost with it: a few keys may show an event that was taken back, which is less than a node that does not open.
  for await (const mark of pages(archive.store, 'meta', DIRTY, prefixEnd(DIRTY), 500, () => undefined)) {
    const name = text(mark.key.subarray(DIRTY.length));
    const zero = name.indexOf('\0');
    const stream = name.slice(0, zero);
    const keys = streams.get(stream) ?? new Map<string, Bytes>();
    streams.set(stream, keys.set(name.slice(zero + 1), mark.key));
    if (++waiting < TOGETHER) continue;
    for (const [one, marks] of streams) await foldKeys(archive, latest, unstored, one, marks);
    streams = new Map();
    waiting = 0;
  }
  for (const [one, marks] of streams) await foldKeys(archive, latest, unstored, one, marks);
}

/** One reading of a stream for some of its keys; `marks`: what asked for each. */
async function foldKeys(archive: Archive, latest: LatestView, unstored: OwnLog[], stream: string, marks: Map<string, Bytes>): Promise<void> {
  const last = new Map<string, Found>();
  try {
    for await (const found of readStream(archive, unstored, stream, { keys: new Set(marks.keys()) })) last.set(found.key, found);
  } catch (error) {
    if (!isDamage(error)) throw error; // all that can be read was; readers are told what is missing
  }
  await archive.store.commit([...marks].flatMap(([key, mark]) => {
    const found = last.get(key);
    const row = found && { key, order: orderBytes(found.stamp, found.node, found.incarnation, found.position, found.e), event: encodeEvent(found) };
    return [latest.replace(stream, key, row), { table: 'meta' as const, key: mark }];
  }));
}

/**
 * Folds the logs under keys that were not there before and hands what they hold to `told`. Under which keys everything is folded lies in the store: a crash or
 * a full disk only delays it.
 */
export async function relearn(archive: Archive, desk: Pick<FleetDesk, 'keyring' | 'keyNames'>, told: (run: Admitted) => void): Promise<void> {
  const names = desk.keyNames();
  if (archive.folded && names.every((name) => archive.folded!.has(name))) return;
  let lost = false;
  const row = await soundGet(archive.store, 'meta', FOLDED, () => { lost = true; });
  // On a damaged page it could not be written anew either: what was held was folded as it came, all but surely.
  const done = new Set(row ? (decode(row) as string[]) : lost ? names : []);
  const fresh = names.filter((name) => !done.has(name));
  if (fresh.length) {
    await foldLogs(archive, (stream, hash) => fresh.some((name) => equal(desk.keyring.streamKey(name, stream)!.hash, hash)), told);
    await archive.store.commit([{ table: 'meta', key: FOLDED, value: encode(names) }]);
  }
  archive.folded = new Set(names);
}

async function foldLogs(archive: Archive, fresh: (stream: string, keyHash: Bytes) => boolean, told: (run: Admitted) => void): Promise<void> {
  for await (const row of pages(archive.store, 'log', undefined, undefined, 256)) {
    const record = decodeRecord(row.value);
    if (!record.keyHash || !record.spans.length || !fresh(record.stream, record.keyHash)) continue;
    const change = new Change(archive);
    const opened = await openStored(change, record.log);
    const top = record.bounds ? Math.max(0, ...record.bounds.map((b) => b.position)) : Infinity;
    const pieces = opened.map((o) => o.piece);
    opened.forEach((o, i) => {
      if (!o.inside) return;
      change.dropSegment(o.segment);
      change.putSegment(o.segment, keysIn(o));
      tellNew(change, o, pieces.slice(0, i), top); // a relay may have kept a run and the shorter ones that it repeats
    });
    change.takenBack.push(...change.admitted); // a crash may have let them be folded before
    const built = rebuild(pieces, record.bounds);
    const cited = record.cited.map((c) => ({ ...c, held: holdsPoint(pieces, c.position, c.e) }));
    change.setRecord({ ...record, cited, spans: built.spans, events: built.events, forked: built.forked, hollow: opened.some((o) => isVoid(archive, o)) }, false);
    await change.commit();
    for (const run of change.admitted) told(run);
  }
}
