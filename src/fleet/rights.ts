// What a grant allows: administration, and reading and writing of streams by name.
import { isStream } from '../event/event.ts';
import { Fault } from '../fault.ts';
import { PATTERNS } from '../limits.ts';
import { isMap } from './shape.ts';

/** `read` and `write` list streams' names; "*" stands for every stream that does not start with `$`. */
export interface Rights { admin: boolean; read: string[]; write: string[] }

/** Rights from a decoded item, undefined when it is anything else; entries that this version does not know are left out. */
export function readRights(item: unknown): Rights | undefined {
  if (!isMap(item)) return undefined;
  const { admin, read, write } = item;
  if (typeof admin !== 'boolean' || !arePatterns(read) || !arePatterns(write)) return undefined;
  return { admin, read, write };
}

function arePatterns(item: unknown): item is string[] {
  return Array.isArray(item) && item.length <= PATTERNS && item.every((pattern) => pattern === '*' || isStream(pattern));
}

/** Throws Fault `bad-argument` unless these rights can stand in an invitation. */
export function checkRights(rights: Rights): void {
  if (readRights(rights) === undefined) {
    throw new Fault('bad-argument', `Rights are admin (yes or no) and at most ${PATTERNS} streams each to read and to write: names, or "*" for all.`);
  }
}

/** True when a member with these rights may write the stream. The `$` streams are open to every member; their folds judge what each event may do. */
export function mayWrite(rights: Rights, stream: string): boolean {
  return allows(rights.write, stream);
}

/** True when a member with these rights may read the stream. */
export function mayRead(rights: Rights, stream: string): boolean {
  return allows(rights.read, stream);
}

function allows(patterns: string[], stream: string): boolean {
  return stream.startsWith('$') || patterns.includes('*') || patterns.includes(stream);
}
