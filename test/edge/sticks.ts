// Nodes that carry, and what they carry on: fleets of the real program, small and read-only mounts, and an image of FAT32.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { holdfast, json } from './program.ts';

/** Founds a fleet in the first directory, and has the others join. */
export async function fleetIn(first: string, ...others: string[]): Promise<void> {
  await json(['init', '--dir', first, '--name', first.split('/').at(-1)!, '--fleet', 'carried']);
  for (const dir of others) {
    const { token } = await json<{ token: string }>(['invite', '--dir', first]);
    await json(['join', '-', '--dir', dir, '--name', dir.split('/').at(-1)!], { input: `${token}\n` });
  }
}

/** Records events; with `bytes` each has so many of noise. */
export async function record(dir: string, count: number, bytes = 0): Promise<void> {
  let state = count + bytes + 1;
  const noise = (): string => Array.from({ length: bytes }, () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return String.fromCharCode(33 + (state >>> 8) % 90); }).join('');
  for (let i = 0; i < count; i += 5_000) {
    const input = Array.from({ length: Math.min(5_000, count - i) }, (_, k) => JSON.stringify({ key: `k${(i + k) % 11}`, type: 't', body: bytes === 0 ? { n: i + k } : noise() })).join('\n');
    const { code, stderr } = await holdfast(['append', 'telemetry', '--dir', dir], { input });
    if (code !== 0) throw new Error(stderr);
  }
}

export interface Digest { digest: string; events: number }
export const digest = (dir: string): Promise<Digest> => json<Digest>(['digest', '--dir', dir]);

/** Names of files in a folder. */
export const names = (folder: string): string[] => readdirSync(folder).sort();
export const volumes = (folder: string): string[] => names(folder).filter((name) => name.endsWith('.hfb')).map((name) => join(folder, name));

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** A small file system at a path; undefined where this user may not mount. */
export function mounted(path: string, size: string): { resize(size: string): void; readOnly(on: boolean): void; remove(): void } | undefined {
  mkdirSync(path, { recursive: true });
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'holdfast-test', path)) return undefined;
  return {
    resize: (to) => { run('mount', '-o', `remount,size=${to}`, path); },
    readOnly: (on) => { run('mount', '-o', `remount,${on ? 'ro' : 'rw'}`, path); },
    remove: () => { run('umount', '-l', path); },
  };
}

/** An image of FAT32, mounted; undefined where that cannot be had. */
export function fatImage(image: string, path: string, bytes: number): { remove(): void } | undefined {
  mkdirSync(path, { recursive: true });
  closeSync(openSync(image, 'w'));
  truncateSync(image, bytes);
  if (!run('mkfs.vfat', '-F', '32', image) || !run('mount', '-o', 'loop', image, path)) return undefined;
  return { remove: () => { run('umount', '-l', path); } };
}

/** Changes one byte at each place. */
export function spoil(file: string, ...places: number[]): void {
  const fd = openSync(file, 'r+'), byte = Buffer.alloc(1);
  for (const at of places) {
    readSync(fd, byte, 0, 1, at);
    writeSync(fd, Buffer.from([byte[0]! ^ 0x55]), 0, 1, at);
  }
  closeSync(fd);
}

/** Changes a byte in so many long values of a data.mdb: their rows no longer match their checksums. Returns how many. */
export function spoilRows(file: string, most: number): number {
  const { size } = statSync(file), fd = openSync(file, 'r'), page = Buffer.alloc(4_096), places: number[] = [];
  for (let at = 8_192; at < size && places.length < most; at += 4_096) {
    readSync(fd, page, 0, 4_096, at);
    if (page.readUInt16LE(10) === 4 && Number(page.readBigUInt64LE(0)) === at / 4_096 && page.readUInt32LE(12) > 1) places.push(at + 3_000);
  }
  closeSync(fd);
  spoil(file, ...places);
  return places.length;
}
