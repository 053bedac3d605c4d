// One place where two machines can reach each other: dials whenever both are up, and carries what can go wrong on a line.

import { codeOf } from '../../src/fault.ts';
import type { Bytes } from '../../src/ports.ts';
import type { Connection, ConnectOptions } from '../../src/node-connection.ts';
import type { Chance } from './chance.ts';
import type { Machine } from './machine.ts';
import { FRAMING, simLine, type Line, type SimLink } from './sim-link.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** Kinds of lines that worlds are made of. */
export const LINES: Readonly<Record<'lan' | 'wan' | 'radio' | 'wire' | 'beads' | 'far', Line>> = {
  lan: { name: 'lan', latency: 0.3, jitter: 1, bytesPerMs: 50_000, frameBytes: 262_144, thin: false, window: 1_048_576 },
  wan: { name: 'wan', latency: 40, jitter: 60, bytesPerMs: 500, frameBytes: 65_536, thin: false, window: 262_144 },
  radio: { name: 'radio', latency: 150, jitter: 300, bytesPerMs: 12, frameBytes: 4_096, thin: true, window: 8_192 },
  /** 1200 baud. */
  wire: { name: 'wire', latency: 30, jitter: 20, bytesPerMs: 0.12, frameBytes: 64, thin: true, window: 256 },
  beads: { name: 'beads', latency: 200, jitter: 400, bytesPerMs: 1, frameBytes: 16, thin: true, window: 256 },
  /** Minutes away. */
  far: { name: 'far', latency: 100_000, jitter: 30_000, bytesPerMs: 2, frameBytes: 1_024, thin: true, window: 4_096, patience: 900_000 },
};

/** What was said on a line that somebody recorded, by direction. */
export interface Tape { opener: Bytes[]; acceptor: Bytes[] }

/** A pair of machines with a line between them, and the connection on it if there is one. */
export class Edge {
  readonly a: Machine;
  readonly b: Machine;
  readonly line: Line;
  up = true;
  /** Ends of the connection that the opener believes in: opener's, acceptor's. */
  live: [SimLink, SimLink] | undefined;
  /** Connections made so far. */
  connections = 0;
  /** What `bytes` counts of connections that are over. */
  private past = 0;
  /** What this machine says does not arrive until then; the other way goes on. */
  muted: { machine: Machine; until: number } | undefined;
  /** Among the lines between these machines. */
  readonly preference: number | undefined;
  readonly tapes: Tape[] = [];
  /** Connections in a row that ended soon; the next one waits the longer. */
  private failures = 0;
  private readonly name: string;
  private readonly timeline: Timeline;
  private readonly chance: Chance;
  private readonly trace: Trace;

  constructor(a: Machine, b: Machine, line: Line, timeline: Timeline, chance: Chance, trace: Trace, preference?: number) {
    this.a = a;
    this.preference = preference;
    this.b = b;
    this.line = line;
    this.timeline = timeline;
    this.name = `${a.label}-${b.label}`;
    this.chance = chance.branch(`edge/${this.name}${preference ?? ''}`);
    this.trace = trace;
    this.later();
  }

  /** Frames sent both ways on the current connection. */
  frames(): number {
    return this.live ? this.live[0].frames + this.live[1].frames : 0;
  }

  /** Bytes sent both ways, without what each frame costs beside what it carries. */
  bytes(): number {
    return this.past + (this.live ? said(this.live) : 0);
  }

  /** Makes a connection now, if both machines are up and can be reached. */
  dial(o: { interest?: string[]; once?: boolean } = {}): void {
    const { a, b } = this;
    if (!a.node || !b.node || a.state !== 'up' || b.state !== 'up' || !a.reachable || !b.reachable) return;
    const [opener, acceptor] = this.chance.hit(0.5) ? [a, b] : [b, a];
    const name = `${opener.label}-${acceptor.label}${this.preference === undefined ? '' : `/${this.preference}`}#${++this.connections}`;
    const [left, right] = simLine(name, this.line, this.timeline, this.chance.branch(name), this.trace);
    if (this.chance.hit(0.3)) {
      this.tapes.push({ opener: left.tape = [], acceptor: right.tape = [] });
      if (this.tapes.length > 4) this.tapes.shift();
    }
    const pair: [SimLink, SimLink] = [left, right];
    this.live = pair;
    const began = this.timeline.now;
    left.whenOver = () => {
      opener.links.delete(left);
      if (this.live === pair) {
        this.past += said(pair);
        this.live = undefined;
      }
      this.failures = this.timeline.now - began < 5_000 ? Math.min(this.failures + 1, 4) : 0;
    };
    right.whenOver = () => { acceptor.links.delete(right); };
    this.trace.note('dial', name, this.line.name);
    if (this.muted && this.muted.until > this.timeline.now) (this.muted.machine === opener ? left : right).stall(this.muted.until - this.timeline.now);
    const all = { ...(this.line.patience === undefined ? {} : { patience: this.line.patience }), ...(this.preference === undefined ? {} : { preference: this.preference }) };
    attach(opener, left, 'open', { ...o, ...all }, this.trace);
    attach(acceptor, right, 'accept', all, this.trace);
  }

  /** From now on nothing of what one side says arrives, for a while. */
  mute(machine: Machine, ms: number): void {
    this.muted = { machine, until: this.timeline.now + ms };
    this.cut();
  }

  /** Breaks the connection; `atOnce`: both ends know of it then. */
  cut(atOnce = false): void {
    if (this.live) this.past += said(this.live);
    this.live?.[0].cut(atOnce);
    this.live = undefined;
  }

  private later(): void {
    this.timeline.after((200 + this.chance.unit() * 3_000) * 2 ** this.failures, () => {
      if (this.a.state === 'gone' || this.b.state === 'gone') return;
      if (this.up && !this.live) this.dial();
      this.later();
    });
  }
}

/** Bytes that both ends of a connection have sent, without framing and the byte at the head of each frame. */
function said(ends: [SimLink, SimLink]): number {
  return ends.reduce((sum, { traffic, frames }) => sum + traffic.out - frames * (FRAMING + 1), 0);
}

/** Hands one end of a line to a machine's node. */
export function attach(machine: Machine, link: SimLink, role: 'open' | 'accept', o: ConnectOptions, trace: Trace): void {
  let connection: Connection;
  try {
    connection = machine.node!.connect(link, role, o);
  } catch (error) {
    // A process whose disk failed a moment ago takes no connections any more.
    if (codeOf(error) !== 'store-failed' && codeOf(error) !== 'closed') throw error;
    trace.note('refused', link.manifest.name, codeOf(error));
    link.close('refused');
    return;
  }
  machine.links.add(link);
  connection.done.then(
    (report) => trace.note('done', link.manifest.name, report.sent, report.received),
    (error) => trace.note('failed', link.manifest.name, codeOf(error), String(error)),
  );
}
