// Bodies of events spread over columns: the fields that the first events have, each by its path.

import type { Column } from './csv.ts';

/** Columns that fields become at most, and how deep fields are looked for. */
const COLUMNS = 200, DEPTH = 8;

interface Bodied { body: unknown }

/**
 * The columns of the fields of `first`, in the order in which they come, and a last one, `body`, for what has none of its own: fields that come later, bodies that are no objects. Lists stay whole.
 */
export function flatColumns<T extends Bodied>(first: readonly T[]): Column<T>[] {
  const paths = new Map<string, readonly string[]>();
  const spread = (value: unknown, path: readonly string[]): void => {
    if (isLeaf(value, path.length)) {
      const name = `body.${path.join('.')}`;
      if (path.length > 0 && !paths.has(name) && paths.size < COLUMNS) paths.set(name, path);
      return;
    }
    for (const key of Object.keys(value as object)) spread((value as { [key: string]: unknown })[key], [...path, key]);
  };
  for (const { body } of first) spread(body, []);
  const all = [...paths.values()];
  return [...[...paths].map(([name, path]): Column<T> => [name, ({ body }) => leafAt(body, path)]), ['body', ({ body }) => restOf(body, all)]];
}

/** Whether a value at a depth is not spread further. */
function isLeaf(value: unknown, depth: number): boolean {
  return !isMap(value) || depth >= DEPTH || (depth > 0 && Object.keys(value).length === 0);
}

/** What stands at a path, where it is none that is spread further. */
function leafAt(body: unknown, path: readonly string[]): unknown {
  let at = body;
  for (const key of path) {
    if (!isMap(at) || !Object.hasOwn(at, key)) return null;
    at = at[key];
  }
  return isLeaf(at, path.length) ? at : null;
}

/** What of a body no path covers; null when nothing is left. */
function restOf(body: unknown, paths: readonly (readonly string[])[]): unknown {
  return isLeaf(body, 0) ? body : without(body as { [key: string]: unknown }, paths, 1) ?? null;
}

function without(value: { [key: string]: unknown }, paths: readonly (readonly string[])[], depth: number): unknown {
  const left: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const here = paths.filter((path) => path[depth - 1] === key), leaf = isLeaf(inner, depth);
    if (leaf && here.some((path) => path.length === depth)) continue;
    const deeper = leaf ? inner : without(inner as { [key: string]: unknown }, here, depth + 1);
    if (deeper !== undefined) left.push([key, deeper]);
  }
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

function isMap(value: unknown): value is { [key: string]: unknown } {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);
}
