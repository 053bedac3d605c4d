// How a node is, in one plain object for people and programs.
import type { Node } from './node.ts';
import { hex } from './event/bytes.ts';
import { digestOf, tallyOf } from './log/archive.ts';
import { countUnstored } from './log/own.ts';
import { alarmsIn, receiptsIn } from './node-notes.ts';

/** One stream as it is held here: admitted events, logs ever begun, stored segments and their bytes. */
export interface StreamInfo { stream: string; events: number; logs: number; segments: number; bytes: number }

/** Ids are hex. `quarantined`: segments of authors without a live grant, or beyond a revocation's cut. `lacking` per peer: what it does not hold yet, as of its last receipt. */
export interface Status {
  node: string;
  name: string;
  fleet: string;
  fleetName: string;
  member: 'live' | 'killed' | 'unknown';
  streams: StreamInfo[];
  members: { node: string; name: string; state: 'live' | 'killed'; admin: boolean; read: string[]; write: string[] }[];
  quarantined: { node: string; segments: number; bytes: number }[];
  alarms: { code: string; node: string; text: string }[];
  void: number;
  unknown: number;
  frontier: { tips: number; holes: number };
  journalBytes: number;
  connections: { link: string; role: 'open' | 'accept'; peer: string | undefined; synced: boolean; equal: boolean; sent: number; received: number; bytesOut: number; bytesIn: number }[];
  receipts: { node: string; at: number; complete: boolean }[];
  clock: { now: number; quality: number };
  space: { used: number; free: number };
}

/** Collects the status of an open node. */
export async function statusOf(node: Node): Promise<Status> {
  const { archive, desk, options } = node;
  const items = [...archive.frontier.values()].flat();
  return {
    node: hex(node.id), name: desk.name, fleet: hex(node.fleet), fleetName: desk.fleetName, member: desk.membership.member(node.id)?.state ?? 'unknown',
    streams: node.streams(),
    members: desk.membership.members().map((m) => ({ node: hex(m.node), name: m.name, state: m.state, admin: m.rights.admin, read: m.rights.read, write: m.rights.write })),
    quarantined: [...archive.quarantine.values()].map((q) => ({ node: hex(q.node), segments: q.segments, bytes: q.bytes })),
    alarms: (await alarmsIn(node)).map((a) => ({ code: a.code, node: hex(a.node), text: a.text })),
    void: archive.counted.void, unknown: archive.counted.unknown,
    frontier: { tips: items.filter((i) => i.kind === 0).length, holes: items.filter((i) => i.kind === 1).length },
    journalBytes: options.journal.size,
    connections: [...node.connections].map((c) => {
      const r = c.report();
      return { link: c.link.manifest.name, role: c.role, peer: c.peer && hex(c.peer), synced: c.synced, equal: c.equal, sent: r.sent, received: r.received, bytesOut: r.bytesOut, bytesIn: r.bytesIn };
    }),
    receipts: await receiptsIn(node),
    clock: { now: options.clock.now(), quality: options.clock.quality() },
    space: await options.store.space(),
  };
}

/** What is held, per stream, in order of name. */
export function streamsOf(node: Node): StreamInfo[] {
  const unstored = node.writer.unstored();
  const names = new Set([...node.archive.tallies.keys(), ...unstored.map((o) => o.opening.stream)]);
  return [...names].sort().map((stream) => {
    const tally = { ...tallyOf(node.archive, stream) };
    for (const own of unstored) {
      if (own.opening.stream !== stream) continue;
      const record = node.archive.records.get(hex(own.log));
      tally.events += countUnstored(own, record);
      if (!record) tally.logs++;
    }
    return { stream, ...tally };
  }).filter((s) => s.events > 0 || s.segments > 0);
}

/** The digest of all streams but the system's, what waits sealed first, and how many events it stands for. */
export function digestOfNode(node: Node): { digest: string; events: number } {
  node.seal();
  const events = streamsOf(node).filter((s) => !s.stream.startsWith('$')).reduce((n, s) => n + s.events, 0);
  return { digest: digestOf(node.archive), events };
}
