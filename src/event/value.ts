// Values: what a body may hold, and the one way to write each of them (FORMAT.md section 1).
import { Fault } from '../fault.ts';
import { VALUE_DEPTH } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { compare, flawOf, utf8 } from './bytes.ts';
import type { Writer } from './writer.ts';
import { written } from './writer.ts';

/** Null, booleans, integers within 2^53 - 1 of zero, finite numbers, text, bytes, arrays, and maps with text keys. */
export type Value = null | boolean | number | string | Uint8Array | Value[] | { [key: string]: Value };

/** Bytes of one encoded value outside events, at most: a guard against values that share parts over and over. */
const MOST = 1 << 26;

// Where the writer is inside the value, one step a level; only read when something is refused.
const trail: (string | number)[] = new Array<string | number>(VALUE_DEPTH).fill(0);

/** The canonical bytes of a value. Symbol keys and properties that cannot be enumerated are ignored. Fault `bad-value` with the path
 * inside the value for anything that is not one (`body.a[3]: NaN`), `too-large` above 64 MiB. `name` is what the path starts with. */
export function encodeValue(value: unknown, name = 'value'): Bytes {
  return written(MOST, (w) => writeValue(w, value, name));
}

/** Writes a value at the end of `w`; after a Fault `w.at` may have moved. Faults as `encodeValue`. */
export function writeValue(w: Writer, value: unknown, name: string): void {
  try {
    write(w, value, 0);
  } catch (error) {
    if (error instanceof Refused) throw new Fault('bad-value', `${path(name, error.depth)}: ${error.message}`);
    if (error instanceof Fault && error.code === 'too-large') throw new Fault('too-large', `${name}: ${error.message}`);
    throw error;
  }
}

class Refused extends Error {
  readonly depth: number;
  constructor(what: string, depth: number) {
    super(what);
    this.depth = depth;
  }
}

function path(name: string, depth: number): string {
  let out = name;
  for (let i = 0; i < depth && out.length < 200; i++) {
    const step = trail[i]!;
    out += typeof step === 'number' ? `[${step}]` : /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  }
  return out;
}

function write(w: Writer, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      text(w, value, depth);
      return;
    case 'number':
      if (Number.isSafeInteger(value)) w.int(value);
      else if (Number.isFinite(value)) w.float(value);
      else throw new Refused(`${value}`, depth);
      return;
    case 'boolean':
      w.byte(value ? 0xf5 : 0xf4);
      return;
    case 'object':
      if (value === null) w.byte(0xf6);
      else if (value instanceof Uint8Array) w.bytes(value);
      else if (depth >= VALUE_DEPTH) throw new Refused(`more than ${VALUE_DEPTH} arrays and maps inside each other`, depth);
      else if (Array.isArray(value)) writeArray(w, value, depth);
      else writeMap(w, value as Record<string, unknown>, depth);
      return;
    default:
      throw new Refused(`${typeof value} is not a value`, depth);
  }
}

function text(w: Writer, value: string, depth: number): void {
  try {
    w.text(value);
  } catch (error) {
    if (error instanceof Fault && error.code === 'bad-value') throw new Refused(error.message, depth);
    throw error;
  }
}

function writeArray(w: Writer, array: unknown[], depth: number): void {
  const n = array.length;
  w.head(0x80, n);
  for (let i = 0; i < n; i++) {
    trail[depth] = i;
    write(w, array[i], depth + 1);
    if (w.at > w.most) throw new Fault('too-large', `more than ${w.most} bytes`);
  }
}

function writeMap(w: Writer, map: Record<string, unknown>, depth: number): void {
  const proto: unknown = Object.getPrototypeOf(map);
  // A plain object of another realm has a root prototype of its own.
  if (proto !== Object.prototype && proto !== null && Object.getPrototypeOf(proto) !== null) {
    throw new Refused(`${(map.constructor as { name?: unknown } | undefined)?.name ?? 'an object'} is not a value`, depth);
  }
  const keys = sorted(Object.keys(map));
  w.head(0xa0, keys.length);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    trail[depth] = key;
    text(w, key, depth + 1);
    write(w, map[key], depth + 1);
    if (w.at > w.most) throw new Fault('too-large', `more than ${w.most} bytes`);
  }
}

/** Keys of maps as they came, and in canonical order: bodies of one kind come by the thousand, with their keys in one order. */
const layouts: ({ keys: string[]; sorted: string[] } | undefined)[] = new Array<undefined>(64).fill(undefined);
/** Maps with more keys than this are sorted each time. */
const LAYOUT_KEYS = 32;

/** The keys in canonical order; not to be changed. */
function sorted(keys: string[]): string[] {
  const n = keys.length;
  if (n < 2) return keys;
  const place = (n + 3 * keys[0]!.length + 5 * keys[n - 1]!.length) & 63, known = layouts[place];
  if (known && same(known.keys, keys)) return known.sorted;
  let rises = true;
  for (let i = 1; rises && i < n; i++) rises = compareKeys(keys[i - 1]!, keys[i]!) < 0;
  const out = rises ? keys : keys.slice().sort(compareKeys);
  if (n <= LAYOUT_KEYS) layouts[place] = { keys, sorted: out };
  return out;
}

function same(a: string[], b: string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Canonical order of map keys: fewer UTF-8 bytes first, then bytewise. */
export function compareKeys(a: string, b: string): number {
  if (ascii(a) && ascii(b)) return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  const x = utf8(a), y = utf8(b);
  return x.length - y.length || compare(x, y);
}

function ascii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** UTF-8 bytes of a text. */
export function utf8Length(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    // Each half of a pair counts 2 of the pair's 4 bytes.
    if (c > 0x7f) n += c > 0x7ff && (c & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return n;
}

/** Throws Fault `bad-value` for a string that is not well-formed UTF-16 or holds U+0000. */
export function checkText(text: string): void {
  const flaw = flawOf(text);
  if (flaw !== undefined) throw new Fault('bad-value', flaw);
}
