// The [[input]] tables of the configuration, checked, with every mistake named.

import { checkKey, checkType, isStream } from '../../src/event/event.ts';
import { Fault } from '../../src/fault.ts';
import type { InputKind } from './input.ts';
import type { Deadband } from './input-change.ts';
import { TIME_FORMS, type TimeForm } from './input-moment.ts';
import { readSpan } from './input-span.ts';
import { parseTemplate, type Template } from './input-template.ts';
import { didYouMean } from './suggest.ts';

/** One input, as it was declared. Templates that are undefined are the kind's to choose. */
export interface InputSettings {
  kind: string;
  name: string;
  stream: Template;
  key: Template | undefined;
  type: Template | undefined;
  time: { field: string; as: TimeForm } | undefined;
  /** The fields of the body and where in the reading they come from; undefined: all that are left. */
  fields: { name: string; from: string }[] | undefined;
  drop: string[];
  /** What counts as a change, by the body's field; `*` for all others. Undefined: everything is recorded. */
  deadband: Map<string, Deadband> | undefined;
  /** Milliseconds; 0: none. */
  minInterval: number;
  maxInterval: number;
  urgent: boolean;
  /** The settings of the kind itself. */
  own: { [name: string]: unknown };
}

/** Settings that every input has. */
const COMMON = ['kind', 'name', 'stream', 'key', 'type', 'time', 'fields', 'drop', 'deadband', 'min_interval', 'max_interval', 'urgent'];
/** Inputs of one node, and names in one list of an input, at most. */
const MOST_INPUTS = 64, MOST_NAMES = 256;
/** Names of inputs: they stand in paths of files and URLs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

type Table = { [name: string]: unknown };

/** Checks what the configuration says of inputs; `where` gives for the message where the table of an index (from 0) was found. Fault: `bad-config`. */
export function parseInputs(value: unknown, where: (index: number) => string, kinds: { readonly [kind: string]: InputKind }): InputSettings[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Fault('bad-config', `${where(0)}: inputs are tables that begin with [[input]], in two pairs of brackets.`);
  if (value.length > MOST_INPUTS) throw new Fault('bad-config', `${where(MOST_INPUTS)}: there are ${value.length} inputs; ${MOST_INPUTS} are the most.`);
  const inputs: InputSettings[] = [];
  value.forEach((table: unknown, index) => {
    try {
      if (!isTable(table)) throw new Fault('bad-config', 'inputs are tables that begin with [[input]].');
      const input = parseInput(table, index, kinds);
      if (inputs.some((other) => other.name === input.name)) throw new Fault('bad-config', `two inputs are called ${JSON.stringify(input.name)}; give each a name of its own.`);
      if (input.kind === 'stdin' && inputs.some((other) => other.kind === 'stdin')) throw new Fault('bad-config', 'there are two inputs of kind stdin; only one can read it.');
      inputs.push(input);
    } catch (error) {
      throw error instanceof Fault ? new Fault('bad-config', `${where(index)}: ${error.message.replace(/[^.?!]$/, '$&.')}`, { cause: error }) : error;
    }
  });
  return inputs;
}

function parseInput(table: Table, index: number, kinds: { readonly [kind: string]: InputKind }): InputSettings {
  const words = Object.keys(kinds);
  const { kind } = table;
  if (kind === undefined) throw new Fault('bad-config', `this input has no kind; it is one of ${words.join(', ')}.`);
  const found = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (found === undefined) throw new Fault('bad-config', `there is no kind of input ${show(kind)}; there are ${words.join(', ')}.${typeof kind === 'string' ? didYouMean(kind, words) : ''}`);
  const own: Table = {};
  for (const [name, value] of Object.entries(table)) {
    if (COMMON.includes(name)) continue;
    if (!found.options.includes(name)) {
      throw new Fault('bad-config', `an input of kind ${kind as string} has no setting ${JSON.stringify(name.slice(0, 64))}.${didYouMean(name, [...COMMON, ...found.options])}`);
    }
    own[name] = value;
  }
  found.check?.(own);
  const name = table['name'] ?? `${kind as string}-${index + 1}`;
  if (typeof name !== 'string' || !NAME.test(name)) wrong('name', name, 'letters, digits, dots, underscores and hyphens, at most 64');
  const drop = names('drop', table['drop'] ?? []);
  const input: InputSettings = {
    kind: kind as string, name, own, drop,
    stream: streamOf(table['stream'] ?? 'telemetry'),
    key: templateOf('key', table['key'], checkKey),
    type: templateOf('type', table['type'], checkType),
    time: timeOf(table['time']),
    fields: fieldsOf(table['fields']),
    deadband: deadbandOf(table['deadband']),
    minInterval: spanOf('min_interval', table['min_interval']),
    maxInterval: spanOf('max_interval', table['max_interval']),
    urgent: switchOf('urgent', table['urgent'] ?? false),
  };
  if (input.fields !== undefined && drop.length > 0) throw new Fault('bad-config', 'fields says what is recorded, so there is nothing to drop; use one of the two.');
  if (input.maxInterval > 0 && input.deadband === undefined) throw new Fault('bad-config', 'max_interval says how often to record what did not change, so it needs a deadband; deadband = {} stands for "not exactly the same".');
  if (input.maxInterval > 0 && input.maxInterval < input.minInterval) throw new Fault('bad-config', 'max_interval is shorter than min_interval.');
  return input;
}

