// The fleet as one node sees it, gathered from what is in memory; what has to be looked up is, a little at a time, while somebody asks.

import { equal, hex } from '../../src/event/bytes.ts';
import { CLOCK_RTC, CLOCK_SYNCED, type ClockQuality } from '../../src/ports.ts';
import { Census, patienceWith } from '../../src/node-census.ts';
import { heldNow, lackAbout, type Held } from '../../src/node-estimate.ts';
import { alarmsIn, receiptTimes } from '../../src/node-notes.ts';
import type { Node } from '../../src/node.ts';
import type { Database, PeerReport } from './database.ts';
import type { Place } from './direct.ts';
import type { AlarmRow, LinkRow, NodeRow } from './fleet-rows.ts';
import type { FleetNow } from './http-hub.ts';
import { HOST_STREAM, machineNow } from './metrics.ts';
import { alarmsOf, Noticed, standing } from './report-alarms.ts';
import { diskIn, Hosts } from './report-hosts.ts';
import { VERSION } from './version.ts';
import { worriesOf } from './worries.ts';

/** Somebody is looking for this long after he asked, ms. */
const WATCHED_MS = 60_000;
/** How often looking up goes on, and signs of life are counted when nobody looks; how long each of its two parts may take each time, and the pause while something was never looked at; ms. */
const STEP_MS = 1_000, QUIET_MS = 5_000, SLICE_MS = 25, PAUSE_MS = 100;
/** Nodes whose segments and metrics are looked up at a time. */
const TOGETHER = 32;
/** Looks into the store after which others have their turn. */
const TURN = 64;
/** What a node lacks is good for this long, ms; alarms that stand, this machine's own state, and what was noted down of receipts, too. */
const LACKS_MS = 5_000, ALARMS_MS = 5_000, OWN_MS = 10_000, NOTED_MS = 15_000;
/** Nobody is missed before, ms after the start: those that are there need a moment to say so. */
const GRACE_MS = 600_000;
/** About what an event takes that goes out by itself. */
const EVENT_BYTES = 250;
/** How often habits are noted down, if they have changed, ms. */
const HABITS_MS = 600_000;
/** How long the picture waits for the store, ms. */
const STORE_MS = 2_000;
const QUALITIES: { [quality in ClockQuality]: 'none' | 'rtc' | 'synced' } = { 0: 'none', [CLOCK_RTC]: 'rtc', [CLOCK_SYNCED]: 'synced' };

/** A member as it stands in rows. */
interface Known { id: Uint8Array; node: string; name: string; state: NodeRow['state']; admin: boolean; relay: boolean }
/** The links that lead to one node now. */
interface Reach { links: NodeRow['links']; rate: number | null; connected: string | undefined; heard: { at: number; by: string; late: number | undefined } | undefined }

/** What comes in time, else undefined: a store that is a server may be away for a while. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), STORE_MS); });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** The picture of a fleet. `close` is called by the node when it closes. */
export class FleetPicture {
  readonly hosts: Hosts;
  readonly census: Census;
  readonly #place: Place;
  readonly #node: Node;
  readonly #noticed = new Noticed();
  readonly #lacks = new Map<string, { lacks: NonNullable<NodeRow['lacks']>; at: number }>();
  /** Since when links to nodes are up, by node. */
  readonly #up = new Map<string, number>();
  #members: { version: number; all: Known[] } = { version: -1, all: [] };
  #free = Number.MAX_SAFE_INTEGER;
  #standing: { at: number; alarms: Omit<AlarmRow, 'at'>[] } = { at: -Infinity, alarms: [] };
  #own: { at: number; disk: NodeRow['disk'] } = { at: -Infinity, disk: null };
  #held: { until: number; held: Held } | undefined;
  #asked = -Infinity;
  #notedAt = -Infinity;
  #habitsAt = performance.now();
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #stepping = false;
  #closed = false;

  constructor(place: Place, database: Pick<Database, 'latest'>) {
    this.#place = place;
    this.#node = place.node;
    this.hosts = new Hosts(database);
    this.census = new Census(place.node, HOST_STREAM, () => {
      this.#closed = true;
      clearTimeout(this.#timer);
    });
    void this.#begin();
  }

  /** What earlier processes noted down of signs of life, then what is seen, for as long as the node is open. */
  async #begin(): Promise<void> {
    await this.census.recall().catch(() => {});
    await this.#noted().catch(() => {});
    await this.#step();
  }

