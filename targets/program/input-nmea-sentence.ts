// One line of NMEA 0183 taken apart: tag block, address, fields, checksum.

import { Fault } from '../../src/fault.ts';

/** A sentence whose checksum is right, or that has none. */
export interface Sentence {
  /** Who speaks: GP, GN, II; P for what a maker defined for himself. */
  talker: string;
  /** What it says: GGA, RMC; of a maker's own sentence the whole address: PUBX. */
  kind: string;
  /** Whether it begins with `!`: what it carries is packed (AIS). */
  packed: boolean;
  fields: string[];
  /** From the tag block before the sentence: when a station received it (ms since 1970), and which. */
  time?: number;
  source?: string;
}

/** Characters of a sentence at most; the standard has 82, and receivers go beyond it. */
const SENTENCE_CHARS = 1_024;

/** Takes a line apart. `needsChecksum`: refuse lines without one; a wrong one is always refused. Fault `bad-encoding`, `too-large`. */
export function readSentence(line: string, needsChecksum: boolean): Sentence {
  const { tag, text } = splitTag(line.trim());
  const mark = text[0];
  if (mark !== '$' && mark !== '!') throw new Fault('bad-encoding', 'the line does not begin with $ or !');
  if (text.length > SENTENCE_CHARS) throw new Fault('too-large', `the sentence is longer than ${SENTENCE_CHARS} characters`);
  if (!/^[\x20-\x7e]*$/.test(text)) throw new Fault('bad-encoding', 'the sentence has characters that are not printable ASCII');
  const body = checked(text.slice(1), needsChecksum, 'the sentence');
  const [address, ...fields] = body.split(',') as [string, ...string[]];
  if (!/^[A-Z][A-Z0-9]{2,14}$/.test(address)) throw new Fault('bad-encoding', `${JSON.stringify(address.slice(0, 20))} is no talker and sentence`);
  const own = address.startsWith('P'), named = address.length >= 5;
  return {
    talker: own ? 'P' : named ? address.slice(0, 2) : '', kind: own || !named ? address : address.slice(2), packed: mark === '!', fields, ...tag,
  };
}

/** The text without its checksum, which must be right. */
function checked(text: string, needed: boolean, what: string): string {
  const star = text.lastIndexOf('*');
  if (star < 0) {
    if (needed) throw new Fault('bad-encoding', `${what} has no checksum`);
    return text;
  }
  const given = text.slice(star + 1);
  if (!/^[0-9A-Fa-f]{2}$/.test(given)) throw new Fault('bad-encoding', `${what} does not end in a checksum of two digits`);
  let sum = 0;
  for (let i = 0; i < star; i++) sum ^= text.charCodeAt(i);
  if (sum !== parseInt(given, 16)) throw new Fault('bad-encoding', `${what} has checksum ${given.toUpperCase()}, but its characters give ${sum.toString(16).toUpperCase().padStart(2, '0')}`);
  return text.slice(0, star);
}

/** Takes the tag block off: `\s:station,c:1577836800*hh\` before the sentence. */
function splitTag(line: string): { tag: { time?: number; source?: string }; text: string } {
  if (line[0] !== '\\') return { tag: {}, text: line };
  const end = line.indexOf('\\', 1);
  if (end < 0) throw new Fault('bad-encoding', 'the tag block is not closed');
  const tag: { time?: number; source?: string } = {};
  for (const part of checked(line.slice(1, end), false, 'the tag block').split(',')) {
    const value = part.slice(2);
    if (part.startsWith('s:') && /^[\x21-\x7e]{1,32}$/.test(value)) tag.source = value;
    // Seconds, or milliseconds as some write them.
    if (part.startsWith('c:') && /^\d{9,13}$/.test(value)) tag.time = Number(value) * (value.length > 10 ? 1 : 1_000);
  }
  return { tag, text: line.slice(end + 1) };
}
