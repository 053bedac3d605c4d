// A node at a broker: joins the fan-out, its sessions and the node; everything is driven by the node's tick and by the broker's messages.
import type { Broker, Bytes } from './ports.ts';
import type { Node } from './node.ts';
import type { Part } from './node-options.ts';
import type { Segment } from './event/segment.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';
import { logId } from './event/chain.ts';
import { lastOf, logNameOf } from './event/header.ts';
import { HOLE } from './log/item.ts';
import type { ShownTip } from './sync/fanout-members.ts';
import { Fanout } from './sync/fanout.ts';
import { topicsOf } from './sync/fanout-topics.ts';
import { instanceOf } from './sync/fanout-siblings.ts';
import { BrokerSessions } from './node-broker-session.ts';
import { onceVerdict } from './node-broker-once.ts';
import { raise } from './node-notes.ts';
import { lacking, ownTips } from './node-shown.ts';

/** Who this process is at brokers: made before the connection, which needs id and will. `own`: all that it publishes is below this topic. */
export interface BrokerPlan { prefix: string; instance: Bytes; clientId: string; will: { topic: string }; own: string; read: string }

/** How to join. `interest`: streams besides `$fleet` (default all); `once`: end when all who are there hold the same; `patience`: how long (ms) to wait for somebody then; `twin`: called
 * when another process turns out to use this instance (a copy of this one's memory): close, and join anew with another plan. */
export interface BrokerOptions { plan?: BrokerPlan; prefix?: string; interest?: string[]; once?: boolean; patience?: number; twin?(): void }

/** Another process at the broker. `items`: how many more items our frontier has than it showed; `heard`: ms since its last head. */
export interface BrokerPeer { node: string; name: string; instance: string; heard: number; state: 'equal' | 'late' | 'other'; items: number; session: boolean; deaf?: string }

/** How this node stands at one broker. Counts are segments, `events` in those received; bytes are those of the connection. */
export interface BrokerReport {
  broker: string; up: boolean; reason?: string; topics: { own: string; read: string }; clientId: string; peers: BrokerPeer[];
  published: number; left: number; received: number; events: number; repeated: number; refused: number; dropped: number; waiting: number;
  sessions: { now: number; ended: number; failed: number; sent: number; received: number }; bytesIn: number; bytesOut: number;
}

/** What an exchange with all who were there did. */
export interface BrokerExchange { sent: number; received: number; bytesOut: number; bytesIn: number; ms: number; equal: boolean; peers: number }

/** A node's place at a broker. */
export interface BrokerMembership {
  readonly plan: BrokerPlan;
  peers(): BrokerPeer[];
  report(): BrokerReport;
  /** With `once`: resolves when this node and all who show a head and answer hold the same. Faults: `timeout` (nobody there, or nobody answers), `link-failed` (no connection), `revoked`, `closed`. Otherwise resolves after `close`. */
  readonly done: Promise<BrokerExchange>;
  /** Says goodbye, clears the own head and closes the broker's connection. */
  close(): Promise<void>;
}

/** For each tip that a peer shows: would the door take something of it, or of what is missing below it in its log? */
async function missing(node: Node, tips: ShownTip[]): Promise<boolean[]> {
  const lacks = await lacking(node, tips);
  return tips.map((tip, i) => lacks[i]! || (node.archive.frontier.get(hex(tip.log)) ?? []).some((item) => item.kind === HOLE && item.from <= tip.to));
}

/** Takes fanned out segments in. Those of this node itself come from a copy of it, or from the past: what this process has not stored yet must not be taken for news. */
async function admitOthers(node: Node, segments: Segment[]): Promise<{ events: number; refused?: Fault['code'] }[]> {
  const own = segments.filter((s) => equal(s.header.node, node.id));
  if (own.length) node.seal();
  const tips = own.map(({ header: h }) => ({ log: logId(node.options.crypto, logNameOf(node.fleet, h)), node: h.node, to: lastOf(h), after: h.after }));
  const news = await lacking(node, tips), fresh = segments.filter((s) => { const i = own.indexOf(s); return i < 0 || news[i]; });
  const outcomes = await node.admit(fresh);
  return segments.map((s) => { const i = fresh.indexOf(s); return i < 0 ? { events: 0 } : outcomes[i]!; });
}

