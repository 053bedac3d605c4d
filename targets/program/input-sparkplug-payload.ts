// The protobuf payloads of Sparkplug B: metrics with their names or aliases, datatypes and times, as values that an event can hold.

import { isUtf8 } from 'node:buffer';
import { PbfReader, PbfWriter } from 'pbf';
import { Fault } from '../../src/fault.ts';
import { arrayValue } from './input-sparkplug-array.ts';

/** A metric as it was sent: by name, by alias or both. `value` is undefined where none is there. */
export interface Metric { name?: string; alias?: string; timestamp?: number; datatype?: number; historical: boolean; raw: Raw | undefined }

/** A payload. */
export interface Payload { timestamp?: number; seq?: number; metrics: Metric[] }

/** What stands in the place of a value, before its datatype is known. */
export type Raw =
  | { kind: 'null' } | { kind: 'integer'; value: bigint } | { kind: 'float' | 'double'; value: number } | { kind: 'boolean'; value: boolean } | { kind: 'text'; value: string }
  | { kind: 'bytes'; value: Uint8Array } | { kind: 'dataset'; columns: string[]; types: number[]; rows: (Raw | undefined)[][] } | { kind: 'template'; metrics: Metric[] };

/** Metrics of one payload, and templates inside each other, at most. */
const MOST_METRICS = 65_536, MOST_DEPTH = 6;
const INT8 = 1, INT64 = 4, UINT8 = 5, UINT64 = 8, ARRAYS = 22, LAST_ARRAY = 34;
/** Name and datatype of the metric that asks an edge node for a new birth. */
const REBIRTH = 'Node Control/Rebirth', BOOLEAN = 11;
const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/** Reads a payload. Fault `bad-encoding` for what is none, `too-many`. */
export function readPayload(bytes: Uint8Array): Payload {
  const payload: Payload = { metrics: [] };
  try {
    const count = { left: MOST_METRICS };
    fields(bytes, (tag, pbf) => {
      switch (tag) {
        case 1: return setTime(payload, pbf);
        case 2: return void payload.metrics.push(readMetric(nested(pbf), 0, count));
        case 3: payload.seq = Number(integer(pbf));
      }
    });
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  return payload;
}

/** A payload that asks an edge node for a new birth. `now`: ms since 1970. */
export function rebirthPayload(now: number): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, now);
  pbf.writeMessage(2, (_, metric) => {
    metric.writeStringField(1, REBIRTH);
    metric.writeVarintField(3, now);
    metric.writeVarintField(4, BOOLEAN);
    metric.writeBooleanField(14, true);
  }, undefined);
  return pbf.finish();
}

function wrong(what: string): Fault {
  return new Fault('bad-encoding', `the payload is no Sparkplug B (${what})`);
}

/** Calls `read` with each field of a message, which takes it or leaves it. */
function fields(bytes: Uint8Array, read: (tag: number, pbf: PbfReader) => void): void {
  new PbfReader(bytes).readFields((tag, _, pbf) => {
    read(tag, pbf);
    // The reader itself does not mind reading what is not there.
    if (pbf.pos > bytes.length) throw wrong('it ends in the middle of a field');
  }, undefined);
}

function expect(pbf: PbfReader, type: number): void {
  if (pbf.type !== type) throw wrong('a field is of another kind than it must be');
}

function nested(pbf: PbfReader): Uint8Array {
  expect(pbf, BYTES);
  const bytes = pbf.readBytes();
  if (pbf.pos > pbf.length) throw wrong('it ends in the middle of a field');
  return bytes;
}

/** Whole numbers have up to 64 bits here, more than a number can hold. */
function integer(pbf: PbfReader): bigint {
  expect(pbf, VARINT);
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = pbf.buf[pbf.pos++];
    if (byte === undefined) throw wrong('it ends in the middle of a number');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw wrong('a number has more than 64 bits');
}

