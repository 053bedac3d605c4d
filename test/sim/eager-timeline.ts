// A timeline that runs by itself as soon as something is planned: for suites that know nothing of virtual time.

import { Timeline, type Planned } from './timeline.ts';

/** Runs in the background until nothing is planned. */
export class EagerTimeline extends Timeline {
  private running = false;

  override after(ms: number, act: () => void): Planned {
    const planned = super.after(ms, act);
    if (!this.running) {
      this.running = true;
      setImmediate(() => { void this.drain(); });
    }
    return planned;
  }

  private async drain(): Promise<void> {
    for (let seen = -1; seen !== this.steps;) {
      seen = this.steps;
      await this.run(this.now + 1_000_000);
    }
    this.running = false;
  }
}
