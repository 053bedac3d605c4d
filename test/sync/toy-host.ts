// A node in memory, small enough to trust: real logs and segments, the frontier by the book, and answers to all of a session's questions.
import { Chain, chainStart, logId, logKey, type Opening, type Tip } from '../../src/event/chain.ts';
import { compare, equal, hex } from '../../src/event/bytes.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { runOf } from '../../src/event/run.ts';
import { checkSegment, keyHash, parseSegment, sealSegment, type Segment } from '../../src/event/segment.ts';
import { codeOf } from '../../src/fault.ts';
import type { Bytes, Crypto } from '../../src/ports.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import type { Answer, Change, Host, Item, Question, Standing, StreamDigest, Target } from '../../src/sync/host.ts';

export const crypto: Crypto = createCrypto();

/** Bytes that depend on a name and nothing else. */
export function bytesOf(name: string, length: number): Bytes {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += 32) out.set(crypto.sha256(new TextEncoder().encode(`${name} ${at}`)).subarray(0, length - at), at);
  return out;
}

export const FLEET = bytesOf('fleet', 32);
export const KEY = bytesOf('key', 32);

interface Span { from: number; to: number; before: Bytes; after: Bytes }
interface Log { id: Bytes; opening: Opening; segments: Segment[]; items: Item[] }
interface Writing { opening: Opening; position: number; e: Bytes }

