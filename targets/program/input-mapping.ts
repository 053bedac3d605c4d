// From a reading to an event: which stream, key, type, time and body it has, or why it cannot be one.

import { encodeEvent, isStream } from '../../src/event/event.ts';
import { ZERO_STAMP } from '../../src/event/stamp.ts';
import type { Value } from '../../src/event/value.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import type { InputKind, Reading } from './input.ts';
import { lineType } from './input-lines.ts';
import { readTime } from './input-moment.ts';
import type { InputSettings } from './input-settings.ts';
import { fieldAt, fillTemplate, parseTemplate, type Template } from './input-template.ts';

/** A reading as an event: where it goes, what it says, and the bytes of it. */
export interface Mapped { stream: string; key: string; type: string; time: number; body: { [field: string]: unknown }; bytes: number }

/** Why a reading cannot be an event. */
export interface Refusal { code: string; reason: string }

/** Maps the readings of one input. `now`: ms since 1970, the time of a reading that says none. Never throws. */
export type Mapping = (reading: Reading, now: number) => Mapped | Refusal;

/** Streams that one input may write to, where they are named by what it reads: each costs every node of the fleet something. */
export const INPUT_STREAMS = 256;

/** Prepares the mapping of an input; `node` is the node's name. */
export function mappingOf(settings: InputSettings, kind: Pick<InputKind, 'key' | 'type'>, node: string): Mapping {
  const key = settings.key ?? (kind.key === undefined ? constant(settings.name) : parseTemplate(kind.key));
  const type = settings.type ?? parseTemplate(kind.type ?? lineType(settings.own));
  const { stream, time, fields } = settings;
  const own: { [name: string]: string } = { node, input: settings.name };
  // What stands in a name already is not said again in the body.
  const said = new Set([...settings.drop, ...(time === undefined ? [] : [time.field]), ...stream.names, ...key.names, ...type.names]);
  const streams = new Set<string>();
  return (reading, now) => {
    try {
      const all = fieldsOf(reading.value);
      const names = reading.names;
      const find = (name: string): unknown => {
        if (names !== undefined && Object.hasOwn(names, name)) return names[name];
        const field = fieldAt(all, name);
        return field === undefined && Object.hasOwn(own, name) ? own[name] : field;
      };
      const mapped: Mapped = {
        stream: fillTemplate(stream, find, 'stream'),
        key: fillTemplate(key, find, 'key'),
        type: fillTemplate(type, find, 'type'),
        time: time === undefined ? reading.time ?? now : timeOf(all, time),
        body: fields === undefined ? rest(all, said) : chosen(all, fields),
        bytes: 0,
      };
      checkStream(mapped.stream, streams);
      mapped.bytes = sizeOf(mapped);
      streams.add(mapped.stream);
      return mapped;
    } catch (error) {
      return { code: codeOf(error), reason: error instanceof Error ? error.message : String(error) };
    }
  };
}

function constant(text: string): Template {
  return { texts: [text], names: [] };
}

/** The fields of what a source said; a lone value is one that is called `value`. */
function fieldsOf(value: unknown): { [field: string]: unknown } {
  if (value === undefined) throw new Fault('bad-event', 'it says nothing');
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array) ? value as { [field: string]: unknown } : { value };
}

function timeOf(all: { [field: string]: unknown }, { field, as }: NonNullable<InputSettings['time']>): number {
  const found = fieldAt(all, field);
  if (found === undefined || found === null) throw new Fault('bad-event', `it has no ${JSON.stringify(field.slice(0, 64))}, which says when it happened`);
  return readTime(found, as);
}

/** All fields but those that are said elsewhere or dropped. */
function rest(all: { [field: string]: unknown }, said: Set<string>): { [field: string]: unknown } {
  const body: { [field: string]: unknown } = {};
  for (const name of Object.keys(all)) if (all[name] !== undefined && !said.has(name)) put(body, name, all[name]);
  return body;
}

function chosen(all: { [field: string]: unknown }, fields: { name: string; from: string }[]): { [field: string]: unknown } {
  const body: { [field: string]: unknown } = {};
  let found = false;
  for (const { name, from } of fields) {
    const value = fieldAt(all, from);
    if (value === undefined) continue;
    put(body, name, value);
    found = true;
  }
  if (!found) throw new Fault('bad-event', `it has none of the fields ${fields.slice(0, 8).map(({ from }) => from).join(', ')}${fields.length > 8 ? ' …' : ''}`);
  return body;
}

function put(body: { [field: string]: unknown }, name: string, value: unknown): void {
  // Not by assignment: a field may be called __proto__.
  if (name === '__proto__') Object.defineProperty(body, name, { value, writable: true, enumerable: true, configurable: true });
  else body[name] = value;
}

function checkStream(stream: string, known: Set<string>): void {
  if (known.has(stream)) return;
  if (!isStream(stream) || stream.startsWith('$')) {
    throw new Fault('bad-event', `${JSON.stringify(stream.slice(0, 80))} cannot name a stream: letters, digits, dots, underscores and hyphens, 64 at most`);
  }
  if (known.size >= INPUT_STREAMS) throw new Fault('too-many', `this input has named ${INPUT_STREAMS} streams already; put what differs so much into the key`);
}

/** Bytes of the event; what the log would refuse is refused here, by name. */
function sizeOf({ time, key, type, body }: Mapped): number {
  try {
    return encodeEvent({ stamp: ZERO_STAMP, time, joined: false, key, type, body: body as Value }).length;
  } catch (error) {
    const { code, message } = error as Fault;
    if (code === 'bad-value' && message.endsWith('bigint is not a value')) throw new Fault(code, `${message.slice(0, -'bigint is not a value'.length)}a whole number that cannot be kept exactly; send it as text`, { cause: error });
    if (code === 'bad-value') throw new Fault(code, message.replace(/: (NaN|-?Infinity)$/, ': $1 is not a number that can be recorded'), { cause: error });
    throw error;
  }
}
