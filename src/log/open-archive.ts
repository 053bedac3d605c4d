// Opening the log's memory over a store: read as far as it can be read.
import type { Table } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { Lost } from './damage.ts';
import { hex } from '../event/bytes.ts';
import { ZERO_STAMP } from '../event/stamp.ts';
import { decodeItems, OWED, pages, QUARANTINED, SEEN, TALLY } from './archive.ts';
import { soundGet } from './damage.ts';
import { mend } from './mend.ts';
import { takeAlarm, takeMeta } from './meta.ts';
import { prefixEnd } from './place.ts';

/** Tables that are made again from the others when some of their rows are lost. */
const MENDED: readonly Table[] = ['meta', 'log', 'lineage', 'frontier'];

/** Opens the archive over a store. What is damaged is named in `damage`; `mend` makes again what can be. */
export async function openArchive(parts: Pick<Archive, 'store' | 'crypto' | 'random' | 'fleet' | 'node' | 'authority' | 'fold'>): Promise<Archive> {
  const archive: Archive = {
    ...parts, records: new Map(), own: new Set(), frontier: new Map(), delta: { removed: [], added: [] }, tallies: new Map(), suspects: new Set(), quarantine: new Map(), quarantineBytes: 0, seen: ZERO_STAMP, ownItems: () => undefined,
    counted: { void: 0, unknown: 0 }, owed: new Map(), owedStored: false, folded: undefined, damage: [], mend: () => mend(archive, () => undefined, false), mending: undefined, gone: new Set(),
  };
  const { store } = parts;
  let broken = false;
  const lost: Lost = (table, where) => {
    archive.damage.push(`table ${table} ${where}`);
    broken ||= MENDED.includes(table);
  };
  for (const key of [SEEN, OWED]) {
    const value = await soundGet(store, 'meta', key, lost);
    if (value) takeMeta(archive, key, value);
  }
  for (const prefix of [TALLY, QUARANTINED]) {
    for await (const { key, value } of pages(store, 'meta', prefix, prefixEnd(prefix), 500, lost)) takeMeta(archive, key, value);
  }
  for await (const { value } of pages(store, 'alarm', undefined, undefined, 500, lost)) takeAlarm(archive, value);
  for await (const row of pages(store, 'frontier', undefined, undefined, 500, lost)) {
    archive.frontier.set(hex(row.key), decodeItems(row.key, row.value));
  }
  if (broken) await mend(archive, lost, true);
  return archive;
}
