// Builds, from a record of all writes and flushes of a process, the states in which a power cut could have left its files. See recorder.c.
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { spawnSync } from 'node:child_process';
import { between, type Chance } from './chance.ts';

/** One thing that the process did. */
export interface Act { type: number; durable: boolean; id: number; path: string; at: number; bytes: Buffer }
export const WRITE = 1, WRITTEN = 2, SYNC = 3, SYNCED = 4, TRUNCATE = 5, CREATE = 6, REMOVE = 7, WORDS = 8;

/** Sectors that a medium writes whole or not at all. */
const SECTOR = 512;

/** Builds the recorder; undefined where that cannot be done here. */
export function buildRecorder(folder: string): string | undefined {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return undefined;
  const library = join(folder, 'recorder.so');
  return spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, 'test/survive/recorder.c', '-ldl', '-lpthread']).status === 0 ? library : undefined;
}

/** Reads a record; the process may have been killed in the middle of its last line. */
export function readActs(log: string, dir: string): Act[] {
  const all = readFileSync(log), acts: Act[] = [];
  for (let at = 0; at + 24 <= all.length;) {
    const type = all[at]!, name = all.readUInt16LE(at + 2), length = Number(all.readBigUInt64LE(at + 16));
    const from = at + 24 + name, end = from + (type === WRITE || type === WORDS ? length : 0);
    if (end > all.length) break;
    const path = all.toString('utf8', at + 24, from);
    acts.push({ type, durable: (all[at + 1]! & 1) === 1, id: all.readUInt32LE(at + 4), path: path && relative(dir, path), at: Number(all.readBigUInt64LE(at + 8)), bytes: all.subarray(from, end) });
    at = end;
  }
  return acts;
}

/** A change of a file, on the medium for sure or perhaps. */
interface Change { id: number; at: number; bytes: Buffer | undefined; ended: boolean; sure: boolean }
interface FileState { base: Buffer; changes: Change[] }

export interface DiskStates {
  /** Takes the next act. */
  step(act: Act): void;
  /** Writes one possible state of this moment to a folder. `how`: what happens to that which was not flushed. */
  build(folder: string, how: 'lost' | 'written' | 'sectors' | 'pages' | 'first', random: Chance): void;
  /** Writes that are not on the medium for sure. */
  readonly open: number;
}

function apply(base: Buffer, at: number, bytes: Buffer): Buffer {
  const out = at + bytes.length > base.length ? Buffer.concat([base], at + bytes.length) : base;
  bytes.copy(out, at);
  return out;
}

function resize(base: Buffer, length: number): Buffer {
  return length <= base.length ? Buffer.from(base.subarray(0, length)) : Buffer.concat([base], length);
}

/** Begins with the files of a folder. */
export function diskStates(folder: string): DiskStates {
  const files = new Map<string, FileState>(), syncs = new Map<number, { file: FileState; covers: Change[] }>();
  for (const path of filesBelow(folder)) files.set(relative(folder, path), { base: readFileSync(path), changes: [] });
  const fileOf = (path: string): FileState => {
    let file = files.get(path);
    if (!file) files.set(path, file = { base: Buffer.alloc(0), changes: [] });
    return file;
  };
  /** What is sure at the front need not be remembered one by one. */
  function settle(file: FileState): void {
    while (file.changes[0]?.sure) {
      const { at, bytes } = file.changes.shift()!;
      file.base = bytes ? apply(file.base, at, bytes) : resize(file.base, at);
    }
  }
  return {
    get open() { return [...files.values()].reduce((sum, file) => sum + file.changes.filter((c) => !c.sure).length, 0); },
    step(act) {
      if (act.type === WORDS) return;
      if (act.type === REMOVE) { files.delete(act.path); return; }
      // Folders are flushed, too; what is in them is taken to be there at once.
      const file = act.type === SYNC || act.type === SYNCED ? files.get(act.path) : fileOf(act.path);
      if (!file) return;
      if (act.type === WRITE) file.changes.push({ id: act.id, at: act.at, bytes: act.bytes, ended: false, sure: false });
      else if (act.type === TRUNCATE) file.changes.push({ id: 0, at: act.at, bytes: undefined, ended: true, sure: true });
      else if (act.type === WRITTEN) {
        const change = file.changes.find((c) => c.id === act.id);
        if (change) { change.ended = true; change.sure ||= act.durable; }
      } else if (act.type === SYNC) syncs.set(act.id, { file, covers: file.changes.filter((c) => c.ended) });
      else if (act.type === SYNCED) {
        for (const change of syncs.get(act.id)?.covers ?? []) change.sure = true;
        syncs.delete(act.id);
      }
      settle(file);
    },
    build(to, how, random) {
      for (const [path, file] of files) {
        let content: Buffer = Buffer.from(file.base), left = how === 'first' ? between(random, 0, file.changes.length) : Infinity;
        for (const { at, bytes, sure } of file.changes) {
          if (!bytes) { content = resize(content, at); continue; }
          if (sure || how === 'written' || (how === 'first' && left-- > 0)) { content = apply(content, at, bytes); continue; }
          if (how === 'lost' || how === 'first') continue;
          const unit = how === 'sectors' ? SECTOR : 4_096;
          for (let from = at; from < at + bytes.length;) {
            const end = Math.min(at + bytes.length, (Math.floor(from / unit) + 1) * unit);
            if (random() < 0.5) content = apply(content, from, bytes.subarray(from - at, end - at));
            from = end;
          }
        }
        mkdirSync(dirname(join(to, path)), { recursive: true, mode: 0o700 });
        writeFileSync(join(to, path), content, { mode: 0o600 });
      }
    },
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() && !entry.name.startsWith('lock') && statSync(path).size < 1e9 ? [path] : [];
  });
}
