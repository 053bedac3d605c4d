// Segments on their way in: checked as they come, then taken through the one door together with all that waits by then.
import type { Bytes } from './ports.ts';
import type { Fault } from './fault.ts';
import type { Segment } from './event/segment.ts';
import type { Changes } from './node-changes.ts';
import type { Node } from './node.ts';
import { equal } from './event/bytes.ts';
import { admit, inspect, type Inspected } from './log/door.ts';

/** Bytes of segments that are unpacked before their turn: they can grow twentyfold. A server has more memory, and its turns wait for the database. */
const AHEAD_BYTES = 262_144, SERVER_AHEAD_BYTES = 1_572_864;
/** Segments, and bytes of them, of one step: at least those of one caller. */
const STEP_SEGMENTS = 512, STEP_BYTES = 262_144;

/** What became of one segment: new events here, or why it was refused. */
export interface Taken { events: number; refused?: Fault['code'] }

interface Arrival { inspected: Inspected[]; bytes: number; resolve(taken: Taken[]): void; reject(error: unknown): void }

/** What waits to be admitted at one node. A step costs flushes, or a turn among processes: many small arrivals share it. */
export class Intake {
  readonly #node: Node;
  readonly #changes: Changes;
  readonly #waiting: Arrival[] = [];
  readonly #most: number;
  /** Bytes of segments that wait, checked, for their turn. */
  #ahead = 0;
  #asked = false;

  constructor(node: Node, changes: Changes) {
    this.#node = node;
    this.#changes = changes;
    this.#most = node.options.store.shared ? SERVER_AHEAD_BYTES : AHEAD_BYTES;
  }

  /** Takes segments in, after those that came before. Faults: those of `Store.commit`; then nothing was admitted. */
  take(segments: (Bytes | Segment)[]): Promise<Taken[]> {
    // Checked before the turn comes: that work is done while an earlier step is on its way to the disk.
    const bytes = segments.reduce((n, s) => n + (s instanceof Uint8Array ? s : s.bytes).length, 0);
    const inspected = inspect(this.#node.archive, segments, this.#ahead + bytes <= this.#most);
    this.#ahead += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ inspected, bytes, resolve, reject });
      this.#ask();
    });
  }

  #ask(): void {
    if (this.#asked || !this.#waiting.length) return;
    this.#asked = true;
    let step: Arrival[] = [];
    this.#node.turn(async () => {
      step = this.#next();
      this.#asked = false;
      this.#ask(); // what comes after these has its own turn, behind whoever waits already
      await this.#admit(step);
    }).catch((error: unknown) => {
      // There was no turn.
      if (!step.length) { step = this.#next(); this.#asked = false; this.#ask(); }
      for (const { reject } of step) reject(error);
    });
  }

  /** The first that wait, as many as one step takes. */
  #next(): Arrival[] {
    let count = 0, bytes = 0, n = 0;
    for (; n < this.#waiting.length; n++) {
      const one = this.#waiting[n]!;
      if (n && (count + one.inspected.length > STEP_SEGMENTS || bytes + one.bytes > STEP_BYTES)) break;
      count += one.inspected.length;
      bytes += one.bytes;
    }
    this.#ahead -= bytes;
    return this.#waiting.splice(0, n);
  }

  async #admit(step: Arrival[]): Promise<void> {
    const node = this.#node, all = step.flatMap(({ inspected }) => inspected);
    const { outcomes, changes } = await admit(node.archive, all);
    for (const change of changes) await this.#changes.settle(change);
    this.#changes.copied(all.flatMap((one, i) => (outcomes[i]!.state === 'admitted' && 'segment' in one && equal(one.segment.header.node, node.id) ? [outcomes[i]!.log!] : [])));
    if (changes.some((change) => change.changedLogs.some((r) => r.stream === '$fleet'))) await this.#changes.fleet();
    let at = 0;
    for (const { inspected, resolve } of step) {
      resolve(outcomes.slice(at, at += inspected.length).map((o) => (o.fault ? { events: 0, refused: o.fault.code } : { events: o.state === 'admitted' ? o.events : 0 })));
    }
  }
}
