// What a bundle takes along: all that nobody is known to hold besides this node, or what certain nodes are not known to hold.
import type { Bytes } from './ports.ts';
import type { Load, Made } from './carry/bundle-maker.ts';
import type { Range } from './log/since.ts';
import type { Node } from './node.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';
import { bundleKey } from './carry/bundle-block.ts';
import { makeBundle } from './carry/bundle-maker.ts';
import { encodeWord } from './carry/bundle-word.ts';
import { recordOf } from './log/archive.ts';
import { nextSegments } from './log/supply.ts';
import { tookLately } from './node-bundles.ts';
import { newestWords } from './node-said.ts';
import { unlessRefused } from './node-held.ts';
import { liveOf } from './node-host.ts';
import { lackedByAll } from './node-lacked.ts';
import { coversOf, heldCursors } from './node-words.ts';

/**
 * What to take along. `for`: nodes; none: whatever no other node is known to hold. `since`: only segments with events from then on (ms since 1970). `streams`: only these, and `$fleet`.
 * `besides`: what lies on the carrier already. `everything`: all that is held.
 */
export interface ExportWish { for?: Bytes[]; since?: number; streams?: string[]; besides?: { log: Bytes; first: number; last: number }[]; everything?: boolean; volumeBytes: number; padded: boolean }

/** What a bundle would take: ranges of logs by stream, `$fleet` first, then by priority and age, and how many events they have at most. */
export async function exportPlan(node: Node, wish: ExportWish): Promise<{ stream: string; range: Range }[]> {
  // On a full disk what is acknowledged stays in the journal: it is sealed, and goes along all the same.
  node.seal();
  await node.checkpoint().catch(unlessRefused);
  const known = wish.everything ? [] : await coversOf(node);
  // Each of those whom it is for lacks something else: together they lack all of it. Otherwise one who holds it is enough.
  const sides = wish.for?.length ? wish.for.map((one) => known.filter((cover) => equal(cover.node, one))) : [known];
  const streams = heldCursors(node, wish.streams && new Set(wish.streams)).map(({ stream }) => stream).sort((a, b) => rank(a) - rank(b));
  const besides = new Map<string, { first: number; last: number }[]>();
  for (const one of wish.besides ?? []) besides.set(hex(one.log), [...besides.get(hex(one.log)) ?? [], one]);
  const out: { stream: string; range: Range }[] = [];
  for (const stream of streams) {
    const ranges = new Map<string, Range>();
    for (const covers of sides) {
      for (const range of await lackedByAll(node, stream, covers)) {
        // What several lack of one log is taken from where the first gap begins to where the last one ends.
        const held = ranges.get(hex(range.log));
        if (held) { held.from = Math.min(held.from, range.from); held.to = Math.max(held.to, range.to); } else ranges.set(hex(range.log), { ...range });
      }
    }
    const left = [...ranges.values()].flatMap((range) => without(range, besides.get(hex(range.log)) ?? []));
    const heights = await Promise.all(left.map(async (range) => ({ range, height: (await recordOf(node.archive, range.log))?.height ?? 0 })));
    for (const { range } of heights.sort((a, b) => a.height - b.height)) out.push({ stream, range });
  }
  return out;
}

/** What is left of a range without what lies on the carrier. */
function without({ log, from, to }: Range, there: { first: number; last: number }[]): Range[] {
  const out: Range[] = [];
  let at = from;
  for (const { first, last } of [...there].sort((a, b) => a.first - b.first)) {
    if (first > to) break;
    if (first > at) out.push({ log, from: at, to: first - 1 });
    at = Math.max(at, last + 1);
  }
  if (at <= to) out.push({ log, from: at, to });
  return out;
}

/** The order in which streams go: the earlier volumes get through more often. */
function rank(stream: string): number {
  return stream.startsWith('$') ? -2 : stream === 'alarms' ? -1 : 0;
}

/** The segments of a plan, as stored, or as sealed where they are not stored yet. */
export async function* loadsOf(node: Node, plan: { stream: string; range: Range }[], since?: number, lost?: (where: string) => void): AsyncGenerator<Load> {
  const { archive } = node, live = liveOf(() => node.writer.unstored());
  for (const { stream, range } of plan) {
    for (let from = range.from; from <= range.to;) {
      const segments = await nextSegments(archive, live, { ...range, from }, (_, where) => lost?.(where));
      if (!segments.length) break;
      let end = 0;
      for (const { header, bytes } of segments) {
        end = Math.max(end, header.first + header.count - 1);
        if (since === undefined || stream.startsWith('$') || header.timeMax >= since) yield { stream, log: range.log, first: header.first, last: header.first + header.count - 1, bytes };
      }
      // A row that is not what its key says does not go on.
      if (end < from) break;
      from = end + 1;
    }
  }
}

/** Makes the blocks of a bundle; with nothing to carry one with this node's word alone. `lost` is told of each stored segment that is damaged and stays behind, perhaps more than once. Faults: `bad-argument` (a stream's name), those of the store. */
export async function* exportBundle(node: Node, wish: ExportWish, plan?: { stream: string; range: Range }[], lost?: (where: string) => void): AsyncGenerator<Made> {
  const { archive, desk, options } = node, { crypto, random, clock } = options;
  for (const stream of wish.streams ?? []) if (stream.startsWith('$')) throw new Fault('bad-argument', `${stream} is the system's own and goes along by itself`);
  const chosen = plan ?? await exportPlan(node, wish), frontier = heldCursors(node);
  const word = { node: node.id, boot: node.boot, made: Math.max(0, Math.trunc(clock.now())), name: desk.name, for: wish.for ?? [], since: wish.since ?? null, streams: wish.streams ?? null, frontier, took: await tookLately(node) };
  yield* makeBundle({
    crypto, random, key: bundleKey(crypto, archive.fleet), bundle: random.bytes(8), volumeBytes: wish.volumeBytes, padded: wish.padded, words: await newestWords(node),
    word: (size) => encodeWord(archive.fleet, (message) => crypto.sign(desk.author.seed, message), word, size - 128),
  }, loadsOf(node, chosen, wish.since, lost));
}
