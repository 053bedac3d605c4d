// Where people ask a database in SQL.

import type { DatabaseState } from './database.ts';

/** The URL for questions: at a database of the node's own that of the role that only reads, elsewhere the node's, for no other is known. */
export function sqlPlace({ place, embedded }: Pick<DatabaseState, 'place' | 'embedded'>): string {
  return embedded ? place.replace(/([?&]user=holdfast)$/, '$1_reader') : place;
}
