// Lines of NDJSON in, as drafts of events, with bounded memory and a reason for every line that is not one.

import { isUtf8 } from 'node:buffer';
import { base64url, unbase64url } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { VALUE_DEPTH } from '../../src/limits.ts';
import { readMoment } from './moment.ts';
import { didYouMean } from './suggest.ts';

/** Bytes of one line at most; more than any event can need. */
export const LINE_BYTES = 262_144;

/** One line: its number from 1 and its text, or why there is none. */
export interface Line { number: number; text?: string; fault?: Fault }

/** Cuts bytes into lines. Lines that are too long are skipped up to their end and never held. */
export function lineReader(): { push(chunk: Uint8Array): Line[]; end(): Line[] } {
  let parts: Buffer[] = [];
  let held = 0;
  let tooLong = false;
  let number = 0;
  function finish(): Line | undefined {
    number++;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, held);
    const skipped = tooLong;
    parts = [];
    held = 0;
    tooLong = false;
    if (skipped) return { number, fault: new Fault('too-large', `the line is longer than ${LINE_BYTES} bytes`) };
    if (!isUtf8(bytes)) return { number, fault: new Fault('bad-encoding', 'the line is not UTF-8') };
    let text = bytes.toString('utf8');
    // Editors on Windows put a mark before the first line.
    if (number === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    return text.trim() === '' ? undefined : { number, text };
  }
  function keep(bytes: Buffer): void {
    if (tooLong || bytes.length === 0) return;
    if (held + bytes.length > LINE_BYTES) {
      tooLong = true;
      parts = [];
      held = 0;
      return;
    }
    parts.push(bytes);
    held += bytes.length;
  }
  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const lines: Line[] = [];
      let at = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
        keep(bytes.subarray(at, end));
        const line = finish();
        if (line !== undefined) lines.push(line);
        at = end + 1;
      }
      // A copy: the tail of a chunk would keep the whole chunk alive.
      keep(Buffer.from(bytes.subarray(at)));
      return lines;
    },
    end() {
      if (held === 0 && !tooLong) return [];
      const line = finish();
      return line === undefined ? [] : [line];
    },
  };
}

/** What a line asks to append. */
export interface Draft { key: string; type: string; body: unknown; time?: number }

const FIELDS = ['key', 'type', 'time', 'body'];
/** What `read` prints besides; ignored, so that what one node printed can be appended at another. */
const PRINTED = new Set(['id', 'stream', 'node']);

/** Reads one event. Faults: `bad-encoding` (no JSON object), `bad-event` (a field is missing, unknown or of the wrong kind), `bad-value`. */
export function readDraft(line: string): Draft {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new Fault('bad-encoding', `not JSON (${error instanceof Error ? error.message : String(error)})`, { cause: error });
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw new Fault('bad-encoding', 'not a JSON object');
  checkNumbers(line);
  const draft = draftOf(parsed);
  if (line.includes('$bytes')) draft.body = bytesFromJson(draft.body);
  return draft;
}

/** The event that an object describes, wherever it was read. Fault `bad-event`: a field is missing, unknown or of the wrong kind. */
export function draftOf(described: unknown): Draft {
  if (described === null || typeof described !== 'object' || Array.isArray(described) || described instanceof Uint8Array) throw new Fault('bad-event', 'not an object with key, type, time and body');
  const fields = described as { [name: string]: unknown };
  for (const name of Object.keys(fields)) {
    if (!FIELDS.includes(name) && !PRINTED.has(name)) {
      throw new Fault('bad-event', `unknown field ${JSON.stringify(name.slice(0, 64))}; an event has key, type, time and body.${didYouMean(name, FIELDS)}`);
    }
  }
  const { key, type, time } = fields;
  if (typeof key !== 'string') throw new Fault('bad-event', key === undefined ? 'no key' : 'the key is not text');
  if (typeof type !== 'string') throw new Fault('bad-event', type === undefined ? 'no type' : 'the type is not text');
  const draft: Draft = { key, type, body: fields['body'] ?? null };
  if (time !== undefined && time !== null) {
    const moment = typeof time === 'string' || typeof time === 'number' ? readMoment(time) : undefined;
    if (moment === undefined) throw new Fault('bad-event', `the time ${typeof time === 'bigint' ? String(time) : JSON.stringify(time)?.slice(0, 64)} is neither whole milliseconds since 1970 nor ISO 8601`);
    draft.time = moment;
  }
  return draft;
}

/** Refuses numbers that JSON.parse would change without a word: integers above 2^53 − 1, and what overflows. */
export function checkNumbers(json: string): void {
  if (!/\d{16}|[eE]\+?\d{3}/.test(json)) return;
  const tokens = /"(?:[^"\\]|\\.)*"|(-?\d+)(\.\d+)?([eE][+-]?\d+)?/g;
  for (const [token, whole, fraction, exponent] of json.matchAll(tokens)) {
    if (whole === undefined) continue;
    const number = Number(token);
    if (!Number.isFinite(number) || (fraction === undefined && exponent === undefined && !Number.isSafeInteger(number))) {
      throw new Fault('bad-value', `the number ${token.slice(0, 40)} cannot be kept exactly; write it as text`);
    }
  }
}

/** JSON has no byte strings: {"$bytes": "base64url"}, when it is exactly that, stands for one, both ways (`jsonText`). */
export function bytesFromJson(value: unknown, depth = 0): unknown {
  // What nests deeper than a value may is refused at the door, whatever is in there.
  if (value === null || typeof value !== 'object' || depth > VALUE_DEPTH) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = bytesFromJson(value[i], depth + 1);
    return value;
  }
  const map = value as { [name: string]: unknown };
  const names = Object.keys(map);
  if (names.length === 1 && names[0] === '$bytes' && typeof map['$bytes'] === 'string' && /^[A-Za-z0-9_-]*$/.test(map['$bytes'])) {
    try {
      const bytes = unbase64url(map['$bytes']);
      if (base64url(bytes) === map['$bytes']) return bytes;
    } catch {
      // Only text that happens to look like it.
    }
    return map;
  }
  for (const name of names) {
    const inner = map[name];
    if (inner === null || typeof inner !== 'object') continue;
    // Not by assignment: a key may be __proto__.
    Object.defineProperty(map, name, { value: bytesFromJson(inner, depth + 1), writable: true, enumerable: true, configurable: true });
  }
  return map;
}
