// Bytes of a source cut into lines, and each line read as JSON, CSV, text or NMEA 0183, in bounded memory, with a reason for every line that cannot be used.

import { isUtf8 } from 'node:buffer';
import { codeOf, Fault } from '../../src/fault.ts';
import { VALUE_DEPTH } from '../../src/limits.ts';
import type { InputContext, Reading } from './input.ts';
import { csvDecoder, CSV_OPTIONS } from './input-csv.ts';
import { nmeaDecoder, NMEA_OPTIONS } from './input-nmea.ts';
import { type Options, textOption, wordOption } from './input-option.ts';
import { textDecoder, TEXT_OPTIONS } from './input-text.ts';
import { checkNumbers } from './ndjson.ts';

/** Bytes of one line at most, and of the sample that is kept of a longer one. */
export const INPUT_LINE_BYTES = 65_536, SAMPLE_BYTES = 512;

/** The options that say how lines are read; every input of lines has them. */
export const LINE_OPTIONS: readonly string[] = ['format', 'comment', ...CSV_OPTIONS, ...TEXT_OPTIONS, ...NMEA_OPTIONS];

/** The type of events where the configuration names none, for inputs of lines and all others: of NMEA 0183 the sentence. */
export function lineType(options: Options): string {
  return options['format'] === 'nmea' ? '{sentence}' : 'reading';
}

/** Reads lines of one format. Times are in milliseconds of a clock that only goes forward. */
export interface LineDecoder {
  /** The readings that this line completes: none, one, or several. Throws a Fault for a line that cannot be used; `refuse` is for lines before it that turn out to be of no use. */
  decode(line: string, now: number, refuse: InputContext['refuse']): Reading[];
  /** What waits for lines that did not come is given up or let go: called at `due` or later, or with Infinity at the end of the source. */
  expire?(now: number, refuse: InputContext['refuse']): Reading[];
  /** When `expire` is next of use; undefined while nothing waits. */
  readonly due?: number | undefined;
  /** Whether the next line is not a reading, but names the columns of those that follow. */
  readonly wantsHeader?: boolean;
  /** Whether a line cannot be the rest of a longer one that lost its beginning, if it decodes. */
  provesWhole?(line: string): boolean;
}

/** The lines of one source, on their way to its context. */
export interface Lines {
  /** Takes bytes, cut anywhere; resolves when each line that they completed was accepted or refused. The next call waits for that. */
  push(chunk: Uint8Array): Promise<void>;
  /** The source ended: what stands after the last line break is a line too, and nothing waits any longer. */
  end(): Promise<void>;
  /** The source broke off: what it said of a line is refused. `midLine`: the next bytes may begin in the middle of one, and the first line counts only if it shows that it is whole. */
  broken(midLine: boolean): void;
  /** Bytes taken so far, up to the end of the last line that was dealt with: where to go on after a stop. */
  readonly settled: number;
  /** Whether the first line names the columns and has not come. A source that goes on in its middle pushes its first line before. */
  readonly wantsHeader: boolean;
}

/** Starts reading lines as the options of an input say. Fault `bad-config` for options that can never work. */
export function openLines(options: Options, context: InputContext): Lines {
  const decoder = lineDecoder(options);
  const comment = textOption(options, 'comment') ?? (options['format'] === 'nmea' ? '#' : undefined);
  const cutter = lineCutter();
  let settled = 0, first = true, doubtful = false, ended = false;
  let timer: NodeJS.Timeout | undefined;
  // Waiting readings come out between two lines, not within one.
  let turn: Promise<void> = Promise.resolve();
  const later = (work: () => Promise<void>): Promise<void> => turn = turn.then(work);

  async function take(cut: Cut): Promise<void> {
    const { bytes, refused } = cut;
    if (refused !== undefined) return context.refuse('too-large', refused, bytes);
    if (!isUtf8(bytes)) return context.refuse('bad-encoding', 'the line is not UTF-8', bytes);
    let line = bytes.toString('utf8');
    if (first && line.startsWith('\ufeff')) line = line.slice(1);
    first = false;
    const half = doubtful && decoder.provesWhole?.(line) !== true;
    doubtful = false;
    if (line.trim() === '' || (comment !== undefined && line.startsWith(comment))) return;
    if (half) return context.refuse('bad-encoding', 'its beginning may be missing: it was on its way when the source was opened', line);
    let readings: Reading[];
    try {
      readings = decoder.decode(line, performance.now(), context.refuse);
    } catch (error) {
      return context.refuse(codeOf(error), error instanceof Error ? error.message : String(error), line);
    }
    for (const reading of readings) await context.accept(reading);
  }
  async function expire(now: number): Promise<void> {
    for (const reading of decoder.expire?.(now, context.refuse) ?? []) await context.accept(reading);
  }
  function wait(): void {
    clearTimeout(timer);
    if (decoder.due === undefined || ended || context.signal.aborted) return;
    timer = setTimeout(() => void later(() => expire(performance.now()).then(wait)), Math.max(1, decoder.due - performance.now()));
    timer.unref();
  }
  return {
    push: (chunk) => later(async () => {
      for (const cut of cutter.push(chunk)) {
        if (context.signal.aborted) return;
        await take(cut);
        settled = cut.end ?? settled;
      }
      wait();
    }),
    end: () => later(async () => {
      ended = true;
      clearTimeout(timer);
      for (const cut of cutter.end()) {
        await take(cut);
        settled = cut.end ?? settled;
      }
      await expire(Infinity);
    }),
    // In its turn: bytes from before may still be on their way.
    broken: (midLine) => void later(() => {
      const rest = cutter.broken();
      if (rest !== undefined) context.refuse('bad-encoding', 'the source broke off in the middle of the line', rest);
      doubtful = midLine;
      return Promise.resolve();
    }),
    get settled() {
      return settled;
    },
    get wantsHeader() {
      return decoder.wantsHeader ?? false;
    },
  };
}

