// Virtual time: everything that happens in a simulated world happens as a step of this queue, in an order that the seed decides.

interface Step { at: number; order: number; act: (() => void) | undefined }

/** A step that has been planned and can be taken back. */
export interface Planned { cancel(): void }

/**
 * Steps by time, then by the order in which they were planned. After each step all promises that it settled run to their end before the next step begins,
 * so that code that awaits only what the timeline settles is deterministic.
 */
export class Timeline {
  /** Virtual milliseconds since the world began; not an integer. */
  now = 0;
  /** Steps taken so far. */
  steps = 0;
  private readonly heap: Step[] = [];
  private order = 0;

  /** Plans `act` in `ms` milliseconds. */
  after(ms: number, act: () => void): Planned {
    const step: Step = { at: this.now + Math.max(0, ms), order: this.order++, act };
    this.push(step);
    return { cancel: () => { step.act = undefined; } };
  }

  /** A promise that the timeline resolves in `ms` milliseconds. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Takes steps until `until` (then `now` is `until`), or until `done` says so after a step. */
  async run(until: number, done?: () => boolean): Promise<void> {
    await settled();
    for (;;) {
      if (done?.()) return;
      const next = this.heap[0];
      if (!next || next.at > until) break;
      this.pop();
      if (!next.act) continue;
      this.now = next.at;
      this.steps++;
      next.act();
      await settled();
    }
    this.now = Math.max(this.now, until);
  }

  private push(step: Step): void {
    const { heap } = this;
    let i = heap.push(step) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(step, heap[up]!)) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = step;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves when no microtask is left: an immediate runs only after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}
