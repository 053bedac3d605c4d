// AIS messages out of the packed sentences that carry them: who speaks, and where they are.

import { Fault } from '../../src/fault.ts';
import type { Sentence } from './input-nmea-sentence.ts';

/** Six-bit characters of a message at most: five slots of the air, and some more. */
const MOST_CHARS = 512;

/** Bits of a message, read from the first one on. */
interface Bits {
  length: number;
  unsigned(at: number, width: number): number;
  signed(at: number, width: number): number;
  text(at: number, chars: number): string;
}

function bitsOf(payload: string, fill: number): Bits {
  const six = new Uint8Array(payload.length);
  for (let i = 0; i < payload.length; i++) {
    const c = payload.charCodeAt(i) - 48;
    const value = c > 40 ? c - 8 : c;
    if (c < 0 || (c > 39 && c < 48) || value > 63) throw new Fault('bad-encoding', `${JSON.stringify(payload[i])} is no character of an AIS message`);
    six[i] = value;
  }
  const bits: Bits = {
    length: payload.length * 6 - fill,
    unsigned(at, width) {
      let value = 0;
      for (let i = at; i < at + width; i++) value = value * 2 + ((six[Math.floor(i / 6)] ?? 0) >> (5 - i % 6) & 1);
      return value;
    },
    signed(at, width) {
      const value = bits.unsigned(at, width);
      return value >= 2 ** (width - 1) ? value - 2 ** width : value;
    },
    text(at, chars) {
      let out = '';
      for (let i = 0; i < chars; i++) {
        const c = bits.unsigned(at + i * 6, 6);
        if (c === 0) break;
        out += String.fromCharCode(c < 32 ? c + 64 : c);
      }
      return out.trimEnd();
    },
  };
  return bits;
}

/** What a message says in one place; undefined: what stands there means "not known". */
type Part = (bits: Bits, value: Map<string, unknown>) => void;

function num(name: string, at: number, width: number, scale: number, unknown: number, signed = false): Part {
  return (bits, value) => {
    if (at + width > bits.length) return;
    const raw = signed ? bits.signed(at, width) : bits.unsigned(at, width);
    if (raw !== unknown) value.set(name, raw / scale);
  };
}

function text(name: string, at: number, chars: number): Part {
  return (bits, value) => {
    const written = at + chars * 6 > bits.length + 5 ? '' : bits.text(at, chars);
    if (written !== '') value.set(name, written);
  };
}

/** Longitude and latitude of 28 and 27 bits, in degrees with the six digits that 1/10,000 of a minute is worth. */
function place(at: number): Part {
  return (bits, value) => {
    if (at + 55 > bits.length) return;
    const longitude = bits.signed(at, 28) / 600_000, latitude = bits.signed(at + 28, 27) / 600_000;
    if (Math.abs(longitude) > 180 || Math.abs(latitude) > 90) return;
    value.set('latitude_deg', Math.round(latitude * 1e6) / 1e6).set('longitude_deg', Math.round(longitude * 1e6) / 1e6);
  };
}

/** Speed, place, course and heading, one after the other, as types 1, 2, 3, 18 and 19 have them. */
const moving = (at: number): Part[] => [num('speed_kn', at, 10, 10, 1_023), place(at + 11), num('course_true_deg', at + 66, 12, 10, 3_600), num('heading_true_deg', at + 78, 9, 1, 511)];
const classA = [num('navigation_status', 38, 4, 1, 15), ...moving(50)];
const MESSAGES: { [type: number]: Part[] } = {
  1: classA, 2: classA, 3: classA,
  4: [place(79)],
  5: [num('imo', 40, 30, 1, 0), text('call_sign', 70, 7), text('name', 112, 20), num('ship_type', 232, 8, 1, 0), num('draught_m', 294, 8, 10, 0), text('destination', 302, 20)],
  9: [num('altitude_m', 38, 12, 1, 4_095), num('speed_kn', 50, 10, 1, 1_023), place(61), num('course_true_deg', 116, 12, 10, 3_600)],
  11: [place(79)],
  18: moving(46),
  19: [...moving(46), text('name', 143, 20), num('ship_type', 263, 8, 1, 0)],
  21: [num('aid_type', 38, 5, 1, 0), text('name', 43, 20), place(164)],
  24: [num('part', 38, 2, 1, -1), (bits, value) => {
    const parts = bits.unsigned(38, 2) === 0 ? [text('name', 40, 20)] : [num('ship_type', 40, 8, 1, 0), text('call_sign', 90, 7)];
    for (const part of parts) part(bits, value);
  }],
};

/** What the sentences of one AIS message say: its type, its station (`mmsi`), its usual fields, and the packed message itself. Fault `bad-encoding`, `too-large`. */
export function aisValue(sentences: Sentence[]): Map<string, unknown> {
  const payload = sentences.map(({ fields }) => fields[4] ?? '').join('');
  if (payload.length > MOST_CHARS) throw new Fault('too-large', `the AIS message has more than ${MOST_CHARS} characters`);
  const written = sentences.at(-1)!.fields[5] ?? '';
  if (!/^[0-5]?$/.test(written)) throw new Fault('bad-encoding', `${JSON.stringify(written.slice(0, 16))} is no number of fill bits`);
  const bits = bitsOf(payload, Number(written));
  if (bits.length < 38) throw new Fault('bad-encoding', 'the AIS message is too short to say whose it is');
  const type = bits.unsigned(0, 6);
  const value = new Map<string, unknown>([['message', type], ['mmsi', String(bits.unsigned(8, 30)).padStart(9, '0')]]);
  const channel = sentences[0]!.fields[3];
  if (channel !== undefined && channel !== '') value.set('channel', channel);
  for (const part of MESSAGES[type] ?? []) part(bits, value);
  return value.set('payload', payload).set('fill_bits', Number(written));
}