/** One node. What it writes and admits is durable at once; listeners hear of every change of its frontier. */
export class ToyHost implements Host {
  readonly crypto = crypto;
  readonly fleet = FLEET;
  readonly seed: Bytes;
  readonly node: Bytes;
  readonly boot: Bytes;
  readonly random: { bytes(n: number): Bytes };
  readonly logs = new Map<string, Log>();
  readonly keys = new Map<string, Bytes>([[hex(keyHash(crypto, KEY)), KEY]]);
  readonly standings = new Map<string, Standing>();
  readonly listeners = new Set<(change: Change) => void>();
  readonly priorities = new Map<string, number>();
  intro: Bytes[] = [];
  /** What an introduction makes of a stranger. */
  onIntro: Standing = 'member';
  /** Admits nothing of these streams, as a quarantine would. */
  readonly refuse = new Set<string>();
  /** Logs that count as held although nothing of them is here: what lies behind in a test of large fleets. */
  readonly pretended = new Set<string>();
  readonly asked: { [kind: string]: number } = {};
  admitted = 0;
  #writing = new Map<string, Writing>();
  readonly #cited = new Map<string, Tip[]>();
  #draws = 0;
  #sequence = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.seed = bytesOf(`seed ${name}`, 32);
    this.node = crypto.signer(this.seed);
    this.boot = bytesOf(`boot ${name}`, 8);
    this.random = { bytes: (n) => bytesOf(`random ${name} ${this.#draws++}`, n) };
  }

  sign(message: Bytes): Bytes { return crypto.sign(this.seed, message); }
  key(_stream: string, hash: Bytes): Bytes | undefined { return this.keys.get(hex(hash)); }
  keyHashes(): Bytes[] { return [...this.keys.values()].map((k) => keyHash(crypto, k)); }
  priority(stream: string): number { return this.priorities.get(stream) ?? 0; }

  /** Begins another incarnation in a stream; `boot` names it in tests. */
  restart(stream: string, cites?: Tip[]): Opening {
    const system = stream.startsWith('$');
    const tips = cites ?? this.items().filter((i) => i.kind === 0 && i.stream === stream && equal(i.node, this.node)).map((i) => ({ log: i.log, position: i.to, e: i.after }));
    const opening: Opening = {
      fleet: FLEET, node: this.node, incarnation: this.random.bytes(16), stream, grant: system ? new Uint8Array(8) : bytesOf('grant', 8),
      keyHash: system ? null : keyHash(crypto, KEY), boot: this.boot, cites: tips.sort((a, b) => compare(a.log, b.log)),
    };
    this.#writing.set(stream, { opening, position: 0, e: chainStart(crypto, opening) });
    return opening;
  }

  /** Writes `count` events as one segment. */
  write(stream: string, count = 1, at = 1_700_000_000_000): Segment {
    if (!this.#writing.has(stream)) this.restart(stream);
    const w = this.#writing.get(stream)!;
    const events = Array.from({ length: count }, (_, i) => encodeEvent({
      stamp: { generation: 0, ms: at + w.position + i, counter: 0 }, time: at + w.position + i, joined: false, key: `sensor-${(w.position + i) % 7}`, type: 'reading', body: { celsius: 20 + ((w.position + i) % 50) / 10, ok: true },
    }));
    const streamKey = w.opening.keyHash === null ? null : KEY;
    const segment = sealSegment(crypto, this.random, { seed: this.seed, opening: w.opening, streamKey, first: w.position + 1, before: w.e, run: runOf(events), clock: { quality: 2, uptime: 86_400_000 + at % 1000 } });
    const chain = new Chain(crypto, logKey(crypto, streamKey, w.opening.incarnation), w.e);
    for (const event of events) chain.next(event);
    w.position += count;
    w.e = chain.before;
    this.#insert([segment]);
    return segment;
  }

  /** Takes segments of others without a session, as from a stick. */
  take(segments: Segment[]): void { this.#insert(segments); }

  items(): Item[] { return [...this.logs.values()].flatMap((log) => log.items); }
  segments(): Segment[] { return [...this.logs.values()].flatMap((log) => log.segments); }

  /** The frontier as text, to compare nodes. */
  frontier(has: (stream: string) => boolean = () => true): string {
    return this.items().filter((i) => has(i.stream)).map((i) => `${i.stream} ${i.kind} ${hex(i.log)} ${i.from} ${i.to} ${hex(i.after)}`).sort().join('\n');
  }

  /** The answer to a session's question; what it changes is told to all listeners before it returns. */
  answer(question: Question): Answer<Question['kind']> {
    this.asked[question.kind] = (this.asked[question.kind] ?? 0) + 1;
    switch (question.kind) {
      case 'judge': return this.standings.get(hex(question.node)) ?? 'member';
      case 'introduction': return this.intro;
      case 'items': return this.items().filter((i) => (question.set === 0 ? i.stream === '$fleet' : i.stream !== '$fleet' && (question.streams === null || question.streams.includes(i.stream))));
      case 'older': return question.tips.map((tip) => this.#older(tip, question.most));
      case 'logs': return question.logs.map((start) => {
        const found = start.length === 16 ? [this.logs.get(hex(start))] : [...this.logs.values()].filter((l) => equal(l.id.subarray(0, start.length), start));
        const log = found.length === 1 ? found[0] : undefined;
        return log && { log: log.id, ...log.opening };
      });
      case 'lacking': return question.tips.map((tip) => !this.refuse.has(tip.stream) && !this.#holds(tip.log, tip.to));
      case 'supply': {
        const all = this.#supply(question.target, question.have);
        let at = (question.cursor as number | null) ?? 0, bytes = 0;
        const segments: Bytes[] = [];
        while (at < all.length && (segments.length === 0 || bytes + all[at]!.bytes.length <= question.budget)) {
          bytes += all[at]!.bytes.length;
          segments.push(all[at++]!.bytes);
        }
        return { segments, cursor: at < all.length ? at : null };
      }
      case 'admit': return question.segments.map((segment) => {
        try {
          // As a door would: nothing of what the session made of the bytes is believed.
          const parsed = parseSegment(segment.bytes);
          checkSegment(crypto, FLEET, parsed);
          if (this.refuse.has(parsed.header.stream)) return { events: 0 };
          const events = this.#insert([parsed]);
          this.admitted += events;
          if (parsed.header.stream === '$fleet' && this.standings.get(hex(parsed.header.node)) === 'stranger') this.standings.set(hex(parsed.header.node), this.onIntro);
          return { events };
        } catch (error) {
          return { events: 0, refused: codeOf(error) };
        }
      });
      case 'digests': return this.digests(question.streams);
      case 'sequence': return ++this.#sequence;
    }
  }

  digests(streams: string[] | null): StreamDigest[] {
    const by = new Map<string, Item[]>();
    for (const item of this.items()) if (streams === null || streams.includes(item.stream)) by.set(item.stream, [...(by.get(item.stream) ?? []), item]);
    return [...by].map(([stream, items]) => ({ stream, items: items.length, digest: crypto.sha256(new TextEncoder().encode(this.frontier((s) => s === stream))) }));
  }

  #spans(log: Log): Span[] {
    const out: Span[] = [];
    for (const { header: h } of log.segments) {
      const last = out[out.length - 1], to = h.first + h.count - 1;
      if (last && h.first <= last.to + 1) {
        if (to > last.to) { last.to = to; last.after = h.after; }
      } else out.push({ from: h.first, to, before: h.before, after: h.after });
    }
    return out;
  }

  #holds(log: Bytes, position: number): boolean {
    const there = this.logs.get(hex(log));
    return this.pretended.has(hex(log)) || (there !== undefined && this.#spans(there).some((s) => s.from <= position && position <= s.to));
  }

  /** Items of one log by FORMAT §7, given what held openings cite of it. */
  #itemsOf(id: string, log: Log | undefined, like: Opening): Item[] {
    const spans = log ? this.#spans(log) : [];
    const cites = (this.#cited.get(id) ?? []).slice().sort((a, b) => a.position - b.position);
    const cited = cites[cites.length - 1];
    const { stream, node } = like, items: Item[] = [];
    const bytes = log?.id ?? cited!.log;
    const end = spans[spans.length - 1];
    if (end && (!cited || end.to > cited.position)) items.push({ kind: 0, log: bytes, stream, node, from: end.to, to: end.to, before: null, after: end.after });
    if (this.pretended.has(id)) return items;
    let to = 0, before: Bytes | null = null;
    for (const span of [...spans, ...(cited && cited.position > (end?.to ?? 0) ? [{ from: cited.position + 1, to: cited.position, before: cited.e, after: cited.e }] : [])]) {
      if (span.from > to + 1) items.push({ kind: 1, log: bytes, stream, node, from: to + 1, to: span.from - 1, before, after: span.before });
      to = span.to;
      before = span.after;
    }
    return items;
  }

  #insert(segments: Segment[]): number {
    let events = 0;
    const touched = new Map<string, Opening>();
    for (const segment of segments) {
      const h = segment.header;
      const opening: Opening = { fleet: FLEET, node: h.node, incarnation: h.incarnation, stream: h.stream, grant: h.grant, keyHash: h.keyHash, boot: h.opening?.boot ?? new Uint8Array(8), cites: h.opening?.cites ?? [] };
      const id = logId(crypto, opening), name = hex(id);
      let log = this.logs.get(name);
      if (!log) this.logs.set(name, (log = { id, opening, segments: [], items: [] }));
      if (log.segments.some((s) => s.header.first === h.first && s.header.count >= h.count)) continue;
      const held = this.#spans(log);
      for (let p = h.first; p < h.first + h.count; p++) if (!held.some((s) => s.from <= p && p <= s.to)) events++;
      log.segments.push(segment);
      log.segments.sort((a, b) => a.header.first - b.header.first || a.header.count - b.header.count);
      if (h.opening) {
        log.opening = opening;
        for (const tip of h.opening.cites) {
          const cited = hex(tip.log);
          this.#cited.set(cited, [...(this.#cited.get(cited) ?? []), tip]);
          touched.set(cited, opening);
        }
      }
      touched.set(name, log.opening);
    }
    const change: Change = { removed: [], added: [] };
    for (const [name, like] of touched) {
      let log = this.logs.get(name);
      const before = log?.items ?? [];
      const after = this.#itemsOf(name, log, like);
      if (!log && after.length > 0) this.logs.set(name, (log = { id: after[0]!.log, opening: like, segments: [], items: [] }));
      const keep = (a: Item[], b: Item[]): Item[] => a.filter((x) => !b.some((y) => x.kind === y.kind && x.from === y.from && x.to === y.to && equal(x.after, y.after) && (x.before === null) === (y.before === null)));
      change.removed.push(...keep(before, after));
      change.added.push(...keep(after, before));
      if (log) log.items = after;
    }
    if (change.removed.length + change.added.length > 0) for (const listener of this.listeners) listener(change);
    return events;
  }

  #older(tip: Item, most: number): Tip[] {
    const out: Tip[] = [];
    const seen = new Set<string>();
    const walk = (log: Log | undefined, position: number): void => {
      if (!log || seen.has(hex(log.id))) return;
      seen.add(hex(log.id));
      for (const { header: h } of log.segments.slice().reverse()) {
        if (out.length >= most) return;
        if (h.first > 1 && h.first - 1 < position) out.push({ log: log.id, position: h.first - 1, e: h.before });
      }
      for (const cite of log.opening.cites) {
        if (out.length >= most) return;
        out.push(cite);
        walk(this.logs.get(hex(cite.log)), cite.position);
      }
    };
    walk(this.logs.get(hex(tip.log)), tip.to);
    return out;
  }

  #supply(target: Target, have: Tip[]): Segment[] {
    const had = new Map<string, number>(), want = new Map<string, number>(), order: string[] = [];
    const walk = (log: Bytes, position: number, into: Map<string, number>, each?: (id: string) => void): void => {
      const id = hex(log);
      if ((into.get(id) ?? 0) >= position) return;
      const first = !into.has(id);
      into.set(id, position);
      if (!first) return;
      for (const cite of this.logs.get(id)?.opening.cites ?? []) walk(cite.log, cite.position, into, each);
      each?.(id);
    };
    for (const tip of have) walk(tip.log, tip.position, had);
    if (target.lineage) walk(target.log, target.to, want, (id) => order.push(id));
    else { want.set(hex(target.log), target.to); order.push(hex(target.log)); }
    return order.flatMap((id) => {
      const from = Math.max(target.lineage ? 1 : target.from, (had.get(id) ?? 0) + 1), to = want.get(id)!;
      return (this.logs.get(id)?.segments ?? []).filter(({ header: h }) => h.first + h.count - 1 >= from && h.first <= to);
    });
  }
}
