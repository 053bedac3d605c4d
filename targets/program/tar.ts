// Folders as one file: the least of POSIX tar (ustar) that keeps plain files, written and read in pieces.

import { createReadStream, readdirSync, statSync } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { Fault } from '../../src/fault.ts';

const BLOCK = 512, PIECE = 1_048_576;
/** Bytes of one file in it, as eleven octal digits can say. */
const FILE_MOST = 8 ** 11 - 1;

function header(name: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(BLOCK), path = Buffer.from(name, 'utf8');
  if (path.length > 100 || size > FILE_MOST) throw new Fault('too-large', `${name} does not fit a tar file; back up into a folder instead`);
  path.copy(block);
  const octal = (value: number, at: number, digits: number): void => { block.write(value.toString(8).padStart(digits, '0'), at, 'latin1'); };
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.fill(32, 148, 156);
  block.write('0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  octal(block.reduce((sum, byte) => sum + byte, 0), 148, 6);
  block[154] = 0;
  return block;
}

function filesUnder(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(folder, name) : [name];
  }).sort();
}

/** Writes all files of a folder as one file, mode 0600, flushed. Returns its bytes. Faults: `too-large`; errors are those of the file system. */
export async function writeTar(folder: string, path: string): Promise<number> {
  const out = await open(path, 'wx', 0o600);
  let bytes = 0;
  const put = async (chunk: Buffer): Promise<void> => {
    await out.writeFile(chunk);
    bytes += chunk.length;
  };
  try {
    for (const name of filesUnder(folder)) {
      const file = join(folder, name), { size, mode } = statSync(file);
      await put(header(name, size, mode & 0o777));
      for await (const chunk of createReadStream(file, { highWaterMark: PIECE })) await put(chunk as Buffer);
      await put(Buffer.alloc((BLOCK - size % BLOCK) % BLOCK));
    }
    await put(Buffer.alloc(2 * BLOCK));
    await out.sync();
    return bytes;
  } finally {
    await out.close();
  }
}

/** Whether a file begins like one of these. */
export async function isTar(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BLOCK), 0, BLOCK, 0);
    return bytesRead === BLOCK && entryOf(buffer) !== undefined;
  } finally {
    await file.close();
  }
}

function entryOf(block: Buffer): { name: string; size: number; mode: number; plain: boolean } | undefined {
  if (block.toString('latin1', 257, 262) !== 'ustar') return undefined;
  const text = (at: number, length: number): string => block.toString('utf8', at, at + length).split('\0', 1)[0]!, number = (at: number, length: number): number => parseInt(text(at, length).trim() || '0', 8);
  const sum = number(148, 8), counted = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0), size = number(124, 12);
  if (sum !== counted || !Number.isSafeInteger(size) || size < 0) return undefined;
  const prefix = text(345, 155);
  return { name: `${prefix === '' ? '' : `${prefix}/`}${text(0, 100)}`, size, mode: number(100, 8), plain: block[156] === 0x30 || block[156] === 0 };
}

/** Unpacks plain files into a folder that is made, as far as the file is whole; names that lead out of it are left out. Errors are those of the file system. */
export async function readTar(path: string, folder: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    for (let at = 0; ;) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(BLOCK), 0, BLOCK, at), entry = bytesRead === BLOCK ? entryOf(buffer) : undefined;
      if (!entry) return;
      const name = normalize(entry.name);
      if (entry.plain && name !== '.' && !name.startsWith('..') && !name.startsWith('/')) await unpack(file, at + BLOCK, entry.size, join(folder, name));
      at += BLOCK + Math.ceil(entry.size / BLOCK) * BLOCK;
    }
  } finally {
    await file.close();
  }
}

async function unpack(from: FileHandle, at: number, size: number, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const out = await open(path, 'w', 0o600);
  try {
    for (let done = 0; done < size;) {
      const { buffer, bytesRead } = await from.read(Buffer.alloc(Math.min(PIECE, size - done)), 0, Math.min(PIECE, size - done), at + done);
      if (bytesRead === 0) return;
      await out.writeFile(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await out.close();
  }
}
