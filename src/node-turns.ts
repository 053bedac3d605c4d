// The steps of a node that change its store: one after the other here, and in turn with the other processes of the node where there are some.
import type { Sharing } from './node-shared.ts';

/** The steps of one node. */
export class Turns {
  /** Where other processes write the store too. */
  sharing: Sharing | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `step` when no other step is under way. */
  take<T>(step: () => Promise<T>): Promise<T> {
    const alone = (): Promise<T> => (this.sharing ? this.sharing.take(step) : step());
    const run = this.#last.then(alone, alone);
    this.#last = run.catch(() => undefined);
    return run;
  }

  /** Resolves when the steps that were asked for are over. */
  get over(): Promise<unknown> { return this.#last; }
}
