// How the operations of a database travel over the control socket: requests, replies, and the checks on both.

import { decode } from '../../src/event/cbor.ts';
import { encodeValue, type Value } from '../../src/event/value.ts';
import { Fault, type Code } from '../../src/fault.ts';
import type { Draft, Entry, Query } from './database.ts';

/** Entries of one message, and bytes of their bodies after which it is sent. */
export const ENTRIES = 256, ENTRY_BYTES = 262_144;

/** `Item`s come before one `End` or `Fault`; then the next request may follow. */
export const ITEM = 0, END = 1, FAULT = 2;

/** A plain structure as a value: what is undefined is left out. */
export function toWire(thing: unknown): Value {
  if (thing === undefined) return null;
  if (thing === null || typeof thing !== 'object' || thing instanceof Uint8Array) return thing as Value;
  if (Array.isArray(thing)) return thing.map(toWire);
  return Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== undefined).map(([name, value]) => [name, toWire(value)]));
}

/** Bodies travel encoded, so that their depth does not count twice. */
export function entryToWire(entry: Entry): Value {
  return [entry.id, entry.stream, entry.key, entry.type, entry.time, encodeValue(entry.body), entry.node];
}

/** The entry of `entryToWire`. Fault: `bad-message`. */
export function entryFromWire(value: Value): Entry {
  const [id, stream, key, type, time, body, node] = asList(value);
  return { id: asText(id), stream: asText(stream), key: asText(key), type: asText(type), time: asNumber(time), body: decode(asBytes(body)), node: asText(node) };
}

/** Encodes a draft. Faults: `bad-value`, `too-large`. */
export function draftToWire(draft: Draft): Value {
  return [draft.key, draft.type, encodeValue(draft.body, 'body'), draft.time ?? null];
}

/** The draft of `draftToWire`. Fault: `bad-message`. */
export function draftFromWire(value: Value): Draft {
  const [key, type, body, time] = asList(value);
  return { key: asText(key), type: asText(type), body: decode(asBytes(body)), ...(time === null ? {} : { time: asNumber(time) }) };
}

/** Which events a request asks for. Fault: `bad-message`. */
export function queryFromWire(value: Value | undefined): Query {
  const fields = asMap(value);
  const query: Query = {};
  for (const name of ['key', 'type'] as const) if (fields[name] !== undefined) query[name] = asText(fields[name]);
  for (const name of ['since', 'until', 'limit'] as const) if (fields[name] !== undefined) query[name] = asNumber(fields[name]);
  if (fields['reverse'] === true) query.reverse = true;
  return query;
}

/** A fault as the other side told it. */
export function faultFromWire(code: Value | undefined, message: Value | undefined): Fault {
  return new Fault(asText(code) as Code, asText(message));
}

function wrong(wanted: string): never {
  throw new Fault('bad-message', `The other side of the control socket sent something else than ${wanted}; are both of the same version?`);
}

/** The value if it is text; otherwise Fault `bad-message`. */
export function asText(value: Value | undefined): string {
  return typeof value === 'string' ? value : wrong('text');
}

/** The value if it is a number; otherwise Fault `bad-message`. */
export function asNumber(value: Value | undefined): number {
  return typeof value === 'number' ? value : wrong('a number');
}

/** The value if it is bytes; otherwise Fault `bad-message`. */
export function asBytes(value: Value | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : wrong('bytes');
}

/** The value if it is a list; otherwise Fault `bad-message`. */
export function asList(value: Value | undefined): Value[] {
  return Array.isArray(value) ? value : wrong('a list');
}

/** The value if it is a map; otherwise Fault `bad-message`. */
export function asMap(value: Value | undefined): { [key: string]: Value } {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array) ? value : wrong('a map');
}
