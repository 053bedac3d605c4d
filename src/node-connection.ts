// One session over one link: carries frames and questions between the sans-IO engine and the node.
import type { Bytes, Link, Shared } from './ports.ts';
import type { Change, SessionLike } from './sync/host.ts';
import type { Node } from './node.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';
import { answer, hostOf } from './node-host.ts';
import type { Answering } from './node-host.ts';
import { keepReceipt, raise } from './node-notes.ts';
import { noteLevel } from './node-words.ts';
import { chooseLinks } from './node-choice.ts';
import { PATIENCE_MS, SILENCE_MS } from './sync/bounds.ts';
import { createSession } from './sync/session.ts';

/** What a session did: events (the system's streams not counted), and bytes on the wire with all framing. */
export interface SyncReport { sent: number; received: number; bytesOut: number; bytesIn: number; ms: number; equal: boolean }

export interface Connection {
  readonly link: Link;
  readonly role: 'open' | 'accept';
  /** The peer's id once it is proved. */
  peer: Bytes | undefined;
  /** The process there, hex of its id and boot, once both have greeted and neither wants a single exchange. */
  process: string | undefined;
  /** While the peer says that it is this node: what both ends of this session have, and no others. */
  session: string | undefined;
  /** Lower goes first among links to one process: 0 primary, 1 alternate, 2 contingency, 3 emergency; from the greeting on what both ends say. */
  preference: number;
  /** The same at both ends of this link, and at no other. */
  name: string;
  /** Another link to the same process is used, this one waits. */
  resting: boolean;
  rest(on: boolean): void;
  /** There is another link to the same process that could be used in its place. */
  relieved: boolean;
  /** It owes an answer, and nothing has moved on it for a while: another link to the same process is used beside it. */
  readonly silent: boolean;
  /** True while nothing is left to exchange; `equal` when both sides hold the same. */
  synced: boolean;
  equal: boolean;
  /** True while the peer holds what this side does, but for what has been on its way for a moment. */
  readonly level: boolean;
  /** Resolves at an orderly end, rejects with the Fault that ended it. */
  readonly done: Promise<SyncReport>;
  report(): SyncReport;
  tick(now: number): number | undefined;
  changed(change: Change): void;
  close(): void;
  /** Ends it with a fault. */
  fail(fault: Fault): void;
}

/** An answer that takes longer than this, while nothing moves, makes a link doubtful, ms; a thin one after the longer time. */
const DOUBT_MS = 10_000, DOUBT_THIN_MS = 60_000;
/** What is on its way longer than this is lacking there, ms. */
const MOMENT_MS = 10_000;

/** `preference`: as in `Connection`, if this side has a say; where neither has, what every byte counts on is a contingency, everything else primary. `patience`: ms that an answer may take at least, 20 s where nothing is said. */
export interface ConnectOptions { interest?: string[]; once?: boolean; preference?: number; patience?: number }

