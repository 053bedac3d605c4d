// Who had seen what: the graph of `$fleet` events. An event enters it once its whole past is there, so a past never changes (event/FORMAT.md section 6).
import type { Tip } from '../event/chain.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Value } from '../event/value.ts';
import type { Bytes } from '../ports.ts';
import { equal, hex } from '../event/bytes.ts';
import type { Bits } from './bits.ts';
import { NOBODY, put } from './bits.ts';
import { seenOf } from './body.ts';

/** One event of `$fleet` with its place: `e` its hash, `before` that of the position before it (e(0) at position 1), `cites` of its log's opening, at position 1 only. */
export interface FleetEvent { node: Bytes; log: Bytes; position: number; before: Bytes; e: Bytes; stamp: Stamp; key: string; type: string; body: Value; cites: Tip[] }

/** An event that takes part. `index` counts as they come in, always above those of its past; `own` are the events before it in its author's logs, `seen` the others that
 * it names, `next` those that name it. `powers` is what of its past has power over others (admin joins and revokes that count, numbered by the fold);
 * `passes` is that and itself. */
export interface Vertex { index: number; tip: Tip; author: string; node: Bytes; stamp: Stamp; own: Vertex[]; seen: Vertex[]; next: Vertex[]; powers: Bits; passes: Bits }

interface Waiting { event: FleetEvent; name: string; own: Tip[]; seen: Tip[]; missing: number }

/** An event's name as a map's key: its hash alone, which covers its log and its position. */
function nameOf(e: Bytes): string {
  return String.fromCharCode.apply(null, e as never);
}

function sameTip(a: Tip, b: Tip): boolean {
  return a.position === b.position && equal(a.log, b.log) && equal(a.e, b.e);
}

/** The graph; grows only. */
export class Ancestry {
  readonly vertices: Vertex[] = [];
  readonly #byName = new Map<string, Vertex>();
  readonly #waiting = new Map<string, Waiting>();
  /** Who waits for an event that is not there. */
  readonly #wanted = new Map<string, { by: Waiting; tip: Tip }[]>();
  readonly #authors = new Map<string, { name: string; vertices: Vertex[] }>();

  /** How many events wait for their past. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The event of a tip, if it takes part. */
  at(tip: Tip): Vertex | undefined {
    const vertex = this.#byName.get(nameOf(tip.e));
    return vertex && sameTip(vertex.tip, tip) ? vertex : undefined;
  }

  /** The events of a node (id in hex) that take part. */
  by(author: string): readonly Vertex[] {
    return this.#authors.get(author)?.vertices ?? [];
  }

  /** Adds an event, and hands it and all that waited for it to `enter`, each after its past. Known events are left out. */
  add(event: FleetEvent, enter: (vertex: Vertex, event: FleetEvent) => void): void {
    const name = nameOf(event.e);
    if (this.#byName.has(name) || this.#waiting.has(name)) return;
    const first = this.#link(event, name);
    if (first.missing > 0) {
      this.#waiting.set(name, first);
      return;
    }
    const ready = [first];
    for (let one = ready.pop(); one; one = ready.pop()) {
      const vertex = this.#settle(one);
      enter(vertex, one.event);
      for (const { by, tip } of this.#wanted.get(one.name) ?? []) {
        // A tip with the right hash and a wrong place means nothing that could ever come.
        if (!sameTip(vertex.tip, tip) || --by.missing > 0) continue;
        this.#waiting.delete(by.name);
        ready.push(by);
      }
      this.#wanted.delete(one.name);
    }
  }

  /** The event as it would stand in the graph if it came now; undefined when a part of its past is missing. It is not added. */
  imagine(event: FleetEvent): Vertex | undefined {
    const { own, seen } = refsOf(event);
    if (![...own, ...seen].every((tip) => this.at(tip))) return undefined;
    return this.#vertex({ event, name: '', own, seen, missing: 0 });
  }

  #link(event: FleetEvent, name: string): Waiting {
    const one: Waiting = { event, name, ...refsOf(event), missing: 0 };
    for (const list of [one.own, one.seen]) {
      for (const tip of list) {
        if (this.at(tip)) continue;
        one.missing++;
        const wanted = nameOf(tip.e), waiters = this.#wanted.get(wanted);
        if (waiters) waiters.push({ by: one, tip }); else this.#wanted.set(wanted, [{ by: one, tip }]);
      }
    }
    return one;
  }

  #settle(one: Waiting): Vertex {
    const vertex = this.#vertex(one);
    this.vertices.push(vertex);
    this.#byName.set(one.name, vertex);
    const author = this.#authors.get(vertex.author);
    if (author) author.vertices.push(vertex); else this.#authors.set(vertex.author, { name: vertex.author, vertices: [vertex] });
    for (const other of vertex.own) other.next.push(vertex);
    for (const other of vertex.seen) other.next.push(vertex);
    return vertex;
  }

  #vertex({ event, own, seen }: Waiting): Vertex {
    const id = hex(event.node);
    // One string for each author, however many events it has.
    const author = this.#authors.get(id)?.name ?? id;
    const vertex: Vertex = {
      index: this.vertices.length, tip: { log: event.log, position: event.position, e: event.e }, author, node: event.node, stamp: event.stamp,
      own: [], seen: [], next: [], powers: NOBODY, passes: NOBODY,
    };
    // An opening may cite only its own node's logs; anything else is just something seen.
    for (const tip of own) {
      const other = this.at(tip)!;
      (other.author === author ? vertex.own : vertex.seen).push(other);
    }
    for (const tip of seen) vertex.seen.push(this.at(tip)!);
    return vertex;
  }
}

function refsOf(event: FleetEvent): { own: Tip[]; seen: Tip[] } {
  const own = event.position > 1 ? [{ log: event.log, position: event.position - 1, e: event.before }] : event.cites;
  return { own, seen: seenOf(event.body) };
}

/** The past of an event as a set of indexes. `known` may hold sets that were worked out before, by index; it saves walking them again. */
export function pastOf(vertex: Vertex, known: ReadonlyMap<number, Bits>): Bits {
  const past = new Uint32Array((vertex.index + 31) >>> 5);
  const stack = [vertex];
  for (let one = stack.pop(); one; one = stack.pop()) {
    for (const list of [one.own, one.seen]) {
      for (const other of list) {
        const word = other.index >>> 5, bit = 1 << (other.index & 31);
        if ((past[word]! & bit) !== 0) continue;
        put(past, other.index);
        const whole = known.get(other.index);
        if (!whole) stack.push(other);
        else for (let i = 0; i < whole.length; i++) past[i] = past[i]! | whole[i]!;
      }
    }
  }
  return past;
}

/** The indexes of some events and of all before them in their author's logs. */
export function ownAncestry(tips: Vertex[]): Set<number> {
  const found = new Set<number>();
  const stack = [...tips];
  for (let one = stack.pop(); one; one = stack.pop()) {
    if (found.has(one.index)) continue;
    found.add(one.index);
    stack.push(...one.own);
  }
  return found;
}
