// Archives that come out the same for the same contents: POSIX tar, sorted, without times, owners or anything else of the machine that made them.

import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Every file's time: the first moment that all file systems can hold. */
const MTIME = 315_532_800;
const BLOCK = 512;

/**
 * Writes a .tar.gz in one step and returns { bytes, sha256 }.
 * @param {string} path
 * @param {{ name: string, contents?: Buffer, from?: string, executable?: boolean, cache?: string }[]} entries files in any order: contents or the path of a file; folders are added.
 * `cache` names a file that keeps the compressed form of a large one: gzip takes archives in several members.
 */
export function writeArchive(path, entries) {
  const folders = new Set(entries.flatMap(({ name }) => name.split('/').slice(0, -1).map((_, index, parts) => `${parts.slice(0, index + 1).join('/')}/`)));
  const all = [...entries, ...[...folders].map((name) => ({ name, folder: true }))].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const part = `${path}.${process.pid}.part`;
  const file = openSync(part, 'w', 0o644);
  const hash = createHash('sha256');
  let bytes = 0, pending = [];
  const put = (compressed) => { writeSync(file, compressed); hash.update(compressed); bytes += compressed.length; };
  const flush = () => { if (pending.length > 0) put(gzipSync(Buffer.concat(pending), { level: 9 })); pending = []; };
  for (const { name, contents, from, executable, folder, cache } of all) {
    const data = folder ? Buffer.alloc(0) : contents ?? readFileSync(from);
    pending.push(header(name, data.length, folder || executable ? 0o755 : 0o644, folder ? '5' : '0'));
    if (cache === undefined) { pending.push(padded(data)); continue; }
    flush();
    if (!existsSync(cache)) { writeFileSync(`${cache}.part`, gzipSync(padded(data), { level: 6 })); renameSync(`${cache}.part`, cache); }
    put(readFileSync(cache));
  }
  pending.push(Buffer.alloc(2 * BLOCK));
  flush();
  closeSync(file);
  renameSync(part, path);
  return { bytes, sha256: hash.digest('hex') };
}

function padded(data) {
  return data.length % BLOCK === 0 ? data : Buffer.concat([data, Buffer.alloc(BLOCK - data.length % BLOCK)]);
}

/** A header of IEEE 1003.1 ustar. Throws when a name does not fit. */
function header(name, size, mode, type) {
  const block = Buffer.alloc(BLOCK);
  const cut = name.length <= 100 ? -1 : name.lastIndexOf('/', 155);
  if (name.length > 100 && (cut <= 0 || name.length - cut - 1 > 100)) throw new Error(`${name} is too long for an archive`);
  const octal = (value, at, length) => block.write(value.toString(8).padStart(length - 1, '0'), at, 'ascii');
  block.write(name.slice(cut + 1), 0);
  if (cut > 0) block.write(name.slice(0, cut), 345);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(MTIME, 136, 12);
  block.fill(' ', 148, 156);
  block.write(type, 156);
  block.write('ustar\0' + '00', 257, 'ascii');
  block.write('root', 265);
  block.write('root', 297);
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return block;
}