/** Starts a session. `once`: end as soon as both sides hold the same. */
export function connect(node: Node, answering: Answering, link: Link, role: 'open' | 'accept', o: ConnectOptions): Connection {
  const { clock, wake, store: { shared } } = node.options;
  const started = clock.uptime();
  const session: SessionLike = createSession({
    role, host: hostOf(answering), frameBytes: link.manifest.frameBytes, thin: link.manifest.thin,
    interest: o.interest ?? null, once: o.once === true, now: started, ...patienceOf(o.patience), ...(o.preference === undefined ? {} : { preference: o.preference }),
  });
  let finish!: (report: SyncReport) => void, fail!: (fault: Fault) => void;
  const done = new Promise<SyncReport>((resolve, reject) => { finish = resolve; fail = reject; });
  done.catch(() => undefined); // whoever cares awaits it
  let open = true, passing = false, blocked = false, pumping = false, doubtful = false, movedAt = started, busySince: number | undefined, boot: Bytes | undefined, told = false, judging = false, streams: string[] | undefined;

  const connection: Connection = {
    link, role, peer: undefined, process: undefined, session: undefined, preference: o.preference ?? (link.manifest.thin ? 2 : 0), name: '', resting: false, relieved: false, synced: false, equal: false, done,
    rest(on) {
      if (!open || on === connection.resting) return;
      connection.resting = on;
      safely(() => session.rest(on, clock.uptime()));
      pump();
    },
    get silent() { return doubtful; },
    get level() { return connection.synced && connection.equal && !connection.resting && (busySince === undefined || clock.uptime() - busySince < MOMENT_MS); },
    report: () => ({ sent: session.report.sent, received: session.report.received, bytesOut: link.traffic.out, bytesIn: link.traffic.in, ms: clock.uptime() - started, equal: connection.equal }),
    tick(now) {
      if (open && session.deadline !== undefined && session.deadline <= now) { safely(() => session.tick(now)); pump(); }
      if ((doubtAt() ?? Infinity) <= now) {
        doubtful = true;
        chooseLinks(node);
      }
      return open ? leastOf(session.deadline, doubtAt()) : undefined;
    },
    changed(change) { safely(() => session.changed(change, clock.uptime())); pump(); },
    close() { if (open) { safely(() => session.close(clock.uptime())); pump(); } },
    fail: (fault) => end(fault, fault.message),
  };

  function end(fault: Fault | undefined, reason: string): void {
    if (!open) return;
    open = false;
    node.connections.delete(connection);
    link.close(reason);
    chooseLinks(node);
    if (fault) fail(fault); else finish(connection.report());
  }

  /** When this link becomes doubtful, if another one to the same process stands by. */
  function doubtAt(): number | undefined {
    if (!open || doubtful || busySince === undefined || connection.resting || !connection.relieved) return undefined;
    return Math.max(busySince, movedAt) + Math.max(o.patience ?? 0, link.manifest.thin ? DOUBT_THIN_MS : DOUBT_MS);
  }

  function moved(): void {
    movedAt = clock.uptime();
    if (!doubtful) return;
    doubtful = false;
    chooseLinks(node);
  }

  /** Whatever throws ends this session and harms nothing else: frames come from outside, and nobody waits for what answers bring about. */
  function safely(step: () => void): void {
    try { step(); } catch (error) { end(faultOf(error), 'a fault of this node'); }
  }

  function pump(): void {
    if (pumping) return;
    pumping = true;
    safely(pumpAll);
    pumping = false;
    busySince = session.idle ? undefined : busySince ?? clock.uptime();
    wake();
  }

  function pumpAll(): void {
    while (open && !judging) {
      const out = session.next(!blocked, clock.uptime()); // questions do not wait for the link
      if (!out) break;
      if (out.kind === 'send') {
        // A wire takes each frame when the one before is through; what a network takes says nothing.
        if (link.manifest.thin) movedAt = clock.uptime();
        if (!link.send(out.frame)) blocked = true;
      }
      else if (out.kind === 'ask') ask(out.id, out.question);
      else if (out.kind === 'peer') {
        connection.peer = out.node;
      } else if (out.kind === 'greeted') {
        if (equal(connection.peer!, node.id)) {
          // Both ends of one session are here: a copy of this process has an end of its own elsewhere, whatever it says of itself.
          connection.session = hex(out.session);
          const other = [...node.connections].find((each) => each !== connection && each.session === connection.session);
          if (other) {
            const fault = new Fault('bad-argument', `the link over ${link.manifest.name} leads back to this node itself`);
            other.fail(fault);
            return end(fault, fault.message);
          }
        }
        streams = out.streams ?? undefined;
        connection.preference = out.preference;
        connection.name = hex(out.session);
        boot = out.boot;
        // Nothing goes by until it is known whether it is a copy: what a sibling has not stored yet is not news.
        if (shared && connection.session) {
          judging = true;
          unlessSibling(shared, boot, () => { judging = false; pump(); });
        }
        passing = out.once;
        if (!out.once) connection.process = `${hex(connection.peer!)} ${hex(out.boot)}`;
        chooseLinks(node);
      } else if (out.kind === 'receipt') {
        if (connection.session && !told) met();
        keepReceipt(node, connection.peer!, out.receipt);
      } else if (out.kind === 'synced') { connection.synced = true; connection.equal = out.equal; if (out.equal) noteLevel(node, connection.peer!, boot!, streams, passing); }
      else end(out.fault, out.fault?.message ?? 'done');
    }
  }

  /** A peer that has said what it holds had greeted before: a link to this node itself would have ended by now, so it is somebody else. */
  function met(): void {
    told = true;
    // It may have been asked for before it had let itself be known; what it says it says after that.
    if (shared) unlessSibling(shared, boot!, alarm); else alarm();
  }

  function alarm(): void {
    raise(node, { code: 'clone', node: node.id, log: null, text: `another process runs with the identity of this node (${node.desk.name}), seen over ${link.manifest.name}: a copy of its disk is in use; set one of the two up as a node of its own` }).catch(() => undefined);
  }

  /** Goes on unless the peer is another process on this store: then there is nothing to exchange, and the session ends. Of two that ask each other at least one finds the other's name. */
  function unlessSibling(store: Shared, name: Bytes, then: () => void): void {
    store.announce(node.boot).then(() => store.siblings()).then((names) => {
      if (!open) return;
      if (!names.some((each) => equal(each, name))) return then();
      const fault = new Fault('bad-argument', `the link over ${link.manifest.name} leads to another process of this server (${node.desk.name}), which has the same store`);
      end(fault, fault.message);
    }).catch((error: unknown) => end(faultOf(error), 'a fault of this node'));
  }

  function ask(id: number, question: Parameters<typeof answer>[1]): void {
    const told = (result: Parameters<typeof session.answer>[1]): void => {
      if (open) safely(() => session.answer(id, result, clock.uptime()));
      pump();
    };
    void answer(answering, question).then(told, (error: unknown) => told(faultOf(error)));
  }

  link.onFrame = (frame) => {
    if (!open) return;
    safely(() => session.frame(frame, clock.uptime()));
    moved();
    pump();
  };
  link.onDrain = () => {
    blocked = false;
    moved();
    pump();
  };
  link.onClose = (reason) => end(connection.synced && o.once ? undefined : new Fault('link-closed', `the connection over ${link.manifest.name} ended: ${reason}`), reason);
  node.connections.add(connection);
  pump();
  return connection;
}

function leastOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

/** On a line that takes minutes silence means nothing for as long either. */
function patienceOf(ms = 0): { patience?: number; silence?: number } {
  return ms > PATIENCE_MS ? { patience: ms, silence: Math.max(SILENCE_MS, 4 * ms) } : {};
}

function faultOf(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault('internal', String(error), { cause: error });
}