function isTable(value: unknown): value is Table {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}

function wrong(name: string, value: unknown, wanted: string): never {
  throw new Fault('bad-config', `${name} is ${show(value)}; it must be ${wanted}.`);
}

function streamOf(value: unknown): Template {
  if (typeof value !== 'string' || value === '') wrong('stream', value, 'the name of a stream, or a template such as "{room}"');
  const template = templateText('stream', value);
  const { texts, names } = template;
  if (names.length === 0 ? !isStream(texts[0]) : !texts.every((text) => /^[A-Za-z0-9._-]*$/.test(text.replace(/^\$/, '')))) {
    wrong('stream', value, 'of letters, digits, dots, underscores and hyphens, 64 at most');
  }
  if (texts[0]!.startsWith('$')) wrong('stream', value, 'a stream of yours; those with $ are the system\'s own');
  return template;
}

function templateText(name: string, value: string): Template {
  try {
    return parseTemplate(value);
  } catch (error) {
    throw new Fault('bad-config', `${name}: ${(error as Error).message}.`, { cause: error });
  }
}

function templateOf(name: string, value: unknown, check: (text: unknown) => void): Template | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') wrong(name, value, 'text, or a template such as "{device}"');
  const template = templateText(name, value);
  if (template.names.length === 0) {
    try {
      check(template.texts[0]);
    } catch (error) {
      throw new Fault('bad-config', `${name}: ${(error as Error).message}`, { cause: error });
    }
  }
  return template;
}

function timeOf(value: unknown): InputSettings['time'] {
  if (value === undefined) return undefined;
  const wanted = 'the name of a field, or { field = "ts", as = "ms" }';
  if (typeof value === 'string' && value !== '') return { field: value, as: 'auto' };
  if (!isTable(value) || typeof value['field'] !== 'string' || value['field'] === '') wrong('time', value, wanted);
  for (const name of Object.keys(value)) if (name !== 'field' && name !== 'as') throw new Fault('bad-config', `time has no ${JSON.stringify(name)}; it is ${wanted}.${didYouMean(name, ['field', 'as'])}`);
  const as = value['as'] ?? 'auto';
  const form = TIME_FORMS.find((each) => each === as);
  if (form === undefined) throw new Fault('bad-config', `time.as is ${show(as)}; it is one of ${TIME_FORMS.join(', ')}.${typeof as === 'string' ? didYouMean(as, TIME_FORMS) : ''}`);
  return { field: value['field'], as: form };
}

function fieldsOf(value: unknown): InputSettings['fields'] {
  if (value === undefined) return undefined;
  if (!isTable(value)) {
    const list = names('fields', value);
    if (list.length === 0) wrong('fields', value, 'a list of at least one field');
    return list.map((name) => ({ name, from: name }));
  }
  const fields = Object.entries(value).map(([name, from]) => {
    if (typeof from !== 'string' || from === '') wrong(`fields.${name}`, from, 'the name of the field of the reading that it is taken from: { temperature = "t" }');
    return { name, from };
  });
  if (fields.length === 0 || fields.length > MOST_NAMES) wrong('fields', value, `1 to ${MOST_NAMES} fields`);
  return fields;
}

function names(name: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length > MOST_NAMES || !value.every((each): each is string => typeof each === 'string' && each !== '')) wrong(name, value, `a list of names, ["a", "b"], ${MOST_NAMES} at most`);
  const twice = value.find((each, at) => value.indexOf(each) !== at);
  if (twice !== undefined) throw new Fault('bad-config', `${name} has ${JSON.stringify(twice)} twice.`);
  return value;
}

function deadbandOf(value: unknown): InputSettings['deadband'] {
  if (value === undefined || value === false) return undefined;
  if (!isTable(value)) wrong('deadband', value, 'a table of fields, such as { temperature = 0.2, humidity = "1%" }');
  const bands = new Map<string, Deadband>();
  for (const [name, band] of Object.entries(value)) {
    const percent = typeof band === 'string' ? /^(\d{1,6}(?:\.\d{1,9})?) ?%$/.exec(band) : null;
    if (percent !== null) bands.set(name, { by: Number(percent[1]) / 100, relative: true });
    else if (typeof band === 'number' && Number.isFinite(band) && band >= 0) bands.set(name, { by: band, relative: false });
    else wrong(`deadband.${name}`, band, 'how much the field must change to be recorded: a number, or a part such as "1%"');
  }
  if (bands.size > MOST_NAMES) wrong('deadband', value, `at most ${MOST_NAMES} fields`);
  return bands;
}

function spanOf(name: string, value: unknown): number {
  if (value === undefined) return 0;
  return readSpan(value) ?? wrong(name, value, `a length of time such as "5s", "250ms", "10m" or "1h"${typeof value === 'number' ? `; did you mean "${value}s"?` : ''}`);
}

function switchOf(name: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : wrong(name, value, 'true or false');
}
