// Reads a file on a medium that fails: stretches that cannot be read come as zeros, and are counted.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';

/** What one read of the medium brings or fails to bring. */
const LEAST = 4_096;

/** A file opened for reading alone. `lost`: bytes that could not be read so far. */
export interface WornFile { readonly path: string; readonly size: number; readonly lost: number; read(at: number, length: number): Bytes; close(): void }

/** Opens a file. Faults: `not-found` (not there, or not to be opened). */
export function openWorn(path: string): WornFile {
  let fd: number, size: number;
  try {
    fd = openSync(path, 'r');
    size = fstatSync(fd).size;
  } catch (error) {
    throw new Fault('not-found', `${path} cannot be opened (${(error as NodeJS.ErrnoException).code ?? String(error)})`, { cause: error });
  }
  let lost = 0;

  function fill(into: Bytes, from: number, to: number, at: number): void {
    try {
      for (let done = from, count = 1; done < to && count > 0; done += count) count = readSync(fd, into, done, to - done, at + done);
    } catch {
      if (to - from <= LEAST) {
        lost += to - from;
        into.fill(0, from, to);
        return;
      }
      // Half of it may be sound: what the medium gives is whole blocks.
      const middle = from + Math.max(LEAST, Math.floor((to - from) / 2 / LEAST) * LEAST);
      fill(into, from, middle, at);
      fill(into, middle, to, at);
    }
  }

  return {
    path, size,
    get lost() { return lost; },
    read(at, length) {
      const into = new Uint8Array(Math.max(0, Math.min(length, size - at)));
      fill(into, 0, into.length, at);
      return into;
    },
    close() { closeSync(fd); },
  };
}