  /** Receipts that were noted down, by this process, an earlier one, or another one of this node. */
  async #noted(): Promise<void> {
    this.#notedAt = performance.now();
    for (const [id, at] of await receiptTimes(this.#node)) this.census.hear(id, at, 'receipt', true);
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#step(), PAUSE_MS);
    this.#timer.unref();
  }

  async #step(): Promise<void> {
    if (this.#closed || this.#stepping) return;
    this.#stepping = true;
    let more = false;
    try {
      this.#listen();
      if (performance.now() - this.#habitsAt > HABITS_MS) {
        this.#habitsAt = performance.now();
        await this.census.note();
      }
      if (performance.now() - this.#asked < WATCHED_MS) more = await this.#look();
    } catch {
      // A store that does not answer: what is known stays as it is.
    }
    this.#stepping = false;
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#step(), performance.now() - this.#asked < WATCHED_MS ? more ? PAUSE_MS : STEP_MS : QUIET_MS);
    this.#timer.unref();
  }

  /** Counts signs of life on the links. */
  #listen(): Map<string, Reach> {
    const { clock, lastReceipts } = { clock: this.#node.options.clock, lastReceipts: this.#node.lastReceipts }, now = clock.now(), up = clock.uptime(), reached = this.#reached(now);
    for (const [id, { at }] of lastReceipts) this.census.hear(id, now - (up - at), 'receipt');
    for (const [id, { connected, heard }] of reached) {
      if (connected !== undefined) this.census.hear(id, now, connected);
      else if (heard !== undefined) this.census.hear(id, heard.at, heard.by);
      if (connected === undefined) this.#up.delete(id);
      else if (!this.#up.has(id)) this.#up.set(id, now);
    }
    for (const id of this.#up.keys()) if (!reached.has(id)) this.#up.delete(id);
    return reached;
  }

  /** Looks up what has changed, for a moment; true when something is left that was never looked at. */
  async #look(): Promise<boolean> {
    const until = performance.now() + SLICE_MS, members = this.#known(), names = new Map(members.map((each) => [each.node, each.name])), reached = this.#reached(this.#node.options.clock.now());
    let left = 0, grown: { id: string; at: number | null }[];
    do {
      grown = this.census.wrote(TOGETHER);
      left = await this.census.look(TOGETHER);
      await Promise.all(grown.map(async ({ id, at }) => {
        const name = names.get(id);
        // Who holds the same as this node has nothing that waits: what comes of it comes at once.
        if (name !== undefined) await this.hosts.look(id, name, at !== null && reached.get(id)?.links.some(({ level }) => level === true) ? at : undefined);
      }));
    } while (performance.now() < until && (left > 0 || grown.length === TOGETHER));
    if (grown.length === TOGETHER) left++;
    if (performance.now() - this.#notedAt > NOTED_MS) await this.#noted();
    let looks = 0;
    const due = performance.now(), rest = (): Promise<void> | undefined => (++looks % TURN === 0 ? new Promise((resolve) => { setImmediate(resolve); }) : undefined);
    for (let i = 0; i < members.length && performance.now() < until + SLICE_MS; i++) {
      const member = members[this.#next++ % members.length]!, known = this.#lacks.get(member.node);
      // Of who holds the same there is nothing to find out.
      if (member.state !== 'member' || equal(member.id, this.#node.id) || reached.get(member.node)?.links.some(({ level }) => level === true) === true || (known !== undefined && due - known.at < LACKS_MS)) continue;
      // Making it takes its time too: of that it may take a twentieth.
      if (this.#held === undefined || due > this.#held.until) {
        const held = heldNow(this.#node), now = performance.now();
        this.#held = { until: now + Math.max(LACKS_MS, 20 * (now - due)), held };
      }
      const { events, bytes, at, bundle } = await lackAbout(this.#node, this.#held.held, member.id, rest);
      if (at !== null) this.census.hear(member.node, Math.min(at, this.#node.options.clock.now()), bundle ? 'bundle' : 'exchange', true);
      this.#lacks.set(member.node, { lacks: { events, bytes, at, drainMs: null }, at: performance.now() });
    }
    const self = hex(this.#node.id);
    return left > 0 || members.some(({ node, state }) => state === 'member' && node !== self && !this.#lacks.has(node) && reached.get(node)?.links.some(({ level }) => level === true) !== true);
  }

  /** The members, in order of id. */
  #known(): Known[] {
    const { membership } = this.#node.desk;
    if (this.#members.version !== membership.version) {
      this.#members = {
        version: membership.version,
        all: membership.members().map(({ node, name, state, rights }) => ({ id: node, node: hex(node), name, state: state === 'live' ? 'member' as const : 'revoked' as const, admin: rights.admin, relay: rights.read.length === 0 })),
      };
    }
    return this.#members.all;
  }

  /** Who can be reached now, and how. */
  #reached(now: number): Map<string, Reach> {
    const found = new Map<string, Reach>(), level = new Set([...this.#node.connections].filter((each) => each.level && each.peer !== undefined).map((each) => hex(each.peer!)));
    const of = (id: string): Reach => {
      let reach = found.get(id);
      if (reach === undefined) found.set(id, reach = { links: [], rate: null, connected: undefined, heard: undefined });
      return reach;
    };
    for (const { url, node, state, resting, rate, broker } of this.#place.links.peers()) {
      if (node !== undefined && state === 'connected') {
        const reach = of(node);
        reach.links.push({ url, state: resting ? 'resting' : 'connected', level: level.has(node), rate: rate ?? null });
        if (!resting) { reach.connected = url; reach.rate = rate ?? null; }
        reach.connected ??= url;
      }
      for (const member of broker?.members ?? []) {
        const reach = of(member.node), at = now - member.heardMs, before = reach.links.find((each) => each.url === url);
        // Several processes of one node: it holds the same if one of them does, as they share what they hold.
        if (before === undefined) reach.links.push({ url, state: 'broker', level: member.equal, rate: null });
        else before.level ||= member.equal;
        if (reach.heard === undefined || reach.heard.at < at) reach.heard = { at, by: url, late: member.late === true ? Math.max(1, member.ahead) : undefined };
      }
    }
    return found;
  }

  /** The picture as it is now; what the store is asked for stands there as it was known last while that does not answer. Faults: those of the store. */
  async now(): Promise<FleetNow> {
    const { clock, links, home, running, uptimeMs, inputs } = { ...this.#place, running: this.#place.running }, node = this.#node, moment = performance.now(), now = node.options.clock.now();
    const idle = moment - this.#asked > WATCHED_MS;
    this.#asked = moment;
    const database = home.database?.(), away = database?.connected === false;
    const [alarms, space, disk] = await Promise.all([
      !away && moment - this.#standing.at > ALARMS_MS ? inTime(alarmsIn(node)) : undefined, away ? undefined : inTime(node.options.store.space()), moment - this.#own.at > OWN_MS ? machineNow(this.#place.dir) : undefined,
    ]);
    if (space !== undefined) this.#free = space.free;
    if (disk !== undefined) this.#own = { at: moment, disk: diskIn({ ...disk } as never) };
    const reached = this.#listen(), known = this.#known(), names = new Map(known.map((each) => [each.node, each.name])), peers = links.peers();
    const strangers = [...node.archive.quarantine.values()].filter((each) => each.segments > 0 && !names.has(hex(each.node))).map((each): Known => ({ id: each.node, node: hex(each.node), name: hex(each.node).slice(0, 12), state: 'unknown', admin: false, relay: false }));
    const rows = (strangers.length === 0 ? known : [...known, ...strangers].sort((a, b) => (a.node < b.node ? -1 : 1))).map((each) => this.#row(each, reached.get(each.node), now, uptimeMs()));
    const self = rows.find((each) => each.self);
    if (self !== undefined) Object.assign(self, { clock: { quality: QUALITIES[clock.judgement().quality], offset: null }, disk: this.#own.disk ?? self.disk, version: VERSION });
    if (alarms !== undefined) this.#standing = { at: moment, alarms: alarms.map((each) => standing(each.code, hex(each.node), each.text, (id) => names.get(id))) };
    const found = [...this.#standing.alarms, ...home.damage.slice(0, 20).map((what) => standing('store-damaged', hex(node.id), what, (id) => names.get(id))), ...rows.flatMap(alarmsOf)];
    const counts = new Map<string, number>();
    for (const { node: id } of found) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const row of rows) row.alarms = counts.get(row.node) ?? 0;
    const listed = this.#noticed.list(found, now);
    // First the answer, then what it could not say yet.
    if (idle) this.#soon();
    const member = node.desk.membership.member(node.id)?.state;
    const quarantine = rows.flatMap(({ node: id, name, quarantine: held }) => held === null ? [] : [{ node: id, name, ...held }]);
    return {
      self: hex(node.id), name: node.name, fleet: hex(node.fleet), fleetName: node.desk.fleetName, now, uptimeMs: uptimeMs(),
      nodes: rows, streams: node.streams().filter(({ stream }) => !stream.startsWith('$')), alarms: listed.alarms, alarmCount: listed.count,
      listening: running ? links.listening() : [], links: peers.map(linkRow),
      worries: worriesOf({ disk: { used: 0, journal: 0, free: this.#free }, ...(database && { database }), damage: home.damage, member: member === 'live' ? 'member' : member === 'killed' ? 'revoked' : 'unknown', alarms: found.filter(({ level }) => level === 'bad'), quarantine, inputs: inputs?.() ?? [], peers }),
    };
  }

  #row({ id, node, name, state, admin, relay }: Known, reach: Reach | undefined, now: number, uptimeMs: number): NodeRow {
    const trace = this.census.trace(node), host = this.hosts.of(node), self = equal(id, this.#node.id), held = this.#node.archive.quarantine.get(node), known = this.#lacks.get(node)?.lacks;
    const connected = reach?.connected, level = reach?.links.some((each) => each.level === true) === true;
    const contact: NodeRow['contact'] = connected !== undefined ? { state: 'connected', at: this.#up.get(node) ?? now, by: connected }
      : reach?.heard !== undefined ? { state: 'heard', at: reach.heard.at, by: reach.heard.by } : trace?.heard ? { state: 'past', ...trace.heard } : null;
    const late = reach?.heard?.late;
    // At a broker heads are shown every some seconds: who held what was here a moment ago lacks about an event at each end that has moved since.
    const lacks = level ? { events: 0, bytes: 0, at: connected === undefined ? reach!.heard!.at : now, drainMs: null } : late !== undefined ? { events: late, bytes: late * EVENT_BYTES, at: reach!.heard!.at, drainMs: null } : known === undefined ? null
      : { ...known, drainMs: known.bytes > 0 && reach?.rate ? Math.ceil(known.bytes * 1_000 / reach.rate) : null };
    let silent: NodeRow['silent'] = null;
    if (!self && state === 'member' && connected === undefined && trace?.heard && uptimeMs > GRACE_MS) {
      const { habit, patience } = patienceWith(trace.habit, trace.heard.at);
      if (now - trace.heard.at > patience) silent = { since: trace.heard.at, habit };
    }
    return {
      node, name, state, admin, relay, self, contact: self ? null : contact, links: reach?.links ?? [], lacks: self || state !== 'member' ? null : lacks,
      behind: trace !== undefined && trace.missing > 0 ? { events: trace.missing, since: trace.since! } : null, last: trace?.last ?? null,
      clock: trace?.quality === null || trace === undefined ? null : { quality: QUALITIES[trace.quality], offset: this.hosts.offset(node) }, disk: host?.disk ?? null, version: host?.version ?? null,
      quarantine: held !== undefined && held.segments > 0 ? { segments: held.segments, bytes: held.bytes } : null, alarms: 0, silent,
    };
  }
}

function linkRow({ url, state, resting, node, name, rate, reason, in: came, out, broker }: PeerReport): LinkRow {
  return {
    url, state, resting: resting === true, node: node ?? null, name: name ?? null, rate: rate ?? null, reason: reason ?? null, in: came, out,
    broker: broker === undefined ? null : {
      members: broker.members.length, equal: broker.members.filter((each) => each.equal).length, published: broker.published, received: broker.received, refused: broker.refused, repeated: broker.repeated, sessions: broker.sessions,
    },
  };
}
