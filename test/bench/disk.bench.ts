// What events cost on the disk: bytes that lie there after repacking, and bytes written to the device at one event a second.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/ports.ts';
import { CLOCK_SYNCED } from '../../src/ports.ts';
import { realDisk, type Disk } from '../../src/io/disk.ts';
import { openBenchNode, storeAll } from './bench-node.ts';
import { openRows, rowOf } from './lmdb-rows.ts';
import { freshFolder, say, tell } from './rows.ts';
import { readings } from './trace.ts';

const all = readings();

/** Bytes of all files below a folder, and bytes of the blocks that they take. */
function sizeOf(folder: string): { bytes: number; blocks: number } {
  const sum = { bytes: 0, blocks: 0 };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { size, blocks } = statSync(join(entry.parentPath ?? entry.path, entry.name));
    sum.bytes += size;
    sum.blocks += blocks * 512;
  }
  return sum;
}

async function stored(): Promise<{ bytes: number; blocks: number; segments: number }> {
  const folder = freshFolder('stored');
  const { node, stop } = await openBenchNode(folder);
  for (let i = 0; i < all.length; i += 256) await node.append('telemetry', all.slice(i, i + 256));
  await storeAll(node);
  const { segments, bytes } = node.streams().find((s) => s.stream === 'telemetry')!;
  say(`${segments} segments of ${Math.round(bytes / segments)} bytes, ${(bytes / all.length).toFixed(2)} an event`);
  await stop();
  return { ...sizeOf(folder), segments };
}

function rowsStored(): number {
  const folder = freshFolder('rows');
  const rows = openRows(folder);
  for (let i = 0; i < all.length; i += 1_000) rows.commit(all.slice(i, i + 1_000).map(rowOf));
  rows.close();
  return sizeOf(folder).bytes / all.length;
}

/** Bytes that this process has handed to write calls: of LMDB these are whole pages. */
function handed(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

const COUNT = 7_200, BLOCK = 4_096;

/** Bytes written an event at one event a second, for two hours by a clock that is moved, to a store that holds the rest of the trace. A write of the journal costs the blocks that it touches. */
async function trickle(): Promise<{ bytes: number; journal: number }> {
  const clock: Clock & { ms: number } = { ms: 0, now: () => 1_700_000_000_000 + clock.ms, uptime: () => clock.ms, quality: () => CLOCK_SYNCED, boot: new Uint8Array(8).fill(3) };
  const real = realDisk(), journal = { bytes: 0, blocks: 0 };
  const counting: Disk = {
    ...real,
    async open(path, how) {
      const file = await real.open(path, how);
      return {
        ...file,
        write(bytes, at) {
          journal.bytes += bytes.length;
          journal.blocks += Math.ceil((at + bytes.length) / BLOCK) - Math.floor(at / BLOCK);
          return file.write(bytes, at);
        },
      };
    },
  };
  const { node, stop } = await openBenchNode(freshFolder('trickle'), { clock, disk: counting });
  for (let i = COUNT; i < all.length; i += 256) await node.append('telemetry', all.slice(i, i + 256));
  await storeAll(node);
  await node.append('telemetry', [all[0]!]);
  const before = handed();
  journal.bytes = journal.blocks = 0;
  for (let i = 1; i < COUNT; i++) {
    clock.ms += 1_000;
    node.tick();
    await node.append('telemetry', [all[i]!]);
  }
  await storeAll(node);
  const bytes = handed() - before - journal.bytes + journal.blocks * BLOCK;
  await stop();
  return { bytes: bytes / COUNT, journal: journal.blocks * BLOCK / COUNT };
}

function trickleRows(): number {
  const rows = openRows(freshFolder('rows'));
  for (let i = COUNT; i < all.length; i += 1_000) rows.commit(all.slice(i, i + 1_000).map(rowOf));
  const before = handed();
  for (let i = 0; i < COUNT; i++) rows.commit([rowOf(all[i]!)]);
  const bytes = (handed() - before) / COUNT;
  rows.close();
  return bytes;
}

say('bytes at rest');
const { bytes, blocks, segments } = await stored();
tell({
  what: `on disk after repacking, ${all.length} events`, value: bytes / all.length, unit: 'bytes/event', baseline: { what: 'LMDB row an event', value: rowsStored() }, reach: '< 8', ok: bytes / all.length < 8,
  note: `all files of the data directory; ${(blocks / all.length).toFixed(2)} in blocks; ${segments} segments`,
});
say('bytes written at one event a second');
const [ours, theirs] = [await trickle(), trickleRows()];
tell({
  what: 'written to the device at 1 event/s', value: ours.bytes, unit: 'bytes/event', baseline: { what: 'LMDB commit an event', value: theirs }, reach: '< 1/4 of it', ok: ours.bytes < theirs / 4,
  note: `pages that LMDB writes, and blocks of ${BLOCK} that writes of the journal touch (${Math.round(ours.journal)}); without what the file system adds; ${COUNT} events after the rest of the trace, moving them into the store included`,
});