function text(pbf: PbfReader): string {
  const bytes = nested(pbf);
  if (!isUtf8(bytes)) throw wrong('a text is not UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function setTime(target: { timestamp?: number }, pbf: PbfReader): void {
  const ms = Number(integer(pbf));
  // A clock that was never set counts from 1970, or from anywhere.
  if (ms >= 946_684_800_000 && ms <= 4_102_444_800_000) target.timestamp = ms;
}

function readMetric(bytes: Uint8Array, depth: number, count: { left: number }): Metric {
  if (count.left-- <= 0) throw new Fault('too-many', `the payload has more than ${MOST_METRICS} metrics`);
  if (depth > MOST_DEPTH) throw new Fault('bad-value', `more than ${MOST_DEPTH} templates inside each other`);
  const metric: Metric = { historical: false, raw: undefined };
  let isNull = false;
  fields(bytes, (tag, pbf) => {
    switch (tag) {
      case 1: return void (metric.name = text(pbf));
      case 2: return void (metric.alias = String(integer(pbf)));
      case 3: return setTime(metric, pbf);
      case 4: return void (metric.datatype = Number(integer(pbf)));
      case 5: return void (metric.historical = integer(pbf) !== 0n);
      case 7: return void (isNull = integer(pbf) !== 0n);
      case 16: return void (metric.raw = { kind: 'bytes', value: new Uint8Array(nested(pbf)) });
      case 17: return void (metric.raw = readDataSet(nested(pbf), count));
      case 18: return void (metric.raw = readTemplate(nested(pbf), depth, count));
      default: metric.raw = plain(tag - 10, pbf) ?? metric.raw;
    }
  });
  if (isNull) metric.raw = { kind: 'null' };
  return metric;
}

/** The plain values, which stand in one order wherever there are some; undefined for another field. */
function plain(place: number, pbf: PbfReader): Raw | undefined {
  switch (place) {
    case 0: case 1: return { kind: 'integer', value: integer(pbf) };
    case 2:
      expect(pbf, FIXED32);
      return { kind: 'float', value: pbf.readFloat() };
    case 3:
      expect(pbf, FIXED64);
      return { kind: 'double', value: pbf.readDouble() };
    case 4: return { kind: 'boolean', value: integer(pbf) !== 0n };
    case 5: return { kind: 'text', value: text(pbf) };
    default: return undefined;
  }
}

function readDataSet(bytes: Uint8Array, count: { left: number }): Raw {
  const set: Raw = { kind: 'dataset', columns: [], types: [], rows: [] };
  fields(bytes, (tag, pbf) => {
    switch (tag) {
      case 2: return void set.columns.push(text(pbf));
      case 3:
        // Packed or not: writers differ.
        if (pbf.type === BYTES) for (const each of nested(pbf)) set.types.push(each);
        else set.types.push(Number(integer(pbf)));
        return;
      case 4: {
        const row: (Raw | undefined)[] = [];
        fields(nested(pbf), (inner, cells) => {
          if (inner !== 1) return;
          if (count.left-- <= 0) throw new Fault('too-many', `the payload has more than ${MOST_METRICS} values`);
          let cell: Raw | undefined;
          fields(nested(cells), (place, value) => void (cell = plain(place - 1, value) ?? cell));
          row.push(cell);
        });
        set.rows.push(row);
      }
    }
  });
  return set;
}

function readTemplate(bytes: Uint8Array, depth: number, count: { left: number }): Raw {
  const metrics: Metric[] = [];
  fields(bytes, (tag, pbf) => {
    if (tag === 2) metrics.push(readMetric(nested(pbf), depth + 1, count));
  });
  return { kind: 'template', metrics };
}

/** The value of what was sent, with its datatype (0: not known). Whole numbers that cannot be kept exactly, and what is no number (NaN), become text. */
export function metricValue(raw: Raw | undefined, datatype: number): unknown {
  if (raw === undefined) return null;
  switch (raw.kind) {
    case 'null': return null;
    case 'integer': return exact(datatype >= INT8 && datatype <= INT64 ? BigInt.asIntN(8 << (datatype - INT8), raw.value) : datatype >= UINT8 && datatype <= UINT64 ? BigInt.asUintN(8 << (datatype - UINT8), raw.value) : raw.value);
    case 'float': return decimal(raw.value, true);
    case 'double': return decimal(raw.value, false);
    case 'bytes': return datatype >= ARRAYS && datatype <= LAST_ARRAY ? arrayValue(raw.value, datatype - ARRAYS, exact, decimal) : raw.value;
    case 'dataset': return { columns: raw.columns, rows: raw.rows.map((row) => row.map((each, at) => metricValue(each, raw.types[at] ?? 0))) };
    case 'template': return Object.fromEntries(raw.metrics.map((each) => [each.name ?? `alias ${each.alias ?? '?'}`, metricValue(each.raw, each.datatype ?? 0)]));
    default: return raw.value;
  }
}

function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** A number; of one with 32 bits the shortest that stands for the same: 20.1, not 20.100000381469727. */
function decimal(value: number, short: boolean): number | string {
  if (!Number.isFinite(value)) return String(value);
  if (short) for (let digits = 6; digits <= 9; digits++) if (Math.fround(Number(value.toPrecision(digits))) === value) return Number(value.toPrecision(digits));
  return value;
}
