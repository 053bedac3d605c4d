// An event as commands and clients see it.

import type { Entry as NodeEntry } from '../../src/node-entry.ts';
import type { Entry } from './database.ts';

/** The event without what only the node itself needs to know of it. */
export function plain({ id, stream, key, type, time, body, node }: NodeEntry): Entry {
  return { id, stream, key, type, time, body, node };
}
