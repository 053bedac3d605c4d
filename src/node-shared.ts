// A node whose store other processes of it write too: before each turn it learns what they did, and it takes over what dead ones have left.
import type { News, Shared } from './ports.ts';
import type { Changes } from './node-changes.ts';
import type { Node } from './node.ts';
import { owe, recordOf } from './log/archive.ts';
import { hex, equal } from './event/bytes.ts';
import { TIP } from './log/item.ts';
import { sealerOf } from './log/own.ts';
import { recover } from './log/recover.ts';
import { arrived, refresh } from './log/refresh.ts';

/** One node's share of a store. */
export class Sharing {
  readonly #node: Node;
  readonly #shared: Shared;
  readonly #changes: Changes;
  /** News whose learning failed: they come first next time. */
  #left: News[] = [];
  #asked = false;

  constructor(node: Node, shared: Shared, changes: Changes) {
    this.#node = node;
    this.#shared = shared;
    this.#changes = changes;
  }

  /** Before the first turn, while `enter` holds it: what dead processes have left, and the ends of the logs of this slot, whose records say which they are. */
  async open(): Promise<void> {
    const { archive } = this.#node;
    for (const item of [...archive.frontier.values()].flat()) {
      if (item.kind === TIP && equal(item.node, this.#node.id) && await recordOf(archive, item.log)) archive.own.add(hex(item.log));
    }
    await this.#adopt();
    this.#shared.onNews = () => this.#look();
  }

  /** Does `step` in a turn of this process, with everything known that others have committed. Faults: those of `Shared.enter`, of reading, and of the step. */
  async take<T>(step: () => Promise<T>): Promise<T> {
    const news = await this.#shared.enter();
    try {
      if (news.changed.length || news.moved.length) this.#left.push(news);
      while (this.#left.length) {
        await this.#learn(this.#left[0]!);
        this.#left.shift();
      }
      return await step();
    } finally {
      await this.#shared.leave();
    }
  }

  /** Others have committed, or died. */
  #look(): void {
    if (this.#asked || this.#node.closing) return;
    this.#asked = true;
    this.#node.turn(() => { this.#asked = false; return this.#adopt(); }).catch(() => { this.#asked = false; }); // the next news asks again
  }

  async #learn(news: News): Promise<void> {
    const node = this.#node, { archive, desk, followers } = node;
    const { records, facts, alarmed, stale } = await refresh(archive, news);
    // Whoever committed them has judged what follows from them, or owes it in the store.
    for (const each of facts) desk.authority.learn(each);
    for (const run of await arrived(archive, news, records, (stream) => followers.wanted(stream))) followers.tell(run);
    await this.#changes.learnt(alarmed, stale);
    if (facts.length) await this.#changes.fleet();
  }

  /** Seals and stores what processes that have died had acknowledged, each under its own incarnation. */
  async #adopt(): Promise<void> {
    const node = this.#node, { archive, desk, options } = node;
    for (const orphan of await this.#shared.orphans()) {
      const { events, skipped, facts, segments, change } = await recover(archive, sealerOf(archive, desk.author, options.clock), orphan.records);
      owe(archive, desk.authority.learn(facts));
      await this.#changes.settle(change);
      if (archive.owed.size) await this.#changes.judge();
      if (facts.length) await this.#changes.fleet();
      await orphan.done();
      // Its peers wait for what it did not come to say.
      node.offer(segments);
      if (events || skipped.length) options.notice({ kind: 'recovered', events, skipped });
    }
  }
}
