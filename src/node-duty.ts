// What falls to admins without anybody asking: a new key after a revocation, wraps for members that came later. One of them acts; the others only when it does not.
import type { Node } from './node.ts';

/** How long the second admin waits for the first, the third for the second, and so on. */
const TURN_MS = 60_000;
/** The same between the processes of one node, in the order of their slots: they hear of each other at once. */
const SLOT_MS = 10_000;

/** When it is whose turn, and what is due then. */
export class Duty {
  readonly #node: Node;
  #busy = false;
  /** Uptime at which it is this node's turn. */
  #at: number | undefined;

  constructor(node: Node) { this.#node = node; }

  /** The fold of the fleet has news, or the turn has come. */
  look(): void {
    const { desk, options } = this.#node;
    const rank = desk.identity.grant ? desk.dutyRank() : undefined; // who is being set up has none: a founder starts the first key itself
    if (rank === undefined) { this.#at = undefined; return; }
    const now = options.clock.uptime();
    this.#at ??= now + rank * TURN_MS + (options.store.shared?.slot ?? 0) * SLOT_MS;
    if (this.#busy || now < this.#at) return;
    const drafts = desk.duties(this.#node.fleetLog());
    this.#at = now + TURN_MS; // what fails stays due
    if (!drafts.length) return;
    this.#busy = true; // not awaited: appending has the fleet judged again, which takes turns with the caller
    this.#node.appendFleet(drafts).catch(() => undefined).finally(() => { this.#busy = false; });
  }

  /** Acts when the turn has come; returns the uptime at which it will. */
  tick(now: number): number | undefined {
    if (this.#at !== undefined && this.#at <= now) this.look();
    return this.#at;
  }
}
