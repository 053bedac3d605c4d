// Which releases and keys are in effect, and which key a stream is written under now (event/FORMAT.md section 6, rules 4 and 6).
import type { Tip } from '../event/chain.ts';
import { compare, hex } from '../event/bytes.ts';
import { compareStamp } from '../event/stamp.ts';
import type { Ancestry, FleetEvent, Vertex } from './ancestry.ts';
import { ownAncestry, pastOf } from './ancestry.ts';
import { both, has, within } from './bits.ts';
import { isHashHex, isKeyHex, readKey, readRelease, readWraps } from './body.ts';
import type { Join, Verdicts } from './verdict.ts';

/** A release by an author who was admin by its past; `kept`: the `$fleet` events that it gives back, by index. */
export interface Release { vertex: Vertex; target: string; tips: Tip[]; by: Join[]; kept: Set<number> }

/** A key whose author was admin by its past: `name` the hex of its hash, `stream` null for the fleet's key, `before` the names of the older keys sealed under it. */
export interface Key { vertex: Vertex; name: string; stream: string | null; before: string[]; by: Join[] }

/** The fold order of `$fleet` events. */
export function compareVertices(a: Vertex, b: Vertex): number {
  return compareStamp(a.stamp, b.stamp) || compare(a.node, b.node) || compare(a.tip.log, b.tip.log) || a.tip.position - b.tip.position || compare(a.tip.e, b.tip.e);
}

/** All releases and keys by authors who were admins by their past; what is in effect is worked out when somebody asks. */
export class Effects {
  readonly #releases: Release[] = [];
  readonly #keys: Key[] = [];
  /** For each key, who has a wrap of it from an admin: places in #nodes. */
  readonly #wrapped = new Map<string, Set<number>>();
  readonly #nodes = new Map<string, number>();
  readonly #ancestry: Ancestry;
  readonly #verdicts: Verdicts;

  constructor(ancestry: Ancestry, verdicts: Verdicts) {
    this.#ancestry = ancestry;
    this.#verdicts = verdicts;
  }

  /** Takes an event after the verdicts have. Returns it if it is a release that may have an effect. */
  enter(vertex: Vertex, event: FleetEvent): Release | undefined {
    if (event.type !== 'release' && event.type !== 'key' && event.type !== 'wrap') return undefined;
    const by = this.#verdicts.adminBy(vertex.author, vertex.powers);
    if (by.length === 0) return undefined;
    if (event.type === 'release') {
      const tips = isKeyHex(event.key) ? readRelease(event.body) : undefined;
      if (!tips) return undefined;
      const past = pastOf(vertex, new Map());
      const inPast = tips.map((tip) => this.#ancestry.at(tip)).filter((v) => v !== undefined && v.author === event.key && has(past, v.index)) as Vertex[];
      const release = { vertex, target: event.key, tips, by, kept: ownAncestry(inPast) };
      this.#releases.push(release);
      return release;
    }
    const key = event.type === 'key' ? readKey(event.body) : undefined;
    const wraps = key?.wraps ?? (event.type === 'wrap' ? readWraps(event.body) : undefined);
    if (!wraps || !isHashHex(event.key)) return undefined;
    if (key) this.#keys.push({ vertex, name: event.key, stream: key.stream, before: key.before.map(({ hash }) => hex(hash)), by });
    let having = this.#wrapped.get(event.key);
    if (!having) this.#wrapped.set(event.key, having = new Set());
    for (const node of wraps.keys()) having.add(this.#number(node));
    return undefined;
  }

  #number(node: string): number {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    this.#nodes.set(node, this.#nodes.size);
    return this.#nodes.size - 1;
  }

  /** The releases in effect. One can only be given back by another that had seen it, so they are judged from the last to the first. */
  releases(): Release[] {
    const inEffect: Release[] = [];
    for (let i = this.#releases.length - 1; i >= 0; i--) {
      const release = this.#releases[i]!;
      if (this.#stands(release, inEffect)) inEffect.push(release);
    }
    return inEffect;
  }

  /** True when an act of an admin is valid still, whatever became of its author. */
  standsAs(act: { vertex: Vertex; by: Join[] }): boolean {
    return this.#stands(act, this.releases());
  }

  #stands(act: { vertex: Vertex; by: Join[] }, releases: Release[]): boolean {
    const { author, index } = act.vertex;
    return act.by.some((join) => {
      const { valid, killers } = this.#verdicts.of(join);
      return valid && (killers.every((revoke) => revoke.target === author && revoke.kept.has(index)) || releases.some((r) => r.target === author && r.kept.has(index)));
    });
  }

  /** The keys in effect for a stream (null: the fleet's own), in fold order. */
  keys(stream: string | null): Key[] {
    const releases = this.releases();
    const all = this.#keys.filter((key) => this.#stands(key, releases));
    const own = stream === null ? [] : all.filter((key) => key.stream === stream);
    return (own.length > 0 ? own : all.filter((key) => key.stream === null)).sort((a, b) => compareVertices(a.vertex, b.vertex));
  }

  /** The key to write a stream under, among those that `holds` accepts by name. */
  current(stream: string | null, holds: (name: string) => boolean): Key | undefined {
    const keys = this.keys(stream).filter((key) => holds(key.name));
    const { counted } = this.#verdicts;
    const pasts = keys.map((key) => pastOf(key.vertex, new Map()));
    const revokes = keys.map((key) => both(key.vertex.powers, counted));
    return keys.findLast((key, i) => !keys.some((_, j) => has(pasts[j]!, key.vertex.index) || (within(revokes[i]!, revokes[j]!) && !within(revokes[j]!, revokes[i]!))));
  }

  /** Of the latest `most` keys in effect those that the newest does not lead to: started at the same time somewhere else, and sealed under none that came later. */
  stray(stream: string | null, most: number): string[] {
    const keys = this.keys(stream);
    const byName = new Map(keys.map((key) => [key.name, key]));
    const reached = new Set<string>();
    const queue = [this.current(stream, () => true)?.name];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (reached.has(name)) continue;
      reached.add(name);
      queue.push(...byName.get(name)?.before ?? []);
    }
    return keys.slice(-most).map((key) => key.name).filter((name) => !reached.has(name));
  }

  /** True when the newest key of all there are is older than a revocation, or when there is none. */
  rotationDue(stream: string | null): boolean {
    const key = this.current(stream, () => true);
    return !key || !within(this.#verdicts.counted, key.vertex.powers);
  }

  /** True when an admin has wrapped this key for this node. */
  isWrapped(name: string, node: string): boolean {
    const number = this.#nodes.get(node);
    return number !== undefined && this.#wrapped.get(name)?.has(number) === true;
  }
}
