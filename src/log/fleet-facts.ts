// The events of `$fleet` that the store holds, for the fold of the fleet when a node opens.
import type { Archive } from './archive.ts';
import type { FleetFact } from './authority.ts';
import type { StoredRow } from './change.ts';
import type { Segment } from '../event/segment.ts';
import { pages } from './archive.ts';
import type { Lost } from './damage.ts';
import { soundScan } from './damage.ts';
import { segmentOf } from './change.ts';
import { factsOf, openIt } from './opened.ts';
import { prefixEnd } from './place.ts';
import { getUint } from '../event/order.ts';
import { segmentFrom, streamPrefix } from './place.ts';

/**
 * Segment by segment, those in quarantine last: what a revoked node knew may still count. A row that cannot be read is passed over, so that a damaged page
 * does not keep the node from opening; `verify` names it.
 */
export async function* fleetFacts(archive: Archive): AsyncGenerator<FleetFact[]> {
  const lost: Lost = (table, where) => { archive.damage.push(`table ${table} ${where}, of the fleet's own history`); };
  const prefix = streamPrefix('$fleet');
  for await (const row of pages(archive.store, 'index', prefix, prefixEnd(prefix), 500, lost)) {
    const key = row.key.subarray(prefix.length);
    const log = key.slice(14, 30), first = getUint(key, 30, 7);
    for (const stored of await soundScan(archive.store, 'segment', { gte: segmentFrom(log, first), lt: segmentFrom(log, first + 1) }, lost)) {
      const segment = readable({ key: stored.key, bytes: stored.value });
      if (segment) yield factsOf(segment, openIt(archive, segment));
    }
  }
  if (!archive.quarantine.size) return;
  for await (const row of pages(archive.store, 'quarantine', undefined, undefined, 64, lost)) {
    const segment = readable({ key: row.key, bytes: row.value });
    if (segment?.header.stream !== '$fleet') continue;
    if (archive.authority.judge(segment.header.node, segment.header.grant, '$fleet').state !== 'waiting') yield factsOf(segment, openIt(archive, segment));
  }
}

function readable(row: StoredRow): Segment | undefined {
  try {
    return segmentOf(row);
  } catch {
    return undefined;
  }
}
