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
    if (!isMap(value) || path.length >= DEPTH || (path.length > 0 && Object.keys(value).length === 0)) {
      const name = `body.${path.join('.')}`;
      if (path.length > 0 && !paths.has(name) && paths.size < COLUMNS) paths.set(name, path);
      return;
    }
    for (const key of Object.keys(value)) spread(value[key], [...path, key]);
  };
  for (const { body } of first) spread(body, []);
  const all = [...paths.values()];
  return [...[...paths].map(([name, path]): Column<T> => [name, ({ body }) => leafAt(body, path)]), ['body', ({ body }) => restOf(body, all)]];
}

/** What stands at a path, where it is none that is spread further. */
function leafAt(body: unknown, path: readonly string[]): unknown {
  let at = body;
  for (const key of path) {
    if (!isMap(at) || !Object.hasOwn(at, key)) return null;
    at = at[key];
  }
  return at;
}

/** What of a body no path covers; null when nothing is left. */
function restOf(body: unknown, paths: readonly (readonly string[])[]): unknown {
  if (!isMap(body)) return body;
  const rest = without(body, paths);
  return rest === undefined ? null : rest;
}

function without(value: { [key: string]: unknown }, paths: readonly (readonly string[])[]): unknown {
  const left: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const here = paths.filter((path) => path[0] === key);
    if (here.some((path) => path.length === 1)) continue;
    const deeper = here.length > 0 && isMap(inner) ? without(inner, here.map((path) => path.slice(1))) : inner;
    if (deeper !== undefined) left.push([key, deeper]);
  }
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

function isMap(value: unknown): value is { [key: string]: unknown } {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);
}
