// All of the latest events of a stream, page by page: for exports without a limit.

import type { Database, Entry } from '../program/database.ts';
import { PAGE_MOST } from './asked.ts';

/** The latest event of each key. */
export async function* allLatest(database: Pick<Database, 'latestPage'>, stream: string): AsyncGenerator<Entry> {
  for (let after: string | undefined; ;) {
    const { entries, next } = await database.latestPage(stream, PAGE_MOST, after);
    yield* entries;
    if (next === undefined) return;
    after = next;
  }
}

/** The first of some rows, and all of them again: what is looked at first must not be lost. */
export async function ahead<T>(rows: AsyncIterable<T> | Iterable<T>, most: number): Promise<{ first: T[]; rows: AsyncGenerator<T> }> {
  const source = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator](), first: T[] = [];
  let over = false;
  while (first.length < most && !over) {
    const step = await source.next();
    if (step.done === true) over = true;
    else first.push(step.value);
  }
  async function* again(): AsyncGenerator<T> {
    try {
      yield* first;
      while (!over) {
        const step = await source.next();
        if (step.done === true) return;
        yield step.value;
      }
    } finally {
      await source.return?.();
    }
  }
  return { first, rows: again() };
}
