// Which nodes' standing may have changed with the events that just came in, so that only their logs are judged again.
import type { Ancestry, Vertex } from './ancestry.ts';
import type { Effects, Release } from './effect.ts';
import type { Join, Revoke, Verdicts } from './verdict.ts';

/** Gathers what came in and says afterwards whom it may concern: rather one node too many than one too few. */
export class Changes {
  /** What was last told of each join. */
  readonly #told = new Map<Join, string>();
  readonly #live = new Map<string, number>();
  #released = new Map<string, Set<Release>>();
  #fresh: Vertex[] = [];
  #suspects = new Set<Join>();
  #again = false;
  readonly #ancestry: Ancestry;
  readonly #verdicts: Verdicts;
  readonly #effects: Effects;

  constructor(ancestry: Ancestry, verdicts: Verdicts, effects: Effects) {
    this.#ancestry = ancestry;
    this.#verdicts = verdicts;
    this.#effects = effects;
  }

  /** Notes an event that came in, and what it turned out to be. */
  note(vertex: Vertex, power: Join | Revoke | undefined, release: Release | undefined): void {
    this.#fresh.push(vertex);
    if (release) this.#again = true;
    if (!power) return;
    if (!('target' in power)) {
      this.#suspects.add(power);
      return;
    }
    this.#again = true;
    for (const join of this.#verdicts.joinsOf.get(power.target) ?? []) this.#suspects.add(join);
    for (const key of power.spent) for (const join of this.#verdicts.joinsFrom.get(key) ?? []) this.#suspects.add(join);
  }

  /** The ids in hex, sorted, of the nodes to judge again since the last call. */
  take(): string[] {
    const changed = new Set<string>();
    const start = new Set(this.#fresh);
    // With an admin fall those whom it invited.
    if (this.#again) for (const join of this.#suspects) if (join.power >= 0) for (const other of this.#verdicts.joinsBy.get(join.vertex.author) ?? []) this.#suspects.add(other);
    for (const join of this.#suspects) {
      const node = join.vertex.author;
      if (!this.#tell(join)) continue;
      changed.add(node);
      // What it had seen may have been admitted through it alone, or be so now.
      for (const vertex of this.#ancestry.by(node)) start.add(vertex);
    }
    if (this.#again) this.#compareReleases(changed);
    if (this.#verdicts.revokes.length > 0) this.#reach(start, changed);
    this.#fresh = [];
    this.#suspects = new Set();
    this.#again = false;
    return [...changed].sort();
  }

  /** True when the verdict on a join differs from what was last told. */
  #tell(join: Join): boolean {
    const { valid, killers } = this.#verdicts.of(join);
    const now = `${valid} ${killers.length}`, before = this.#told.get(join);
    if (now === before) return false;
    this.#told.set(join, now);
    const node = join.vertex.author;
    const was = before === 'true 0' ? 1 : 0, is = now === 'true 0' ? 1 : 0;
    this.#live.set(node, (this.#live.get(node) ?? 0) + is - was);
    return true;
  }

  #compareReleases(changed: Set<string>): void {
    const now = new Map<string, Set<Release>>();
    for (const release of this.#effects.releases()) {
      const set = now.get(release.target);
      if (set) set.add(release); else now.set(release.target, new Set([release]));
    }
    for (const target of new Set([...now.keys(), ...this.#released.keys()])) {
      const a = now.get(target), b = this.#released.get(target);
      if (!a || !b || a.size !== b.size || [...a].some((release) => !b.has(release))) changed.add(target);
    }
    this.#released = now;
  }

  /** Adds the authors without a live join whose events lie below some events, through any of their like. */
  #reach(start: Set<Vertex>, changed: Set<string>): void {
    const down = new Set(start);
    for (const vertex of down) {
      const lives = (this.#live.get(vertex.author) ?? 0) > 0;
      if (!lives && this.#verdicts.joinsOf.has(vertex.author)) changed.add(vertex.author);
      // Below what a live member wrote all was admitted before; a join whose signatures nobody checked yet proves nothing.
      if (!start.has(vertex) && lives && this.#verdicts.joinsOf.get(vertex.author)!.some((join) => join.sound)) continue;
      for (const list of [vertex.own, vertex.seen]) for (const other of list) down.add(other);
    }
  }
}
