// How a node is, gathered from its parts; and the members of its fleet found by what people call them.

import { hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { CLOCK_RTC, CLOCK_SYNCED } from '../../src/ports.ts';
import type { Node } from '../../src/node.ts';
import { bundlesMade } from '../../src/node-bundles.ts';
import { lacksOf, type Lack } from '../../src/node-lacks.ts';
import type { Lacks, PeerReport, Report } from './database.ts';
import type { Place } from './direct.ts';
import { worriesOf } from './worries.ts';

/** Members, alarms, receipts that a report lists at most: it must fit one message. */
const ROWS = 1_000, BUNDLES = 32;

/** The last report of each node, for while its database is away. */
const known = new WeakMap<Node, Omit<Report, 'worries'>>();

/** Gathers the report of an open node. While its database is away, what stands there is as it was known last. Fault `busy`: nothing was known before. */
export async function report(place: Place): Promise<Report> {
  const now = place.home.database === undefined ? await gathered(place) : await unlessAway(place);
  known.set(place.node, now);
  return { ...now, worries: worriesOf(now) };
}

/** How often a report that takes its time looks whether the database is there, ms. */
const LOOK_MS = 250;

/** Gathers a report from a database that may be away, or go while it is asked. */
async function unlessAway(place: Place): Promise<Omit<Report, 'worries'>> {
  const { node, links, home, uptimeMs, inputs } = place;
  const away = (): boolean => home.database?.()?.connected === false;
  const last = (): Omit<Report, 'worries'> => {
    const before = known.get(node), database = home.database?.();
    if (before === undefined || database === undefined) throw new Fault('busy', 'The database is out of reach, and this process has not yet seen what it holds. Ask again when it is back.');
    return { ...before, uptimeMs: uptimeMs(), listening: links.listening(), peers: links.peers(), connections: links.counts(), inputs: inputs?.() ?? [], database };
  };
  if (away()) return last();
  let timer: NodeJS.Timeout | undefined;
  const gone = new Promise<undefined>((resolve) => { timer = setInterval(() => { if (away()) resolve(undefined); }, LOOK_MS); });
  try {
    return await Promise.race([gathered(place), gone]) ?? last();
  } finally {
    clearInterval(timer);
  }
}

async function gathered({ dir, node, links, home, clock, running, uptimeMs, inputs }: Place): Promise<Omit<Report, 'worries'>> {
  const [status, { used, journal }] = await Promise.all([node.status(), home.size()]), database = home.database?.();
  const { quality, because } = clock.judgement();
  const peers = links.peers(), lacks = await lacksLately(node), bundles = await bundlesMade(node).catch(() => []);
  const names = new Map(status.members.map((each) => [each.node, each.name]));
  return {
    node: status.node, name: status.name, fleet: status.fleet, fleetName: status.fleetName, running, pid: process.pid, dir, uptimeMs: uptimeMs(),
    member: status.member === 'live' ? 'member' as const : status.member === 'killed' ? 'revoked' as const : 'unknown' as const,
    streams: status.streams.filter(({ stream }) => !stream.startsWith('$')).map(({ stream, events, logs }) => ({ stream, events, logs })),
    members: status.members.slice(0, ROWS).map(({ state, ...each }) => ({ ...each, state: state === 'live' ? 'member' as const : 'revoked' as const, ...lackOf(lacks.get(each.node), peers.find((peer) => peer.node === each.node && !peer.resting)) })),
    quarantine: status.quarantined.filter(({ segments }) => segments > 0).slice(0, ROWS).map((each) => ({ ...each, name: names.get(each.node) ?? each.node.slice(0, 12) })),
    // People know nodes by their names.
    alarms: status.alarms.slice(0, ROWS).map((each) => ({ ...each, text: each.text.replace(/\b[0-9a-f]{64}\b/g, (id) => names.has(id) ? `${names.get(id)} (${id.slice(0, 12)}…)` : id) })),
    receipts: status.receipts.slice(0, ROWS).map((each) => ({ ...each, name: names.get(each.node) ?? each.node.slice(0, 12) })),
    holes: status.frontier.holes, void: status.void, unknown: status.unknown,
    listening: links.listening(), peers, connections: links.counts(),
    clock: { quality: quality === CLOCK_SYNCED ? 'synced' as const : quality === CLOCK_RTC ? 'rtc' as const : 'none' as const, because, now: clock.now() },
    damage: home.damage.slice(0, ROWS),
    disk: { used, journal, free: status.space.free },
    inputs: inputs?.() ?? [],
    ...(database && { database }),
    bundles: bundles.slice(0, BUNDLES).map((each) => ({ ...each, arrived: each.arrived.map((one) => ({ ...one, name: names.get(one.node) ?? one.node.slice(0, 12) })) })),
  };
}

/** Members that are looked at for what they lack, and how long that is good for: it takes a walk through the history. */
const LOOKED_AT = 64, LATELY_MS = 5_000;
const lately = new WeakMap<Node, { at: number; lacks: Promise<Map<string, Lack>> }>();

function lacksLately(node: Node): Promise<Map<string, Lack>> {
  const now = performance.now(), before = lately.get(node);
  if (before !== undefined && now - before.at < LATELY_MS) return before.lacks;
  // Nothing that is wrong with the store must keep the rest of the report from being seen.
  const lacks = lacksOf(node, LOOKED_AT).then((all) => new Map(all.map((each) => [each.node, each])), () => new Map<string, Lack>());
  lately.set(node, { at: now, lacks });
  return lacks;
}

function lackOf(lack: Lack | undefined, peer: PeerReport | undefined): { lacks?: Lacks } {
  if (lack === undefined) return {};
  const { events, bytes, at } = lack;
  return { lacks: { events, bytes, at, ...(events > 0 && peer?.state === 'connected' && peer.rate !== undefined ? { drainMs: Math.ceil(bytes * 1_000 / peer.rate) } : {}) } };
}

/** What a node is called, or the beginning of its id when it is not known. */
export function nameOf(node: Node, id: Uint8Array): string {
  const wanted = hex(id);
  return node.desk.membership.members().find((each) => hex(each.node) === wanted)?.name ?? wanted.slice(0, 12);
}

/**
 * The member that a user means: by its whole id, the beginning of it, or its name.
 * Faults: `not-found`, `too-many` (several fit: names them).
 */
export function findMember(node: Node, wanted: string): { id: Uint8Array; name: string } {
  const members = node.desk.membership.members();
  const typed = wanted.trim().replace(/…$/, '');
  const byName = members.filter((each) => each.name === typed);
  // Somebody may be named like the beginning of another's id: a name goes first, as long as it is one node's alone.
  const fitting = byName.length > 0 ? byName : /^[0-9a-f]{4,64}$/i.test(typed) ? members.filter((each) => hex(each.node).startsWith(typed.toLowerCase())) : [];
  if (fitting.length === 0) {
    throw new Fault('not-found', `No node of this fleet is named ${JSON.stringify(wanted)}, and no id begins so (with at least 4 digits). \`holdfast status\` lists them; who joined elsewhere is known here after the first exchange.`);
  }
  if (fitting.length > 1) {
    throw new Fault('too-many', `${JSON.stringify(wanted)} fits ${fitting.length} nodes: ${fitting.slice(0, 5).map((each) => hex(each.node).slice(0, 16)).join(', ')}. Give the beginning of the id.`);
  }
  return { id: fitting[0]!.node, name: fitting[0]!.name };
}
