// What follows a change of the log: followers, views and peers hear of it, and news of the fleet are acted on.
import type { Bytes } from './ports.ts';
import type { Acknowledged } from './log/writer.ts';
import type { LatestView } from './view/latest.ts';
import type { Node } from './node.ts';
import { owe } from './log/archive.ts';
import { Change } from './log/change.ts';
import { Fingerprints } from './log/fingerprint.ts';
import { judgeAgain } from './log/door.ts';
import { chooseLinks } from './node-choice.ts';
import { Duty } from './node-duty.ts';
import { factsIn } from './node-fleet.ts';
import { refold, relearn } from './node-refold.ts';

/** The consequences of changes, for one node. What fails here stays due. */
export class Changes {
  readonly duty: Duty;
  readonly fingerprints: Fingerprints;
  readonly #node: Node;
  readonly #latest: LatestView;
  /** Keys of `latest` may wait in the store to be folded again. */
  #stale = true;

  constructor(node: Node, latest: LatestView) {
    this.#node = node;
    this.#latest = latest;
    this.duty = new Duty(node);
    node.archive.delta = { removed: [], added: [] };
    this.fingerprints = new Fingerprints(node.archive.crypto, [...node.archive.frontier.values()].flat());
  }

  /** An append became durable. */
  acknowledged({ run, full, own, before }: Acknowledged): void {
    const node = this.#node;
    this.#latest.preview(run);
    node.followers.tell(run);
    if (run.stream === '$fleet') {
      owe(node.archive, node.desk.authority.learn(factsIn(run, own.log, before, own.opening.cites)));
      node.turn(() => this.judge().then(() => this.fleet())).catch(() => undefined);
    }
    if (full) node.seal(run.stream, true);
    node.options.wake();
  }

  /** Judges the nodes that are owed it. */
  async judge(): Promise<void> {
    const change = new Change(this.#node.archive);
    await judgeAgain(change, []);
    await change.commit();
    await this.settle(change);
  }

  /** After segments were admitted, or judged again. */
  async settle(change: Change): Promise<void> {
    const node = this.#node;
    for (const run of change.admitted) node.followers.tell(run);
    await this.stored(change);
  }

  /** Events of these own logs came from elsewhere: from a copy of this node, or from before a restore. What was written since is stored beside them, which shows it. */
  copied(own: Bytes[]): void {
    const { writer } = this.#node;
    if (writer.yield(own) || (own.length && writer.unstored().length)) void this.#node.checkpoint().catch(() => undefined); // as in tick
  }

  /** After anything was stored: own events are stored when followers know them already. */
  async stored(change: Change): Promise<void> {
    for (const alarm of change.alarms) this.#node.options.notice({ kind: 'alarm', alarm });
    if (change.alarms.length) chooseLinks(this.#node);
    if (change.retracted.length) this.#stale = true;
    this.announce();
    await this.fold();
  }

  /** After another process of this node has committed, and memory has followed: `stale`: views may wait in the store to be folded again. */
  async learnt(alarmed: boolean, stale: boolean): Promise<void> {
    if (alarmed) chooseLinks(this.#node);
    this.#stale ||= stale;
    this.announce();
    await this.fold();
  }

  /** Folds again what lost events. */
  async fold(): Promise<void> {
    if (!this.#stale) return;
    await refold(this.#node.archive, this.#latest, this.#node.writer.unstored());
    this.#stale = false;
  }

  /** The fold of the fleet has news: keys are saved, what they open is folded, and admins have duties. */
  async fleet(): Promise<void> {
    const node = this.#node;
    if (node.desk.unsaved()) await node.desk.save();
    await relearn(node.archive, node.desk, (run) => node.followers.tell(run));
    node.writer.retire();
    node.options.notice({ kind: 'fleet' });
    if (!node.closing) this.duty.look();
  }

  /** Tells the sessions what changed in the frontier. */
  announce(): void {
    const node = this.#node, { delta } = node.archive;
    if (!delta.added.length && !delta.removed.length) return;
    node.archive.delta = { removed: [], added: [] };
    this.fingerprints.apply(delta);
    for (const part of [...node.parts, ...node.connections]) part.changed(delta);
    node.options.wake();
  }
}
