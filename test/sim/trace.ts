// What happened in a world, as a hash that two runs of one seed must share, and as lines when somebody wants to read them.

import type { Bytes } from '../../src/ports.ts';
import type { Timeline } from './timeline.ts';

type Part = string | number | boolean | undefined;

/** Collects what happens. Parts are hashed always and printed only when `show` is given, so that a silent run stays quick. */
export class Trace {
  /** Lines noted so far. */
  lines = 0;
  private a = 0x811c9dc5;
  private b = 0x9e3779b9;
  private readonly timeline: Timeline;
  private readonly show: ((line: string) => void) | undefined;

  constructor(timeline: Timeline, show?: (line: string) => void) {
    this.timeline = timeline;
    this.show = show;
  }

  /** Notes one thing that happened now. */
  note(kind: string, ...parts: Part[]): void {
    this.lines++;
    this.number(this.timeline.now);
    this.text(kind);
    for (const part of parts) {
      if (typeof part === 'number') this.number(part);
      else this.text(String(part));
    }
    this.show?.(`${(this.timeline.now / 1000).toFixed(3).padStart(10)}  ${kind.padEnd(10)} ${parts.map(String).join(' ')}`);
  }

  /** Hash of all that was noted, in hex. */
  hash(): string {
    return (this.a >>> 0).toString(16).padStart(8, '0') + (this.b >>> 0).toString(16).padStart(8, '0');
  }

  private text(text: string): void {
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
    this.word(0x1f);
  }

  private number(n: number): void {
    FLOAT[0] = n;
    this.word(WORDS[0]!);
    this.word(WORDS[1]!);
  }

  private word(n: number): void {
    this.a = Math.imul(this.a ^ n, 0x01000193);
    this.b = Math.imul(((this.b << 5) | (this.b >>> 27)) ^ n ^ this.a, 0x85ebca6b);
  }
}

const FLOAT = new Float64Array(1);
const WORDS = new Uint32Array(FLOAT.buffer);

/** A short fingerprint of bytes for the trace: quick, not secure; looks at every byte. */
export function sketch(bytes: Bytes): number {
  let h = 0x811c9dc5 ^ bytes.length;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  return h >>> 0;
}
