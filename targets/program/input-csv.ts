// Lines of CSV as readings: columns by name, quoting by RFC 4180, numbers recognised where nothing is lost by it.

import { Fault } from '../../src/fault.ts';
import type { LineDecoder } from './input-lines.ts';
import { listOption, type Options, textOption, wordOption, wrongOption } from './input-option.ts';

/** The options of this format. */
export const CSV_OPTIONS = ['columns', 'separator', 'decimal', 'text_columns', 'number_columns'] as const;

/** Columns of one line at most. */
const MOST_COLUMNS = 1_024;

/** How the text of a field becomes a value. */
export interface FieldRules { text: Set<string>; number: Set<string>; comma: boolean }

/**
 * CSV. `columns`: names of the columns in their order, "" for one that is left out; or the first line has them. `separator`: one character, "," by default.
 * `decimal`: "." or ",". `text_columns` stay text whatever stands there, `number_columns` must hold numbers. A quoted field ends on its line. Fault `bad-config`.
 */
export function csvDecoder(options: Options): LineDecoder {
  const separator = textOption(options, 'separator') ?? ',';
  if (separator.length !== 1 || '"\r\n'.includes(separator)) wrongOption('separator', 'it must be one character, and no quotation mark', separator);
  const rules = fieldRules(options);
  let columns = givenColumns(options);
  const missing = columns === undefined ? undefined : [...rules.text, ...rules.number].find((name) => !columns!.includes(name));
  if (missing !== undefined) throw new Fault('bad-config', `There is no column ${JSON.stringify(missing)} in columns.`);
  if (rules.comma && separator === ',') throw new Fault('bad-config', 'decimal and separator cannot both be a comma.');
  return {
    decode(line) {
      const fields = splitCsv(line, separator);
      if (columns === undefined) {
        const names = fields.map(({ text }) => text.trim());
        checkNames(names);
        checkHeader(names, rules);
        columns = names;
        return [];
      }
      // A device that starts again says its header again.
      if (fields.length === columns.length && fields.every(({ text }, at) => text.trim() === columns![at])) return [];
      // A separator at the end of every line is a habit of some loggers.
      if (fields.length === columns.length + 1 && fields.at(-1)!.text === '') fields.pop();
      if (fields.length !== columns.length) throw new Fault('bad-encoding', `${fields.length} columns instead of ${columns.length}`);
      const value: [string, unknown][] = [];
      fields.forEach(({ text, quoted }, at) => {
        const name = columns![at]!;
        if (name === '') return;
        const read = fieldValue(name, text, quoted, rules);
        if (read !== undefined) value.push([name, read]);
      });
      return [{ value: Object.fromEntries(value), raw: line }];
    },
    get wantsHeader() {
      return columns === undefined;
    },
  };
}

function givenColumns(options: Options): string[] | undefined {
  const { columns } = options;
  if (columns === undefined) return undefined;
  if (!Array.isArray(columns) || columns.length === 0 || !columns.every((each): each is string => typeof each === 'string')) wrongOption('columns', 'it must be a list of names, ["time", "level"]', columns);
  try {
    checkNames(columns);
  } catch (error) {
    throw new Fault('bad-config', `columns: ${(error as Error).message}.`, { cause: error });
  }
  return columns;
}

function checkNames(names: string[]): void {
  if (names.length > MOST_COLUMNS) throw new Fault('too-many', `${names.length} columns; ${MOST_COLUMNS} are the most`);
  if (names.every((name) => name === '')) throw new Fault('bad-encoding', 'no column has a name');
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) !== at);
  if (twice !== undefined) throw new Fault('bad-encoding', `two columns are called ${JSON.stringify(twice.slice(0, 64))}`);
}

/** A line of readings is not taken for the names of columns. */
function checkHeader(names: string[], rules: FieldRules): void {
  const number = names.find((name) => readNumber(name, true) !== undefined);
  if (number !== undefined) throw new Fault('bad-encoding', `${number.slice(0, 40)} is no name of a column; where the first line does not name them, write columns = [...]`);
  const missing = [...rules.text, ...rules.number].find((name) => !names.includes(name));
  if (missing !== undefined) throw new Fault('bad-encoding', `the first line names no column ${JSON.stringify(missing)}`);
}

/** What the options say of fields that are text. Fault `bad-config`. */
export function fieldRules(options: Options): FieldRules {
  const text = new Set(listOption(options, 'text_columns')), number = new Set(listOption(options, 'number_columns'));
  for (const name of text) if (number.has(name)) throw new Fault('bad-config', `${JSON.stringify(name)} is both in text_columns and in number_columns.`);
  return { text, number, comma: wordOption(options, 'decimal', ['.', ',']) === ',' };
}

/** The value of a field: undefined where it is empty, a number where it is written as one and no digit is lost, otherwise text. Fault `bad-value`. */
export function fieldValue(name: string, written: string, quoted: boolean, rules: FieldRules): string | number | undefined {
  if (rules.text.has(name)) return written === '' && !quoted ? undefined : written;
  const must = rules.number.has(name);
  if (quoted && !must) return written;
  const text = written.trim();
  if (text === '') return undefined;
  const number = readNumber(rules.comma ? text.replace(',', '.') : text, must);
  if (number === undefined && must) throw new Fault('bad-value', `${name.slice(0, 64)} is ${JSON.stringify(written.slice(0, 64))}, which is not a number`);
  return number ?? text;
}

/** The number that a text is, or undefined: also for whole numbers that would lose digits, and (unless `zeros`) leading zeros, as marks of things have. */
function readNumber(text: string, zeros: boolean): number | undefined {
  const parts = /^[+-]?(\d*)(\.\d*)?([eE][+-]?\d{1,3})?$/.exec(text);
  if (parts === null) return undefined;
  const [, whole, fraction, exponent] = parts as unknown as [string, string, string | undefined, string | undefined];
  if (whole === '' && (fraction === undefined || fraction === '.')) return undefined;
  const plain = fraction === undefined && exponent === undefined;
  if (plain && !zeros && whole.length > 1 && whole.startsWith('0')) return undefined;
  const number = Number(text);
  return !Number.isFinite(number) || (plain && !Number.isSafeInteger(number)) ? undefined : number === 0 ? 0 : number;
}

/** The fields of one line. Fault `bad-encoding` where quotation marks do not pair, `too-many`. */
function splitCsv(line: string, separator: string): { text: string; quoted: boolean }[] {
  const fields: { text: string; quoted: boolean }[] = [];
  let at = 0;
  for (;;) {
    if (fields.length > MOST_COLUMNS) throw new Fault('too-many', `more than ${MOST_COLUMNS} columns`);
    if (line[at] === '"') {
      let text = '';
      for (at++; ;) {
        const end = line.indexOf('"', at);
        if (end < 0) throw new Fault('bad-encoding', `column ${fields.length + 1} has a quotation mark that is not closed on its line`);
        text += line.slice(at, end);
        at = end + 1;
        if (line[at] !== '"') break;
        text += '"';
        at++;
      }
      if (at < line.length && line[at] !== separator) throw new Fault('bad-encoding', `column ${fields.length + 1} goes on after its closing quotation mark`);
      fields.push({ text, quoted: true });
    } else {
      const end = line.indexOf(separator, at);
      fields.push({ text: line.slice(at, end < 0 ? line.length : end), quoted: false });
      at = end < 0 ? line.length : end;
    }
    if (at >= line.length) return fields;
    at++;
    if (at === line.length) {
      fields.push({ text: '', quoted: false });
      return fields;
    }
  }
}
