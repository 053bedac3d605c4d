// Mends the headers of an LMDB file before LMDB reads them: it has two, of the last transaction and of the one before, and no checksum over either.
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import { copyMeta, parsePage, readAt, readMetas, type Meta } from './lmdb-pages.ts';

/** Bytes that a file may lack at its end because nothing but free pages lay there. */
const SLACK = 64 * 1_048_576;

/** Whether the page where a header's tree begins is one: without it nothing can be found any more. */
function hasRoot(fd: number, meta: Meta): boolean {
  const { root, depth } = meta.main;
  return root >= 2 && root <= meta.last && parsePage(readAt(fd, root * meta.pageSize, meta.pageSize), root, meta, 1, depth) !== undefined;
}

/**
 * Mends the headers of a store's file: where one of the two is damaged, the other replaces it; where the tree of the last transaction has lost its root, that of
 * the one before, whose pages nothing has used again yet, takes its place. Returns what to say about it, undefined when there is nothing to mend or no file yet.
 * Fault: `store-damaged` when neither header is sound.
 */
export function mendHeaders(folder: string): string | undefined {
  const file = join(folder, 'data.mdb');
  if (!existsSync(file) || statSync(file).size === 0) return undefined;
  const fd = openSync(file, 'r+');
  try {
    const metas = readMetas(fd), { size } = fstatSync(fd), [last, before] = metas;
    // One that speaks of a much longer file is damaged as well, unless both do and the file was cut; and two of neighbouring transactions are there, always.
    const fitting = metas.filter((meta) => meta.last * meta.pageSize <= 2 * size + SLACK);
    const both = last && before && fitting.length !== 1 && last.transaction - before.transaction <= 1;
    const meta = both ? before : fitting[0] ?? last;
    if (!meta) throw new Fault('store-damaged', `Nothing in the store ${file} can be read: both of its headers are damaged. \`holdfast recover NEW --from DIR\` makes a node of what is left of this one, its journal, backups, bundles and peers.`);
    if (both && (last.main.root === -1 || hasRoot(fd, last) || !hasRoot(fd, before))) return undefined;
    if (size < 2 * meta.pageSize) ftruncateSync(fd, 2 * meta.pageSize);
    copyMeta(fd, meta);
    fsyncSync(fd);
    return both ? `the root of the store ${file} was damaged; the state before its last commit stands in, what that commit brought is lost here`
      : `one of the two headers of ${file} was damaged and is mended; the last commit may be lost`;
  } finally {
    closeSync(fd);
  }
}
