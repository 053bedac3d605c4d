// One visit to a stick or folder: what is new on it is taken in, then what no other node is known to hold is written.

import { unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { equal, hex, unhex } from '../../src/event/bytes.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import { recordOf } from '../../src/log/archive.ts';
import { noteTook, tookLately } from '../../src/node-bundles.ts';
import { exportPlan } from '../../src/node-export.ts';
import { keepSaid } from '../../src/node-said.ts';
import type { ImportReport } from '../../src/node-import.ts';
import type { Node } from '../../src/node.ts';
import { readBundles, writeBundle, writeNews } from './bundle.ts';
import { lyingIn, type Lying } from './bundle-folder.ts';
import type { BundleMade } from './database.ts';
import { presenceOf } from './file-presence.ts';
import type { FilePlace } from './file-url.ts';
import { byteText, counted } from './output.ts';
import { findMember } from './report.ts';

/** What a visit did. `words`: for people, without a full stop; `failed`: why it did not come to its end (`carrier-full` and a medium that takes nothing are no failures: what was there was read). */
export interface Visit { received: number; sent: number; bytesIn: number; bytesOut: number; removed: number; words: string; failed?: Fault }

/** Told as it goes on. */
export type Told = (words: string, bytesIn: number, bytesOut: number) => void;

/** Visits a place that is there. `write` false: only reads. Never throws for what happens to sticks; faults of the store are thrown. */
export async function visitPlace(node: Node, place: FilePlace, told: Told, write = true): Promise<Visit> {
  // A stick that was pulled out leaves a folder behind: nobody would ever carry away what is written there.
  const came = await presenceOf(place), visit: Visit = { received: 0, sent: 0, bytesIn: 0, bytesOut: 0, removed: 0, words: '' }, said: string[] = [];
  const attempt = async (step: () => Promise<string[]>): Promise<boolean> => {
    try {
      said.push(...await step());
      return true;
    } catch (error) {
      if (!(error instanceof Fault) || !['carrier-full', 'carrier-failed', 'not-found', 'too-many'].includes(error.code)) throw error;
      visit.failed = error;
      return false;
    }
  };
  const read = await attempt(async () => {
    const lying = await lyingIn(node, place.path), wanted = await unknown(node, lying);
    if (wanted.length === 0) return [];
    const report = await readBundles(node, wanted.map(({ path }) => path), (bytes, events) => {
      visit.bytesIn = bytes;
      told(`reading, ${counted(events, 'new event')}`, bytes, 0);
    });
    visit.received = report.events;
    return readWords(report, wanted);
  });
  if (read && write) await attempt(async () => {
    const made = await writeNews(node, { folder: place.path, ...(place.for.length === 0 ? {} : { for: place.for }) }, (bytes, events) => {
      visit.bytesOut = bytes;
      visit.sent = events;
      told(`writing, ${counted(events, 'event')}`, visit.bytesIn, bytes);
    }, async () => {
      const now = await presenceOf(place);
      if (!now.there || !came.there || now.id !== came.id) throw new Fault('not-found', `${place.path} is not there any more`);
    });
    visit.sent = made.events;
    return writtenWords(made);
  });
  if (read && write && place.tidy && visit.failed === undefined) await attempt(async () => {
    visit.removed = await tidy(node, place);
    return visit.removed === 0 ? [] : [`removed ${counted(visit.removed, 'volume')} that everybody has`];
  });
  if (visit.failed !== undefined) said.push(visit.failed.message);
  visit.words = said.length === 0 ? 'nothing new on either side' : said.join(', ');
  return visit;
}

/** Volumes that may hold something that is not held here: by what their indexes say. Words of those that do not are kept all the same. */
async function unknown(node: Node, lying: Lying[]): Promise<Lying[]> {
  const out: Lying[] = [], bundles = new Set<string>(), took = await tookLately(node);
  for (const one of lying) {
    if (one.parity) continue;
    if (one.word) await keepSaid(node, one.said!);
    if (one.word && one.indexed && await isHeld(node, one.held)) {
      // Its maker hears that it arrived, whichever way its contents came.
      const bundle = unhex(one.bundle!);
      if (!equal(one.word.node, node.id) && !took.some((each) => equal(each, bundle))) await noteTook(node, bundle);
      continue;
    }
    out.push(one);
    if (one.bundle !== undefined) bundles.add(one.bundle);
  }
  // Parity restores what is missing of a bundle, also where none of its volumes is left; it takes all of them to do so.
  const orphans = new Set(lying.filter(({ parity, bundle }) => parity && !lying.some((other) => !other.parity && other.bundle === bundle)).map(({ bundle }) => bundle));
  return lying.filter((one) => out.includes(one) || (one.bundle !== undefined && (bundles.has(one.bundle) || orphans.has(one.bundle))));
}

async function isHeld(node: Node, ranges: Lying['held']): Promise<boolean> {
  for (const { log, first, last } of ranges) {
    if (!(await recordOf(node.archive, log))?.spans.some((span) => span.from <= first && last <= span.to)) return false;
  }
  return true;
}

function readWords({ events, lost, volumes, segments }: ImportReport, wanted: Lying[]): string[] {
  if (volumes.length === 0) return [`${counted(wanted.length, 'volume')} there ${wanted.length === 1 ? 'opens' : 'open'} for nobody here`];
  const gone = lost.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return [`took in ${counted(events, 'event')}`, ...(segments.refused > 0 ? [`${counted(segments.refused, 'segment')} refused`] : []), ...(gone > 0 ? [`${counted(gone, 'event')} there cannot be read`] : [])];
}

function writtenWords({ volumes, bytes, events, finished }: BundleMade): string[] {
  const words = finished.length === 0 ? [] : [`finished ${counted(finished.length, 'volume')} with ${counted(finished.reduce((sum, each) => sum + each.events, 0), 'event')}`];
  if (volumes.length === 0) return words;
  return [...words, events === 0 ? `wrote what this node holds (${byteText(bytes)})` : `wrote ${counted(events, 'event')} (${byteText(bytes)})`];
}

/** Removes own volumes of which everybody (or all whom the place is for) has everything; a small one that says what this node holds stays in their place. Returns how many. */
async function tidy(node: Node, place: FilePlace): Promise<number> {
  const lying = await lyingIn(node, place.path), own = lying.filter(({ word, indexed }) => indexed && word !== undefined && equal(word.node, node.id));
  const newest = own.reduce<Lying | undefined>((a, b) => (a === undefined || b.word!.made > a.word!.made ? b : a), undefined);
  const others = node.desk.membership.members().filter((each) => each.state === 'live' && !equal(each.node, node.id));
  const readers = place.for.length === 0 ? others.map((each) => each.node) : place.for.map((one) => findMember(node, one).id);
  if (readers.length === 0 || newest === undefined) return 0;
  const lacking = (await exportPlan(node, { for: readers, volumeBytes: 0, padded: false })).map(({ range }) => ({ ...range, name: hex(range.log) }));
  const confirmed = own.filter((one) => one.held.every(({ log, first, last }) => {
    const name = hex(log);
    return !lacking.some((range) => range.name === name && range.from <= last && first <= range.to);
  }));
  // The newest goes only where it carries something, and what it says besides is said anew.
  const heavy = confirmed.includes(newest) && newest.held.length > 0;
  if (heavy) await writeBundle(node, { folder: place.path, ...(place.for.length === 0 ? {} : { for: place.for }) }, () => {});
  const removed = confirmed.filter((one) => heavy || one.bundle !== newest.bundle);
  const gone = removed.concat(lying.filter((one) => one.parity && removed.some(({ bundle }) => bundle === one.bundle) && !own.some((each) => each.bundle === one.bundle && !removed.includes(each))));
  for (const { path } of gone) await unlink(path).catch((error: unknown) => { throw new Fault('carrier-failed', `${basename(path)} cannot be removed`, { cause: error }); });
  return gone.length;
}

/** Whether a place was read to the end though nothing could be written. */
export function takesNothing({ failed }: Visit): boolean {
  return failed !== undefined && (codeOf(failed) === 'carrier-full' || /read-only/.test(failed.message));
}
