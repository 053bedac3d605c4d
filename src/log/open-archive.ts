// Opening the log's memory over a store: read as far as it can be read.
import type { Bytes, Table } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { Lost } from './damage.ts';
import { hex, text, utf8 } from '../event/bytes.ts';
import { decode } from '../event/cbor.ts';
import { ZERO_STAMP } from '../event/stamp.ts';
import { decodeItems, OWED, owe, pages, QUARANTINED } from './archive.ts';
import { soundGet } from './damage.ts';
import { mend } from './mend.ts';
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
  const seen = await soundGet(store, 'meta', utf8('seen'), lost);
  if (seen) {
    const [generation, ms, counter, voids, unknown] = decode(seen) as number[];
    archive.seen = { generation: generation!, ms: ms!, counter: counter! };
    archive.counted = { void: voids!, unknown: unknown! };
  }
  const owed = await soundGet(store, 'meta', OWED, lost);
  if (owed) {
    owe(archive, decode(owed) as Bytes[]);
    archive.owedStored = true;
  }
  for await (const row of pages(store, 'meta', utf8('tally:'), utf8('tally;'), 500, lost)) {
    const [events, logs, segments, bytes] = decode(row.value) as number[];
    archive.tallies.set(text(row.key.subarray(6)), { events: events!, logs: logs!, segments: segments!, bytes: bytes! });
  }
  for await (const row of pages(store, 'meta', QUARANTINED, prefixEnd(QUARANTINED), 500, lost)) {
    const [bytes, segments] = decode(row.value) as number[];
    const node = row.key.slice(QUARANTINED.length);
    archive.quarantine.set(hex(node), { node, bytes: bytes!, segments: segments! });
    archive.quarantineBytes += bytes!;
  }
  for await (const row of pages(store, 'alarm', undefined, undefined, 500, lost)) {
    const [code, node] = decode(row.value) as [string, Bytes];
    if (code === 'clone' || code === 'fork') archive.suspects.add(hex(node));
  }
  for await (const row of pages(store, 'frontier', undefined, undefined, 500, lost)) {
    archive.frontier.set(hex(row.key), decodeItems(row.key, row.value));
  }
  if (broken) await mend(archive, lost, true);
  return archive;
}
