// What a sync session asks of this node, answered from the log and the fleet.
import type { Bytes } from './ports.ts';
import type { Answer, Host, Question, Standing } from './sync/host.ts';
import type { Tip } from './event/chain.ts';
import type { Segment } from './event/segment.ts';
import type { Archive } from './log/archive.ts';
import type { LiveLog, LiveOf, SupplyCursor } from './log/supply.ts';
import type { Lost } from './log/damage.ts';
import type { OwnLog } from './log/own.ts';
import { hashOf } from './log/own.ts';
import type { Node } from './node.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';
import { itemsIn, recordOf } from './log/archive.ts';
import { streamDigest } from './log/item.ts';
import { lacks, olderTips, supply } from './log/supply.ts';
import { prefixEnd, segmentFrom, segmentSpan } from './log/place.ts';
import { damageAlarm, raise } from './node-notes.ts';

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
  admit(segments: Segment[]): Promise<{ events: number; refused?: Fault['code'] }[]>;
  /** A tip that may be of another branch, for all that a node without the key can tell: fetched of nodes that were cloned, and when somebody still shows it after a while. */
  doubt(tip: { log: Bytes; node: Bytes; to: number; after: Bytes }): boolean;
  /** Tells of something of the store that cannot be read or is not whole. */
  lost: Lost;
  sequence(): number;
}

/** Doubtful tips remembered, and how long one must be shown (a peer that was merely behind has caught up by then). */
const DOUBTS = 1_024, DOUBT_MS = 60_000;

/** Damages that are named while the node runs; `verify` names all of them. */
const DAMAGES = 100;

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
    return own && { log, live: own.live, at: (position) => (position >= own.stored && position <= own.sealed && position > 0 ? hashOf(own, position) : undefined), record: { opening: { boot: own.opening.boot, cites: own.opening.cites }, height: 1_000_000_000 } };
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
    case 'logs': return Promise.all(question.logs.map((log) => logOf(node, log)));
    case 'lacking': return Promise.all(question.tips.map(async (tip) => await lacks(archive, live, tip) ?? node.doubt(tip)));
    case 'supply': return supply(archive, live, question.target, question.have, question.cursor as SupplyCursor | null, question.budget, node.lost);
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

async function logOf(node: Answering, prefix: Bytes): Promise<Answer<'logs'>[number]> {
  const { archive } = node;
  const own = node.unstored().find((o) => equal(o.log.subarray(0, prefix.length), prefix));
  if (own) {
    const { node: author, incarnation, stream, grant, keyHash } = own.opening;
    return { log: own.log, node: author, incarnation, stream, grant, keyHash };
  }
  const end = prefixEnd(prefix);
  const found = await archive.store.scan('log', { gte: prefix, ...(end && { lt: end }), limit: 2 });
  const record = found.length === 1 ? await recordOf(archive, found[0]!.key) : undefined;
  if (!record) return undefined;
  const { log, node: author, incarnation, stream, grant, keyHash } = record;
  return { log, node: author, incarnation, stream, grant, keyHash };
}

/** The parts of a node that sessions use. */
export function answeringFor(node: Node): Answering {
  const { archive, desk, writer, options } = node;
  const doubts = new Map<string, number>();
  let issued = 0; // a new boot for each process: what one issues is compared within it only
  const boot = options.random.bytes(8);
  return {
    archive, boot,
    sign: (message) => options.crypto.sign(desk.author.seed, message),
    keyHashes: () => desk.keyHashes(node.streams().map((s) => s.stream)),
    priority: (stream) => (stream.startsWith('$') ? -2 : stream === 'alarms' ? -1 : 0),
    unstored: () => writer.unstored(),
    seal: () => node.seal(),
    judgePeer: (peer) => desk.judgePeer(peer),
    introduction: async () => {
      await node.checkpoint();
      const own = desk.membership.joinTip(node.id);
      return [...desk.identity.context, ...(own ? await segmentsOf(node, [own]) : [])];
    },
    admit: (segments) => node.admit(segments),
    lost(table, where) {
      const words = `table ${table} ${where}`;
      if (archive.damage.length >= DAMAGES || archive.damage.includes(words)) return;
      archive.damage.push(words);
      raise(node, damageAlarm(node)).catch(() => undefined); // the host was told before
    },
    sequence: () => ++issued,
    doubt(tip) {
      if (archive.suspects.has(hex(tip.node))) return true;
      const name = `${hex(tip.log)} ${tip.to} ${hex(tip.after)}`, now = options.clock.uptime();
      const since = doubts.get(name);
      if (since === undefined) {
        if (doubts.size >= DOUBTS) doubts.delete(doubts.keys().next().value!);
        doubts.set(name, now);
      }
      return since !== undefined && now - since >= DOUBT_MS;
    },
  };
}

/** The stored segments that hold these events. */
export async function segmentsOf(node: Node, tips: Tip[]): Promise<Bytes[]> {
  const found = new Map<string, Bytes>();
  for (const tip of tips) {
    const rows = await node.archive.store.scan('segment', { gte: tip.log, lt: segmentFrom(tip.log, tip.position + 1), reverse: true, limit: 4 });
    const row = rows.find((r) => segmentSpan(r.key).last >= tip.position);
    if (row) found.set(hex(row.key), row.value);
  }
  return [...found.values()];
}
