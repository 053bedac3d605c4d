// What a sync session asks of this node, answered from the log and the fleet.
import type { Bytes } from './ports.ts';
import type { Answer, Host, Question, Standing } from './sync/host.ts';
import type { Archive } from './log/archive.ts';
import type { LiveLog, LiveOf, SupplyCursor } from './log/supply.ts';
import type { OwnLog } from './log/own.ts';
import { Fault } from './fault.ts';
import { concat, equal, hex } from './event/bytes.ts';
import { itemsIn, recordOf } from './log/archive.ts';
import { streamDigest } from './log/item.ts';
import { hashOf } from './log/own.ts';
import { hashesAt, lacks, olderTips, supply } from './log/supply.ts';
import { pages } from './log/archive.ts';
import { prefixEnd } from './log/place.ts';

/** The parts of a node that answering needs. */
export interface Answering {
  archive: Archive;
  boot: Bytes;
  sign(message: Bytes): Bytes;
  keyHashes(): Bytes[];
  priority(stream: string): number;
  unstored(): OwnLog[];
  /** Seals what waits, so that what is compared is what is acknowledged. */
  seal(): void;
  judgePeer(node: Bytes): Standing;
  introduction(): Promise<Bytes[]>;
  admit(segments: Bytes[]): Promise<{ events: number; refused?: Fault['code'] }[]>;
  sequence(): number;
}

/** The facts side of the contract. */
export function hostOf(node: Answering): Host {
  const { archive } = node;
  return {
    crypto: archive.crypto, random: archive.random, fleet: archive.fleet, node: archive.node, boot: node.boot,
    sign: (message) => node.sign(message),
    key: (stream, keyHash) => archive.authority.keyOf(stream, keyHash) ?? undefined,
    keyHashes: () => node.keyHashes(),
    priority: (stream) => node.priority(stream),
  };
}

/** Finds own logs with sealed segments that are not stored yet. */
export function liveOf(unstored: () => OwnLog[]): LiveOf {
  return (log): LiveLog | undefined => {
    const own = unstored().find((o) => equal(o.log, log));
    return own && { log, live: own.live, record: { opening: { boot: own.opening.boot, cites: own.opening.cites }, height: 1_000_000_000 } };
  };
}

/** The answer to one question. Faults go to the session, which closes with them. */
export async function answer(node: Answering, question: Question): Promise<Answer<Question['kind']>> {
  const { archive } = node;
  const live = liveOf(node.unstored);
  switch (question.kind) {
    case 'judge': return node.judgePeer(question.node);
    case 'introduction': return node.introduction();
    case 'items': {
      node.seal();
      const { streams } = question;
      return itemsIn(archive, (s) => (question.set === 0 ? s === '$fleet' : s !== '$fleet' && (!streams || streams.includes(s))));
    }
    case 'older': return Promise.all(question.tips.map((tip) => olderTips(archive, live, tip, question.most)));
    case 'places': return Promise.all(question.places.map((p) => placeOf(node, p.log, p.position)));
    case 'lacking': return Promise.all(question.tips.map((tip) => lacks(archive, live, tip)));
    case 'supply': return supply(archive, live, question.target, question.have, question.cursor as SupplyCursor | null, question.budget);
    case 'admit': return node.admit(question.segments);
    case 'digests': {
      const { streams } = question;
      const byStream = new Map<string, ReturnType<typeof itemsIn>>();
      for (const item of itemsIn(archive, (s) => !streams || streams.includes(s) || s === '$fleet')) {
        const list = byStream.get(item.stream);
        if (list) list.push(item); else byStream.set(item.stream, [item]);
      }
      return [...byStream].map(([stream, items]) => ({ stream, items: items.length, digest: streamDigest(archive.crypto, stream, items) }));
    }
    case 'sequence': return node.sequence();
    default: throw new Fault('internal', `no answer to the question ${(question as { kind: string }).kind}`);
  }
}

async function placeOf(node: Answering, prefix: Bytes, position: number): Promise<Answer<'places'>[number]> {
  const { archive } = node;
  const own = node.unstored().find((o) => equal(o.log.subarray(0, prefix.length), prefix));
  if (own) {
    const { fleet: _fleet, boot: _boot, cites: _cites, ...facts } = own.opening;
    const near = position >= own.stored && position <= own.durable && position > 0;
    const e = near ? hashOf(own, position).slice() : (await hashesAt(archive, own.log, position))[0];
    return { facts: { log: own.log, ...facts }, e: position > 0 ? e : undefined };
  }
  const found: Bytes[] = [];
  for await (const row of pages(archive.store, 'log', prefix, prefixEnd(prefix), 2)) {
    found.push(row.key);
    if (found.length > 1) return undefined;
  }
  if (!found.length) return undefined;
  const record = await recordOf(archive, found[0]!);
  if (!record) return undefined;
  const { log, node: author, incarnation, stream, grant, keyHash } = record;
  let e: Bytes | undefined;
  if (position > 0) {
    e = record.spans.find((s) => s.to === position)?.after;
    if (!e || record.spans.length > 1) e = (await hashesAt(archive, log, position))[0];
  }
  return { facts: { log, node: author, incarnation, stream, grant, keyHash }, e };
}

/** A short name for log lines: the first 8 hex digits. */
export function short(id: Bytes): string {
  return hex(concat(id).subarray(0, 4));
}
