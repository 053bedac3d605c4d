// Who had seen what: the graph of `$fleet` events. An event enters it once its whole past is there, so a past never changes (event/FORMAT.md section 6).
import type { Tip } from '../event/chain.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Value } from '../event/value.ts';
import type { Bytes } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import type { Bits } from './bits.ts';
import { NOBODY, put } from './bits.ts';
import { seenOf } from './body.ts';

/** One event of `$fleet` with its place: `e` its hash, `before` that of the position before it (e(0) at position 1), `cites` of its log's opening, at position 1 only. */
export interface FleetEvent { node: Bytes; log: Bytes; position: number; before: Bytes; e: Bytes; stamp: Stamp; key: string; type: string; body: Value; cites: Tip[] }

/** An event that takes part. `index` counts as they come in, always above those of its past; `own` are the events before it in its author's logs, `seen` the others that
 * it names, `next` those that name it. `powers` is what of its past has power over others (admin joins and revokes that count, numbered by the fold);
 * `passes` is that and itself. */
export interface Vertex { index: number; tip: Tip; author: string; node: Bytes; stamp: Stamp; own: Vertex[]; seen: Vertex[]; next: Vertex[]; powers: Bits; passes: Bits }

interface Waiting { event: FleetEvent; name: string; own: string[]; seen: string[]; missing: number }

/** The name of a tip as a map's key. */
function nameOf(log: Bytes, position: number, e: Bytes): string {
  return String.fromCharCode(...e, ...log) + position;
}

/** The graph; grows only. */
export class Ancestry {
  readonly vertices: Vertex[] = [];
  readonly #byName = new Map<string, Vertex>();
  readonly #waiting = new Map<string, Waiting>();
  /** Who waits for an event that is not there. */
  readonly #wanted = new Map<string, Waiting[]>();
  readonly #authors = new Map<string, { name: string; vertices: Vertex[] }>();

  /** How many events wait for their past. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The event of a tip, if it takes part. */
  at(tip: Tip): Vertex | undefined {
    return this.#byName.get(nameOf(tip.log, tip.position, tip.e));
  }

  /** The events of a node (id in hex) that take part. */
  by(author: string): readonly Vertex[] {
    return this.#authors.get(author)?.vertices ?? [];
  }

  /** Adds an event, and hands it and all that waited for it to `enter`, each after its past. Known events are left out. */
  add(event: FleetEvent, enter: (vertex: Vertex, event: FleetEvent) => void): void {
    const name = nameOf(event.log, event.position, event.e);
    if (this.#byName.has(name) || this.#waiting.has(name)) return;
    const first = this.#link(event, name);
    if (first.missing > 0) {
      this.#waiting.set(name, first);
      return;
    }
    const ready = [first];
    for (let one = ready.pop(); one; one = ready.pop()) {
      enter(this.#settle(one), one.event);
      for (const other of this.#wanted.get(one.name) ?? []) {
        if (--other.missing > 0) continue;
        this.#waiting.delete(other.name);
        ready.push(other);
      }
      this.#wanted.delete(one.name);
    }
  }

  /** The event as it would stand in the graph if it came now; undefined when a part of its past is missing. It is not added. */
  imagine(event: FleetEvent): Vertex | undefined {
    const { own, seen } = refsOf(event);
    if (![...own, ...seen].every((ref) => this.#byName.has(ref))) return undefined;
    return this.#vertex({ event, name: '', own, seen, missing: 0 });
  }

  #link(event: FleetEvent, name: string): Waiting {
    const one: Waiting = { event, name, ...refsOf(event), missing: 0 };
    for (const ref of new Set([...one.own, ...one.seen])) {
      if (this.#byName.has(ref)) continue;
      one.missing++;
      const waiters = this.#wanted.get(ref);
      if (waiters) waiters.push(one); else this.#wanted.set(ref, [one]);
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
    for (const ref of new Set(own)) {
      const other = this.#byName.get(ref)!;
      (other.author === author ? vertex.own : vertex.seen).push(other);
    }
    for (const ref of new Set(seen)) vertex.seen.push(this.#byName.get(ref)!);
    return vertex;
  }
}

function refsOf(event: FleetEvent): { own: string[]; seen: string[] } {
  const own = event.position > 1 ? [nameOf(event.log, event.position - 1, event.before)] : event.cites.map((t) => nameOf(t.log, t.position, t.e));
  return { own, seen: seenOf(event.body).map((t) => nameOf(t.log, t.position, t.e)) };
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
