// Which `$fleet` events of those whose grants are gone stay admitted because others rest on them (event/FORMAT.md section 6, rule 5).
import type { Tip } from '../event/chain.ts';
import { sortTips } from '../event/chain.ts';
import type { Vertex } from './ancestry.ts';

/** Which of some events and of those that had seen them are admitted, by index. `stands` is true for what is admitted by itself. An event that is
 * admitted brings its whole past with it. */
export function admitted(vertices: Iterable<Vertex>, stands: (vertex: Vertex) => boolean): Set<number> {
  const found = new Set(vertices);
  const base = new Set<number>();
  for (const vertex of found) {
    if (stands(vertex)) base.add(vertex.index);
    else for (const next of vertex.next) found.add(next);
  }
  for (const vertex of [...found].sort((a, b) => b.index - a.index)) {
    if (!base.has(vertex.index) && vertex.next.some((next) => base.has(next.index))) base.add(vertex.index);
  }
  return base;
}

/** The last admitted events of one author's logs, whose ancestry is all that is admitted of it. */
export function admittedTips(vertices: readonly Vertex[], stands: (vertex: Vertex) => boolean): Tip[] {
  const inside = admitted(vertices, stands);
  return sortTips(vertices.filter((v) => inside.has(v.index) && !v.next.some((next) => inside.has(next.index) && next.own.includes(v))).map((v) => v.tip));
}

/** The admitted events that no admitted event had seen. `tops` are the events that nothing had seen. */
export function admittedHeads(tops: Iterable<Vertex>, stands: (vertex: Vertex) => boolean): Vertex[] {
  const heads = new Set<Vertex>();
  const down = new Set(tops);
  for (const vertex of down) {
    const inside = admitted([vertex, ...vertex.next], stands);
    if (!inside.has(vertex.index)) for (const list of [vertex.own, vertex.seen]) for (const other of list) down.add(other);
    else if (!vertex.next.some((next) => inside.has(next.index))) heads.add(vertex);
  }
  return [...heads];
}
