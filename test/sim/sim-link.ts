// The Link port between two simulated processes: ordered frames over a line that is slow, stalls, breaks, and sometimes damages what it carries.

import type { Bytes, Link } from '../../src/ports.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';
import { sketch, type Trace } from './trace.ts';

/** What a line is like. */
export interface Line {
  name: string;
  /** Milliseconds that a frame takes at least, and what chance adds at most. */
  latency: number;
  jitter: number;
  bytesPerMs: number;
  frameBytes: number;
  thin: boolean;
  /** Bytes that may wait at the sender before `send` returns false. */
  window: number;
  /** Milliseconds that an answer may take. */
  patience?: number;
}

/** Bytes of framing that each frame is charged with. */
export const FRAMING = 6;
/** How far beyond its window a sender may go before the world calls it deaf: whole frames that it had begun. */
const DEAF = 8;

/** One end of a line. */
export class SimLink implements Link {
  readonly manifest: Link['manifest'];
  readonly traffic = { in: 0, out: 0 };
  onFrame: (frame: Bytes) => void = () => {};
  onDrain: () => void = () => {};
  onClose: (reason: string) => void = () => {};
  /** The other end. */
  peer!: SimLink;
  open = true;
  /** Frames sent so far, kept when somebody records this line. */
  tape: Bytes[] | undefined;
  /** Frames sent. */
  frames = 0;
  /** Set to damage the next frame that this end sends. */
  spoil: ((frame: Bytes) => Bytes) | undefined;
  /** Called once when this end is over, whatever the reason; the world's own, beside `onClose`. */
  whenOver: () => void = () => {};
  /** Most bytes that waited at this end. */
  most = 0;
  private waiting = 0;
  private choked = false;
  private clear = 0;
  private last = 0;
  private stalled = 0;
  private readonly line: Line;
  private readonly timeline: Timeline;
  private readonly chance: Chance;
  private readonly trace: Trace;

  constructor(name: string, line: Line, timeline: Timeline, chance: Chance, trace: Trace) {
    this.line = line;
    this.timeline = timeline;
    this.chance = chance;
    this.trace = trace;
    this.manifest = { name, frameBytes: line.frameBytes, thin: line.thin };
  }

  send(frame: Bytes): boolean {
    if (!this.open) return true;
    if (frame.length > this.line.frameBytes) throw new Error(`a frame of ${frame.length} bytes on ${this.manifest.name}`);
    const { timeline } = this;
    const bytes = frame.length + FRAMING;
    this.traffic.out += bytes;
    this.frames++;
    this.waiting += bytes;
    this.most = Math.max(this.most, this.waiting);
    if (this.waiting > this.line.window + DEAF * this.line.frameBytes) throw new Error(`${this.manifest.name}: ${this.waiting} bytes wait, the sender does not listen`);
    const before = sketch(frame);
    this.trace.note('send', this.manifest.name, frame.length, before);
    this.tape?.push(frame.slice());
    this.clear = Math.max(this.clear, timeline.now) + bytes / this.line.bytesPerMs;
    this.last = Math.max(this.last, this.clear + this.line.latency + this.chance.unit() * this.line.jitter, this.stalled);
    timeline.after(this.clear - timeline.now, () => this.sent(bytes));
    timeline.after(this.last - timeline.now, () => {
      if (sketch(frame) !== before) throw new Error(`${this.manifest.name}: a frame was changed after it was sent`);
      let arriving = frame.slice();
      if (this.spoil) {
        arriving = this.spoil(arriving).slice();
        this.spoil = undefined;
        this.trace.note('spoilt', this.manifest.name, arriving.length);
      }
      this.peer.arrive(arriving, bytes);
    });
    if (this.waiting <= this.line.window) return true;
    this.choked = true;
    return false;
  }

  /** An orderly close: what was sent before still arrives. */
  close(reason = 'closed'): void {
    if (!this.open) return;
    this.trace.note('close', this.manifest.name, reason);
    this.end(reason);
    const at = Math.max(this.last, this.timeline.now + this.line.latency);
    this.timeline.after(at - this.timeline.now, () => this.peer.end('closed by the peer'));
  }

  /** The line breaks: what is on its way is lost, each end learns of it in its own time, or very late; `atOnce`: at once. */
  cut(atOnce = false): void {
    for (const side of [this as SimLink, this.peer]) {
      side.deaf = true;
      const notice = atOnce ? 0 : this.chance.hit(0.2) ? this.chance.int(5_000, 60_000) : this.chance.int(0, 500);
      this.timeline.after(notice, () => side.end('the line broke'));
    }
  }

  /** Nothing that this end sends arrives for a while; the other way goes on. */
  stall(ms: number): void {
    this.stalled = this.last = Math.max(this.last, this.timeline.now + ms);
  }

  /** This end is gone without a word, as when its process dies. */
  vanish(): void {
    this.open = false;
    this.onFrame = this.onDrain = () => {};
    this.onClose = () => {};
    this.whenOver();
    this.timeline.after(this.line.latency + this.chance.int(0, 2_000), () => this.peer.end('the peer is gone'));
  }

  private deaf = false;

  private sent(bytes: number): void {
    this.waiting -= bytes;
    if (!this.open || !this.choked || this.waiting > this.line.window / 2) return;
    this.choked = false;
    this.onDrain();
  }

  private arrive(frame: Bytes, bytes: number): void {
    if (!this.open || this.deaf) return;
    this.traffic.in += bytes;
    this.onFrame(frame);
  }

  private end(reason: string): void {
    if (!this.open) return;
    this.open = false;
    this.whenOver();
    this.timeline.after(0, () => this.onClose(reason));
  }
}

/** Both ends of a new line. */
export function simLine(name: string, line: Line, timeline: Timeline, chance: Chance, trace: Trace): [SimLink, SimLink] {
  const a = new SimLink(`${name}>`, line, timeline, chance, trace);
  const b = new SimLink(`${name}<`, line, timeline, chance, trace);
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** Flips one to eight bits of a frame. */
export function flip(chance: Chance): (frame: Bytes) => Bytes {
  return (frame) => {
    if (frame.length > 0) for (let n = chance.int(1, 8); n > 0; n--) frame[chance.int(0, frame.length - 1)]! ^= 1 << chance.int(0, 7);
    return frame;
  };
}

/** Cuts a frame short. */
export function truncate(chance: Chance): (frame: Bytes) => Bytes {
  return (frame) => frame.subarray(0, chance.int(0, Math.max(0, frame.length - 1)));
}