/** One line without its end, and the bytes of the source up to there; or the beginning of one that is refused, and why. */
export interface Cut { bytes: Buffer; end?: number; refused?: string }

/** Cuts bytes into lines that end in LF, CR or CRLF. A line that is too long is refused once, as soon as that is known, and skipped up to its end; never more than one line is held. */
export function lineCutter(): { push(chunk: Uint8Array): Generator<Cut>; end(): Generator<Cut>; broken(): Buffer | undefined } {
  let parts: Buffer[] = [];
  let held = 0, taken = 0;
  let skipping = false, afterReturn = false;
  function whole(): Buffer {
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, held);
    parts = [];
    held = 0;
    return bytes;
  }
  /** The beginning of a line that grew too long, once; undefined while it may still be one. */
  function keep(bytes: Buffer): Buffer | undefined {
    if (skipping || bytes.length === 0) return undefined;
    if (held + bytes.length <= INPUT_LINE_BYTES) {
      parts.push(bytes);
      held += bytes.length;
      return undefined;
    }
    const sample = Buffer.concat([...parts, bytes.subarray(0, SAMPLE_BYTES)]).subarray(0, SAMPLE_BYTES);
    parts = [];
    held = 0;
    skipping = true;
    return Buffer.from(sample);
  }
  const tooLong = (bytes: Buffer): Cut => ({ bytes, refused: `the line is longer than ${INPUT_LINE_BYTES} bytes` });
  return {
    * push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const before = taken;
      taken += bytes.length;
      let at = 0;
      while (at < bytes.length) {
        const end = lineEnd(bytes, at);
        // The second half of a CRLF ends nothing.
        if (end === at && afterReturn && bytes[at] === 10) {
          afterReturn = false;
          if (++at === bytes.length) yield { bytes: whole(), end: taken };
          continue;
        }
        afterReturn = false;
        // A copy of the tail: otherwise it would keep the whole chunk alive.
        const sample = keep(end < 0 ? Buffer.from(bytes.subarray(at)) : bytes.subarray(at, end));
        if (end < 0) {
          if (sample !== undefined) yield tooLong(sample);
          return;
        }
        afterReturn = bytes[end] === 13;
        at = end + 1;
        if (sample !== undefined) yield tooLong(sample);
        skipping = false;
        // Of a line that was skipped this is an empty one.
        yield { bytes: whole(), end: before + at };
      }
    },
    * end() {
      if (held > 0) yield { bytes: whole(), end: taken };
      skipping = afterReturn = false;
    },
    broken() {
      skipping = afterReturn = false;
      return held > 0 ? whole().subarray(0, SAMPLE_BYTES) : undefined;
    },
  };
}

/** Where the next CR or LF stands, or -1. */
function lineEnd(bytes: Buffer, from: number): number {
  const feed = bytes.indexOf(10, from);
  // CR alone is rare, so it is looked for only before the LF.
  const back = (feed < 0 ? bytes.subarray(from) : bytes.subarray(from, feed)).indexOf(13);
  return back < 0 ? feed : from + back;
}

function lineDecoder(options: Options): LineDecoder {
  switch (wordOption(options, 'format', ['json', 'csv', 'text', 'nmea'])) {
    // An object that lost its beginning is none any more; a number that did is another number.
    case 'json': return { decode: (line) => [{ value: readJson(line), raw: line }], provesWhole: (line) => line.trimStart().startsWith('{') };
    case 'csv': return csvDecoder(options);
    case 'text': return textDecoder(options);
    case 'nmea': return nmeaDecoder(options);
  }
}

/** One JSON value, nested no deeper than an event may. Faults: `bad-encoding`, `bad-value` (too deep, or a number that cannot be kept exactly). */
export function readJson(text: string): unknown {
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Fault('bad-encoding', `not JSON (${error instanceof Error ? error.message : String(error)})`, { cause: error });
  }
  checkNumbers(text);
  return value;
}

function checkDepth(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (c === 0x5b || c === 0x7b) {
      if (++depth > VALUE_DEPTH) throw new Fault('bad-value', `more than ${VALUE_DEPTH} arrays and objects inside each other`);
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
}
