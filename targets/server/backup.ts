// A copy of a server while its processes go on: its segments, their journals, its key; what `recover` takes, on a server and at the edge.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { openJournal } from '../../src/io/journal.ts';
import { keptIn } from '../../src/io/postgres-dump.ts';
import type { KeyFile } from '../../src/node-options.ts';
import type { Node } from '../../src/node.ts';
import { copySettings, flushUnder, packBackup, SETTINGS_INSIDE } from '../program/backup-folder.ts';
import type { BackupMade } from '../program/database.ts';
import { JOURNAL, KEY_FILE } from '../program/home.ts';
import { SEGMENTS } from '../program/recover-source.ts';

/** What lies in a backup. */
const INSIDE = [SEGMENTS, JOURNAL, KEY_FILE, ...SETTINGS_INSIDE];
/** Bytes that are written together. */
const WRITE_BYTES = 1_048_576;

/**
 * Copies a server to `target`, a folder that is not there or empty, or a file whose name ends in .tar: all that its processes had acknowledged at one moment. Rows of SQL are not in it, they are made again.
 * Faults: `bad-argument` (something is there), `carrier-full`, `carrier-failed`, `store-failed`.
 */
export function backUp({ dir, node, keys, url }: { dir: string; node: Node; keys: KeyFile; url: string }, wish: { target: string; withoutKey?: boolean }, progress: (bytes: number, events: number) => void): Promise<BackupMade> {
  return packBackup(wish.target, INSIDE, async (part, target) => {
    const { events } = node.digest(), hash = createHash('sha256'), path = join(part, SEGMENTS), file = await open(path, 'wx', 0o600), journal = await openJournal({ folder: join(part, JOURNAL) });
    const records: Promise<void>[] = [];
    let waiting: Uint8Array[] = [], size = 0, written = 0;
    const write = async (): Promise<void> => {
      const bytes = Buffer.concat(waiting);
      hash.update(bytes);
      await file.write(bytes);
      written += bytes.length;
      waiting = [];
      size = 0;
      await Promise.all(records.splice(0));
      progress(written, events);
    };
    try {
      for await (const { kind, value } of keptIn(url)) {
        if (kind === 'journal') records.push(journal.append(value));
        else waiting.push(value);
        size += value.length;
        if (size >= WRITE_BYTES) await write();
      }
      await write();
    } finally {
      await file.close();
      await journal.close();
    }
    // After the segments: a key is known before anything is sealed under it.
    const secrets = wish.withoutKey === true ? undefined : await keys.load();
    if (secrets !== undefined) await writeFile(join(part, KEY_FILE), secrets, { mode: 0o600 });
    await copySettings(dir, part);
    const bytes = await flushUnder(part), again = createHash('sha256');
    for await (const chunk of createReadStream(path)) again.update(chunk as Buffer);
    if (again.digest('hex') !== hash.digest('hex')) throw new Fault('carrier-failed', `${join(target, SEGMENTS)} does not read as it was written: the medium is not to be trusted, use another one`);
    return { bytes, events, key: secrets !== undefined, damaged: false };
  });
}
