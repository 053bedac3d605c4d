// A made-up fleet as the API would tell it: any number of nodes in all the states that there are, the same each time.

import type { AlarmRow, LinkRow, NodeRow } from '../../targets/program/fleet-rows.ts';
import type { Entry, FleetHead, Session, StreamRow } from '../../targets/page/contract.ts';

/** A fleet that can be told; rows may be changed by whoever made it. */
export interface MadeFleet { head: FleetHead; nodes: NodeRow[]; session: Session; events(stream: string, key?: string): Entry[] }

const PLACES = ['pump', 'weir', 'silo', 'mine-shaft', 'greenhouse', 'ferry', 'clinic', 'substation', 'well', 'sluice'];
export const BROKER = 'mqtt://broker.north.example:1883';
/** When it is, in the made fleet. */
export const START = Date.UTC(2026, 10, 20, 9, 30);

/** Numbers that look like chance and are the same each time (mulberry32). */
export function chances(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function idOf(at: number): string {
  const chance = chances(at + 1);
  return Array.from({ length: 64 }, () => Math.floor(chance() * 16).toString(16)).join('');
}

function rowOf(at: number, now: number, chance: () => number): NodeRow {
  const name = at === 0 ? 'hq' : `${PLACES[at % PLACES.length]}-${Math.ceil(at / PLACES.length)}`, fate = chance(), old = chance();
  const way = chance();
  const state: NodeRow['state'] = fate > 0.985 ? 'revoked' : 'member';
  const touch = way < 0.62 ? 'heard' : way < 0.8 ? 'connected' : 'past';
  const by = touch === 'heard' ? BROKER : touch === 'connected' ? `tcp://10.0.${at % 250}.${1 + Math.floor(at / 250)}:7700` : way < 0.88 ? 'bundle' : way < 0.95 ? BROKER : 'receipt';
  const lacking = chance() < (touch === 'past' ? 0.9 : 0.15), behind = chance() < 0.06, total = 32e9;
  const silent = touch === 'past' && old > 0.9;
  return {
    node: idOf(at), name, state, admin: at < 3, relay: at % 97 === 5, self: at === 0,
    contact: at === 0 ? null : { state: touch, at: now - Math.floor(touch === 'past' ? (1 + old * 40) * 3_600_000 : old * 50_000), by },
    links: at === 0 || touch === 'past' ? [] : [{ url: by, state: touch === 'heard' ? 'broker' : 'connected', level: chance() > 0.2, rate: touch === 'connected' ? 120_000 : null }],
    lacks: at === 0 || state === 'revoked' ? null : lacking ? { events: 1 + Math.floor(old * 40_000), bytes: 200 + Math.floor(old * 400_000), at: now - 60_000, drainMs: touch === 'connected' ? 1_500 : null } : { events: 0, bytes: 0, at: now - 20_000, drainMs: null },
    behind: behind ? { events: 1 + Math.floor(old * 900), since: now - Math.floor(old * 7_200_000) } : null,
    last: now - Math.floor(old * 90_000),
    clock: { quality: chance() > 0.2 ? 'synced' : chance() > 0.3 ? 'rtc' : 'none', offset: chance() > 0.98 ? -Math.floor(old * 4e6) : null },
    disk: chance() > 0.08 ? { free: Math.floor(chance() * total * 0.9), total } : null, version: chance() > 0.1 ? '0.1.0' : '0.0.9',
    quarantine: state === 'revoked' && chance() > 0.5 ? { segments: 12, bytes: 90_000 } : null, alarms: 0,
    silent: silent ? { since: now - 40 * 3_600_000, habit: 3_600_000 } : null,
  };
}

function alarmsOf(nodes: NodeRow[], now: number): AlarmRow[] {
  const found: AlarmRow[] = [];
  const say = (kind: AlarmRow['kind'], level: AlarmRow['level'], row: NodeRow, text: string): void => { row.alarms++; found.push({ kind, code: kind, level, node: row.node, name: row.name, text, at: now - 600_000 * found.length }); };
  const plain = nodes.filter((row) => !row.self && row.state === 'member' && row.silent === null);
  if (plain.length > 8) {
    say('clone', 'bad', plain[4]!, `${plain[4]!.name} is written by two machines: a card was copied, or a backup runs beside the original.`);
    say('fork', 'bad', plain[7]!, `Log 5f21 of ${plain[7]!.name} has two different events at position 1,204.`);
  }
  for (const row of nodes.filter(({ silent }) => silent !== null).slice(0, 30)) say('silence', 'bad', row, `${row.name} has not been heard of for 40 h; it is usually heard of each hour.`);
  for (const row of nodes.filter(({ quarantine }) => quarantine !== null).slice(0, 20)) say('quarantine', 'odd', row, `12 segments of ${row.name}, which is revoked, are in quarantine.`);
  for (const row of nodes.filter(({ disk }) => disk !== null && disk.free < 1.6e9).slice(0, 9)) say('disk', 'odd', row, `${row.name} has ${Math.round(row.disk!.free / 1e6)} MB of disk left.`);
  return found;
}

/** Makes a fleet of so many nodes, as they stand at `now`. */
export function madeFleet(count: number, view: Session['view'] = 'fleet', now = Date.now()): MadeFleet {
  const chance = chances(42);
  const nodes = Array.from({ length: count }, (_, at) => rowOf(at, now, chance)), self = nodes[0]!;
  nodes.sort((a, b) => (a.node < b.node ? -1 : 1));
  const alarms = alarmsOf(nodes, now);
  const streams = (count === 1 ? ['telemetry'] : ['alarms', 'config', 'telemetry', 'valves', 'weather', 'water.level']).map((stream, at): StreamRow => {
    const busy = 40 / (1 + at * at);
    return { stream, events: Math.floor(2_400_000 / (1 + at * 3)), logs: count + at, segments: 9_000, bytes: Math.floor(9_800_000 / (1 + at * 3)), rate: Array.from({ length: 60 }, (_, i) => Math.floor(busy * 10 * (1 + Math.sin(i / 7 + at)) * (0.6 + chance()))) };
  });
  const connected = nodes.filter(({ contact }) => contact?.state === 'connected');
  const met = nodes.filter(({ contact }) => contact?.state === 'heard').length;
  const links: LinkRow[] = [
    ...(count > 1 ? [{ url: BROKER, state: 'connected' as const, resting: false, node: null, name: null, rate: 40_000, reason: null, in: 81_000_000, out: 12_000_000, broker: { members: met, equal: Math.floor(met * 0.9), published: 12_000, received: 90_000, refused: 0, repeated: 31, sessions: 12 } }] : []),
    ...connected.slice(0, 150).map((row): LinkRow => ({ url: row.contact!.by, state: 'connected', resting: false, node: row.node, name: row.name, rate: 120_000, reason: null, in: 1_200_000, out: 340_000, broker: null })),
    { url: 'file:/media/usb', state: 'waiting', resting: false, node: null, name: null, rate: null, reason: null, in: 0, out: 0, broker: null },
    ...(count > 1 ? [{ url: 'tcp://10.9.9.9:7700', state: 'waiting' as const, resting: false, node: null, name: null, rate: null, reason: 'nobody answers there: connection refused', in: 0, out: 0, broker: null }] : []),
  ];
  const of = (is: (row: NodeRow) => boolean): number => nodes.filter(is).length;
  const head: FleetHead = {
    version: 'made.1', now, self: self.node, name: self.name, fleet: idOf(900_000), fleetName: 'north', uptimeMs: 3 * 86_400_000,
    counts: {
      nodes: count, members: of(({ state }) => state === 'member'), revoked: of(({ state }) => state === 'revoked'), unknown: 0, contact: of((row) => row.contact?.state === 'connected' || row.contact?.state === 'heard'),
      silent: of(({ silent }) => silent !== null), lacking: of(({ lacks }) => (lacks?.events ?? 0) > 0), behind: of(({ behind }) => behind !== null), quarantined: of(({ quarantine }) => quarantine !== null), alarms: alarms.length,
    },
    streams, sampleMs: 10_000, alarms, listening: ['tcp://0.0.0.0:7700', 'tcp://hq.north.example:7700'], links, worries: alarms.length > 0 ? [{ kind: 'bad', text: `${alarms.length} alarms` }] : [],
  };
  const session: Session = { scope: 'admin', token: null, node: self.node, name: self.name, fleet: head.fleet, fleetName: 'north', version: '0.1.0', now, view, may: { append: true, bundles: true, invite: true, revoke: true, release: true, tokens: true } };
  return { head, nodes, session, events: (stream, key) => madeEvents(nodes, stream, key, now) };
}

/** Keys of a stream, and events of each: readings of a day with a silence in them. */
const KEYS = 24, EVENTS = 3_200, EACH = 27_000;

function madeEvents(nodes: NodeRow[], stream: string, key: string | undefined, now: number): Entry[] {
  const keys = Array.from({ length: KEYS }, (_, at) => `${PLACES[at % PLACES.length]}-${at + 1}`);
  const one = (name: string, at: number, i: number): Entry => {
    const time = now - i * EACH - (i > 900 ? 5 * 3_600_000 : 0), day = Math.sin(time / 13_750_000);
    return { id: `${stream}.${at}.${i}`, stream, key: name, type: 'reading', time, node: nodes[at % nodes.length]!.node, body: { temperature: Number((18 + 6 * day + Math.sin(i * 1.7) / 3 + (i === 700 ? 25 : 0)).toFixed(2)), pressure: Number((4 + day / 2 + Math.cos(i / 50)).toFixed(3)), running: i % 400 < 250 } };
  };
  return keys.flatMap((name, at) => (key === undefined ? [one(name, at, at)] : key === name ? Array.from({ length: EVENTS }, (_, i) => one(name, at, i)) : []));
}
