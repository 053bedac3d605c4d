// A log with a store, a journal and an authority that a test decides: the log room without fleet, sync and node.
import type { Admitted, Bytes, Clock, Store } from '../../src/ports.ts';
import type { Archive } from '../../src/log/archive.ts';
import type { Judgement } from '../../src/log/authority.ts';
import type { Writer } from '../../src/log/writer.ts';
import { concat, hex } from '../../src/event/bytes.ts';
import { keyHash } from '../../src/event/segment.ts';
import { itemsIn } from '../../src/log/archive.ts';
import { openArchive } from '../../src/log/open-archive.ts';
import { admit } from '../../src/log/door.ts';
import { TIP } from '../../src/log/item.ts';
import { readStream } from '../../src/log/reader.ts';
import { recover } from '../../src/log/recover.ts';
import { supply } from '../../src/log/supply.ts';
import type { SupplyCursor } from '../../src/log/supply.ts';
import { createWriter } from '../../src/log/writer.ts';
import { liveOf } from '../../src/node-host.ts';
import { LatestView } from '../../src/view/latest.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

export const FLEET = new Uint8Array(32).fill(7);
export const KEY = new Uint8Array(32).fill(9);

/** One log room on a disk. `verdicts` decides by hex of the author's id; everyone else is live. */
export interface Room { archive: Archive; writer: Writer; latest: LatestView; clock: Clock & { ms: number; up: number }; verdicts: Map<string, Judgement>; disk: Disk; node: Bytes; acknowledged: Admitted[]; /** The grant under which new logs begin. */ grant: Bytes; skipped: string[] }

/** Opens a room on a disk, as a process that starts; `name` gives the identity. */
export async function openRoom(name: string, disk = new Disk(name), o: { reads?: boolean; process?: string; wrap?: (store: Store) => Store } = {}): Promise<Room> {
  const chance = new Chance(`${name} ${o.process ?? ''}`);
  const mount = new Mount(disk, new EagerTimeline(), chance);
  const store = (o.wrap ?? ((s) => s))(mountStore(mount)), journal = mountJournal(mount);
  const seed = fakeCrypto.sha256(new TextEncoder().encode(name));
  const node = fakeCrypto.signer(seed);
  const verdicts = new Map<string, Judgement>();
  const latest = new LatestView(store);
  const archive = await openArchive({
    store, crypto: fakeCrypto, random: chance, fleet: FLEET, node, fold: latest,
    authority: {
      judge: (author) => verdicts.get(hex(author)) ?? { state: 'live' }, wouldJoin: () => false, learn: () => [],
      keyOf: (stream, hash) => (hash === null ? null : o.reads === false && !stream.startsWith('$') ? undefined : KEY),
    },
  });
  const clock = { ms: 1_000_000, up: 0, now: () => clock.ms, uptime: () => clock.up, quality: () => 2 as const, boot: new Uint8Array(8).fill(1) };
  const { records } = await journal.replay();
  const { skipped } = await recover(archive, { crypto: fakeCrypto, random: chance, seed, clock: { quality: 2, uptime: 0 } }, records);
  await journal.release(journal.turn());
  const acknowledged: Admitted[] = [];
  const room = { grant: new Uint8Array(8) };
  const writer = createWriter(archive, journal, clock, { seed, node, grant: () => room.grant, key: () => ({ key: KEY, hash: keyHash(fakeCrypto, KEY) }), check: () => undefined }, ({ run }) => { latest.preview(run); acknowledged.push(run); }, () => undefined);
  return Object.assign(room, { archive, writer, latest, clock, verdicts, disk, node, acknowledged, skipped });
}

/** Appends `n` events of a few keys, one call each when `single`. */
export async function record(room: Room, stream: string, n: number, single = false, from = 0): Promise<void> {
  const drafts = Array.from({ length: n }, (_, i) => ({ key: `k${(from + i) % 3}`, type: 't', body: { n: from + i, by: hex(room.node).slice(0, 6) }, time: 5_000 + from + i }));
  room.clock.ms += 10;
  if (single) for (const d of drafts) { room.clock.ms++; await room.writer.append(stream, [d]); }
  else await room.writer.append(stream, drafts);
}

/** Everything `from` holds under its tips that `to` has not, taken in by the door, in batches of `batch` segments (reversed when asked). */
export async function carry(from: Room, to: Room, o: { batch?: number; reversed?: boolean; have?: boolean } = {}): Promise<number> {
  from.writer.seal();
  const segments: Bytes[] = [];
  const have = o.have === false ? [] : itemsIn(to.archive, () => true).filter((i) => i.kind === TIP).map((i) => ({ log: i.log, position: i.to, e: i.after }));
  for (const item of itemsIn(from.archive, () => true)) {
    if (item.kind !== TIP) continue;
    let cursor: SupplyCursor | null = null;
    do {
      const got = await supply(from.archive, liveOf(() => from.writer.unstored()), { log: item.log, from: 1, to: item.to, lineage: true }, have, cursor, 2_000);
      segments.push(...got.segments);
      cursor = got.cursor;
    } while (cursor);
  }
  if (o.reversed) segments.reverse();
  const size = o.batch ?? 3;
  for (let i = 0; i < segments.length; i += size) await admit(to.archive, segments.slice(i, i + size));
  return segments.length;
}

/** All a reader sees of a stream, as lines. */
export async function seen(room: Room, stream: string, key?: string): Promise<string[]> {
  const out: string[] = [];
  for await (const f of readStream(room.archive, room.writer.unstored(), stream, { key })) out.push(`${f.position} ${hex(f.e).slice(0, 8)} ${f.key} ${JSON.stringify(f.body)}`);
  return out;
}

/** The `latest` of a stream, as lines. */
export async function lasts(room: Room, stream: string): Promise<string[]> {
  const out: string[] = [];
  for await (const row of room.latest.all(stream)) out.push(`${row.key} ${hex(concat(row.order))}`);
  return out;
}
