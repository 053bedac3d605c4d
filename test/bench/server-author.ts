// The author of a long history, as the benchmarks of the server see it: another process, from which they take segments or invitations.

import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes } from '../../src/ports.ts';
import { freshFolder } from './rows.ts';

/** What the other process has made: the fleet's segments that come first, the history as live segments, where it listens, tokens to join with, and, if asked for, a file with the rows as COPY takes them. */
export interface Author { context: Bytes[]; segments: Bytes[]; url: string; invitations: string[]; rows: string; stop(): Promise<void> }

/** Starts an author of so many events. `rows`: write the file of rows too; `broker`: be at this broker of MQTT. */
export async function startAuthor(events: number, invitations: number, { rows = false, broker = '' } = {}): Promise<Author> {
  const place = freshFolder('author');
  const child = fork(new URL('./server-author.child.mjs', import.meta.url), [place, String(events), String(invitations), rows ? 'rows' : '', broker], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => { child.on('exit', () => resolve()); });
  const made = await new Promise<Pick<Author, 'url' | 'invitations'>>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Pick<Author, 'url' | 'invitations'>));
    child.once('exit', (code) => reject(new Error(`the author ended with ${code}`)));
  });
  return {
    ...made, context: unpacked(readFileSync(join(place, 'context'))), segments: unpacked(readFileSync(join(place, 'segments'))), rows: join(place, 'rows'),
    async stop() { if (child.connected) child.disconnect(); await ended; },
  };
}

/** Segments one behind the other, each after its length. */
export function packed(segments: readonly Bytes[]): Bytes {
  return Buffer.concat(segments.flatMap((segment) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(segment.length);
    return [head, segment];
  }));
}

/** What `packed` has packed. */
export function unpacked(bytes: Buffer): Bytes[] {
  const out: Bytes[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    out.push(new Uint8Array(bytes.subarray(at + 4, end)));
    at = end;
  }
  return out;
}
