// Rows of the tables `meta` and `alarm` as the log's memory keeps them: read when it is opened, and again when another process of this node changed them.
import type { Bytes, Crypto } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { Alarm } from './change.ts';
import { equal, hex, text } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { DIRTY, FOLDED, owe, OWED, QUARANTINED, SEEN, see, TALLY } from './archive.ts';

/** Takes a row of `meta` into memory, or its removal: counts, quarantine, the highest stamp, and what is due. True when it says that a view waits to be folded again. */
export function takeMeta(archive: Archive, key: Bytes, value: Bytes | undefined): boolean {
  if (begins(key, TALLY)) {
    const stream = text(key.subarray(TALLY.length));
    const [events, logs, segments, bytes] = value ? decode(value) as number[] : [];
    if (value) archive.tallies.set(stream, { events: events!, logs: logs!, segments: segments!, bytes: bytes! }); else archive.tallies.delete(stream);
  } else if (begins(key, QUARANTINED)) {
    const node = key.slice(QUARANTINED.length), [bytes, segments] = value ? decode(value) as number[] : [0, 0];
    archive.quarantineBytes += bytes! - (archive.quarantine.get(hex(node))?.bytes ?? 0);
    if (value) archive.quarantine.set(hex(node), { node, bytes: bytes!, segments: segments! }); else archive.quarantine.delete(hex(node));
  } else if (equal(key, SEEN) && value) {
    const [generation, ms, counter, voids, unknown] = decode(value) as number[];
    see(archive, { generation: generation!, ms: ms!, counter: counter! });
    archive.counted = { void: voids!, unknown: unknown! };
  } else if (equal(key, OWED)) {
    archive.owedStored = value !== undefined;
    owe(archive, (value ? decode(value) as Bytes[] : []).filter((node) => !archive.owed.has(hex(node))));
  } else if (equal(key, FOLDED)) archive.folded = undefined;
  return begins(key, DIRTY) && value !== undefined;
}

/** The row of an alarm: one for each code, node and log. */
export function alarmRow(crypto: Crypto, { code, node, log, text: words }: Alarm): { table: 'alarm'; key: Bytes; value: Bytes } {
  return { table: 'alarm', key: crypto.sha256(encode([code, node, log])).slice(0, 16), value: encode([code, node, log, words]) };
}

/** Takes a row of `alarm` into memory: whose logs are not believed without a look. */
export function takeAlarm(archive: Archive, value: Bytes): void {
  const [code, node] = decode(value) as [string, Bytes];
  if (code === 'clone' || code === 'fork') archive.suspects.add(hex(node));
}

function begins(key: Bytes, prefix: Bytes): boolean { return equal(key.subarray(0, prefix.length), prefix); }
