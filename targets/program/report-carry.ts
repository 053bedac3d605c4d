// Bundles that go out and come in as a stream of bytes: made while they are read, taken in while they come.

import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { noteMade } from '../../src/node-bundles.ts';
import { exportBundle } from '../../src/node-export.ts';
import { BundleImport, type ImportReport } from '../../src/node-import.ts';
import type { Node } from '../../src/node.ts';
import type { NodeRow } from './fleet-rows.ts';
import type { Outgoing } from './http-hub.ts';
import { spoolIn } from './spool.ts';

/** Of the disk that is left, the part that an upload may take meanwhile. */
const DISK_PART = 0.25;

/**
 * A bundle of what a node is not known to hold, as one volume; with nothing to carry one that says what this node holds. Nothing of it is kept: a block is made when it is asked for. It is noted down as made
 * once all of it was taken. Fault `not-found`: a node that is no member.
 */
export async function outgoing(node: Node, { node: id, name, state }: Pick<NodeRow, 'node' | 'name' | 'state'>): Promise<Outgoing> {
  if (state === 'unknown') throw new Fault('not-found', `${id.slice(0, 12)} is no member of this fleet; nobody there could read a bundle.`);
  const wanted = [Uint8Array.from(Buffer.from(id, 'hex'))], blocks = exportBundle(node, { for: wanted, everything: false, volumeBytes: Number.MAX_SAFE_INTEGER, padded: false });
  const first = await blocks.next();
  if (first.done === true) throw new Error('a bundle has at least one block');
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let bytes = 0, events = 0;
    try {
      for (let step: IteratorResult<typeof first.value, unknown> = first; step.done !== true; step = await blocks.next()) {
        bytes += step.value.bytes.length;
        events += step.value.events;
        yield step.value.bytes;
      }
      if (events > 0) await noteMade(node, first.value!.bundle, { events, bytes, for: wanted });
    } finally {
      await blocks.return(undefined);
    }
  }
  // Names come from anywhere: of this one nothing is left that a file system or a header could take for something else.
  const safe = name.normalize('NFKD').replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40);
  return { name: `holdfast-${safe === '' ? id.slice(0, 12) : safe}-${hex(first.value.bundle).slice(0, 8)}.hfb`, blocks: pieces() };
}

/**
 * Takes volumes in while they come. Of their bytes at most `most`, and a quarter of the free disk, lie in the data directory meanwhile: parity asks for blocks again. What goes beyond is used all the same, but
 * restores nothing. Faults: those of `pieces`, `carrier-failed`, those of the store.
 */
export async function incoming(node: Node, dir: string, pieces: AsyncIterable<Uint8Array>, most: number): Promise<ImportReport> {
  const spool = await spoolIn(dir);
  try {
    const { bavail, bsize } = await statfs(spool), room = Math.min(most, Math.floor(bavail * bsize * DISK_PART));
    const file = await open(join(spool, 'upload'), 'wx+', 0o600);
    let kept = 0, whole = true;
    async function* through(): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        whole &&= kept + piece.length <= room;
        // A disk that fills up costs parity, not what can be used as it comes.
        if (whole) whole = await file.write(piece, 0, piece.length, kept).then(({ bytesWritten }) => bytesWritten === piece.length, () => false);
        if (whole) kept += piece.length;
        yield piece;
      }
    }
    const into = new BundleImport(node);
    const read = async (at: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, kept - at)));
      const { bytesRead } = bytes.length === 0 ? { bytesRead: 0 } : await file.read(bytes, 0, bytes.length, at);
      return bytes.subarray(0, bytesRead);
    };
    try {
      await into.take({ name: 'upload', read }, through());
      return await into.finish();
    } finally {
      await file.close();
    }
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}