/** Who this process will be at a broker: connect with this client id and will. Fault `bad-argument` for a prefix that no broker takes. */
export function planBroker(node: Node, prefix = 'hf'): BrokerPlan {
  const { crypto, random, store } = node.options, topics = topicsOf(crypto, node.fleet, node.id, prefix), chance = random.bytes(8), instance = store.shared ? instanceOf(node.boot, chance) : chance;
  return { prefix, instance, clientId: `hf${hex(instance)}`, will: { topic: topics.head(instance) }, own: `${topics.own}/#`, read: `${topics.all}/#` };
}

/** Takes a node to a broker, until `close` or the node's end. Faults: `closed`, `bad-argument`. */
export function joinBroker(node: Node, broker: Broker, o: BrokerOptions = {}): BrokerMembership {
  if (node.closing) throw new Fault('closed', 'this node was closed');
  const plan = o.plan ?? planBroker(node, o.prefix);
  const { crypto, random, clock, wake, store: { shared } } = node.options, began = clock.uptime(), interest = o.interest ?? null;
  const topics = topicsOf(crypto, node.fleet, node.id, plan.prefix);
  const dones = new Map<number, () => void>();
  let messages = 0, blocked = false, pumping = false, over = false, reason: string | undefined, upAt: number | undefined, downAt: number | undefined;
  let finish!: (exchange: BrokerExchange) => void, fail!: (fault: Fault) => void;
  const done = new Promise<BrokerExchange>((resolve, reject) => { finish = resolve; fail = reject; });
  done.catch(() => undefined); // whoever cares awaits it

  const engine = new Fanout({
    topics, instance: plan.instance, interest, hasty: o.once === true, shared: shared !== undefined, now: began,
    host: {
      crypto, random, fleet: node.fleet, node: node.id,
      sign: (message) => crypto.sign(node.desk.author.seed, message),
      priority: (stream) => (stream.startsWith('$') ? -2 : stream === 'alarms' ? -1 : 0),
      prints: () => node.fingerprints.all(),
      tips: () => ownTips(node),
      standing: (id) => node.desk.judgePeer(id),
      traffic: (session) => sessions.traffic(session),
    },
  });
  const sessions = new BrokerSessions(node, broker, engine, (topic, payload) => publish(topic, payload, false));

  function publish(topic: string, payload: Bytes, retain: boolean): boolean {
    if (payload.length > broker.payloadBytes) return true; // less is taken than when this was made: lost like any other
    if (!broker.publish(topic, payload, retain) && broker.up) blocked = true;
    return !blocked;
  }

  /** Does what the engine says. `ticking`: the host is about to ask for the next deadline. */
  function pump(ticking = false): void {
    if (pumping || over) return;
    pumping = true;
    try {
      for (let out = engine.next(!blocked); out && !over; out = engine.next(!blocked)) {
        switch (out.kind) {
          case 'publish': publish(out.topic, out.payload, out.retain); break;
          case 'dealt': dealt(out.message); break;
          case 'admit': answer(admitOthers(node, out.segments), (outcomes) => engine.admitted(outcomes, clock.uptime())); break;
          case 'lacking': answer(missing(node, out.tips), (answers) => engine.lacks(answers ?? [], clock.uptime())); break;
          case 'begin': sessions.begin(out.running, interest); break;
          case 'datagram': sessions.datagram(out.session, out.bytes); break;
          case 'drop': sessions.drop(out.session, 'the peer has left'); break;
          case 'leave': sessions.leave(out.session); break;
          case 'siblings': answer(shared!.siblings(), (names) => engine.siblingsAre(names, clock.uptime())); break;
          case 'twin':
            raise(node, { code: 'clone', node: node.id, log: null, text: `a copy of the memory of this process (${node.desk.name}) runs, seen at ${broker.manifest.name}; set one of the two up as a node of its own` }).catch(() => undefined);
            o.twin?.();
            break;
        }
      }
    } finally {
      pumping = false;
    }
    if (!ticking) wake();
  }

  /** What the node cannot answer (its disk has failed) is no answer. */
  function answer<T>(asked: Promise<T>, told: (result: T | undefined) => void): void {
    asked.catch(() => undefined).then((result) => { if (!over) { told(result); pump(); } }).catch(() => undefined);
  }

  function dealt(message: number): void {
    const call = dones.get(message);
    dones.delete(message);
    call?.();
  }

  // Siblings must know this process before they see a head of it.
  let announced = shared === undefined;
  shared?.announce(node.boot).then(() => {
    announced = true;
    if (broker.up) broker.onUp();
  }, () => undefined); // the store has failed: this process ends

  broker.onUp = () => {
    if (over || !announced) return;
    const now = clock.uptime();
    upAt ??= now;
    blocked = false;
    reason = downAt = undefined;
    engine.connected(broker.payloadBytes, now);
    sessions.back(now);
    pump();
  };
  broker.onDown = (why) => {
    if (over) return;
    reason = why;
    downAt ??= clock.uptime();
    engine.gone();
    sessions.away();
    pump();
  };
  broker.onDrain = () => {
    if (over) return;
    blocked = false;
    sessions.roomy(clock.uptime());
    pump();
  };
  broker.onMessage = (topic, payload, settled) => {
    if (over) return settled();
    const message = ++messages;
    dones.set(message, settled);
    engine.message(topic, payload, message, clock.uptime());
    pump();
  };

  const stop = node.onSealed((segments) => { engine.sealed(segments, clock.uptime()); pump(); });

  const peers = (): BrokerPeer[] => engine.stands(clock.uptime()).map(({ node: id, heardAgo, ...rest }) => ({ ...rest, node: hex(id), name: node.desk.membership.member(id)?.name ?? '', heard: heardAgo }));
  const exchange = (equal: boolean): BrokerExchange => {
    const { sent, received } = sessions.moved();
    return { sent, received: received + engine.intake.counts.events, bytesOut: broker.traffic.out, bytesIn: broker.traffic.in, ms: clock.uptime() - began, equal, peers: engine.members.size };
  };

  const part: Part = {
    tick(now) {
      if (over) return undefined;
      if ((engine.deadline ?? Infinity) <= now) engine.tick(now);
      pump(true);
      const due = sessions.tick(now);
      pump(true);
      let at = Math.min(due, engine.deadline ?? Infinity);
      if (o.once) {
        const verdict = onceVerdict(engine, sessions, { began, upAt, downAt, reason, patience: o.patience }, now);
        if (typeof verdict === 'number') at = Math.min(at, verdict);
        else if (verdict instanceof Fault) fail(verdict);
        else finish(exchange(true));
      }
      return at === Infinity ? undefined : at;
    },
    changed(change) {
      if (over) return;
      engine.changed(new Set([...change.added, ...change.removed].map((item) => item.stream)), clock.uptime());
      pump();
    },
    close: () => { void close(); },
  };

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => closing ??= (async () => {
    const last = exchange(false);
    stop();
    node.parts.delete(part);
    sessions.close(clock.uptime());
    pump();
    over = true;
    if (broker.up) {
      const { topic, payload, retain } = engine.farewell();
      broker.publish(topic, payload, retain);
    }
    for (const message of [...dones.keys()]) dealt(message);
    if (o.once) fail(new Fault('closed', 'the exchange was given up; what had arrived is kept')); else finish(last);
    await broker.close();
  })();

  node.parts.add(part);
  if (o.once) node.seal();
  if (shared) broker.subscribe(topics.filters(plan.instance), { group: topics.group, filters: topics.live(interest) });
  else broker.subscribe([...topics.filters(plan.instance), ...topics.live(interest)]);
  if (broker.up) broker.onUp();
  wake();

  return {
    plan, done, close, peers,
    report() {
      const { counts } = engine.intake, { totals } = sessions;
      return {
        broker: broker.manifest.name, up: broker.up, ...(reason !== undefined && { reason }), topics: { own: plan.own, read: plan.read }, clientId: plan.clientId, peers: peers(),
        published: engine.outbox.published, left: engine.outbox.left, ...counts, waiting: engine.intake.waiting,
        sessions: { now: sessions.size, ...totals, ...sessions.moved() }, bytesIn: broker.traffic.in, bytesOut: broker.traffic.out,
      };
    },
  };
}
