// Lines of plain text as readings: the line itself, or what the named groups of a regular expression find in it.

import vm from 'node:vm';
import { Fault } from '../../src/fault.ts';
import { fieldRules, fieldValue } from './input-csv.ts';
import type { LineDecoder } from './input-lines.ts';
import { type Options, textOption } from './input-option.ts';

/** The options of this format, besides those that it shares with CSV. */
export const TEXT_OPTIONS = ['pattern'] as const;

/** Characters of a line that a pattern is tried on, and how long it may take, in milliseconds. */
const PATTERN_CHARS = 4_096, PATTERN_MS = 100;
/** A pattern that took too long rests for this many times as long: it may cost the node one part in 20 of its time. */
const REST = 20;
/** Ways of trying a pattern that take no more than some milliseconds. */
const HARMLESS_WAYS = 1_000_000;

/**
 * Text. Without `pattern` the line is the value. With it, the named groups are the fields; a line on which it does not match is refused. Numbers are recognised as in CSV,
 * where `text_columns`, `number_columns` and `decimal` name groups. A pattern can be such that some lines take for ever (`(a+)+$`): it is stopped after 100 ms, the line refused,
 * and no line tried for two seconds. Fault `bad-config` for a pattern that is none, or has no named group.
 */
export function textDecoder(options: Options): LineDecoder {
  const pattern = textOption(options, 'pattern');
  if (pattern === undefined) return { decode: (line) => [{ value: line, raw: line }] };
  const rules = fieldRules(options);
  const find = guarded(pattern);
  return {
    decode(line, now) {
      if (line.length > PATTERN_CHARS) throw new Fault('too-large', `the line is longer than the ${PATTERN_CHARS} characters that a pattern is tried on`);
      const groups = find(line, now);
      if (groups === undefined) throw new Fault('bad-encoding', 'the pattern does not match the line');
      const value: [string, unknown][] = [];
      for (const [name, text] of Object.entries(groups)) {
        const read = text === undefined ? undefined : fieldValue(name, text, false, rules);
        if (read !== undefined) value.push([name, read]);
      }
      return [{ value: Object.fromEntries(value), raw: line }];
    },
  };
}

/**
 * The most ways in which a pattern can be tried on a line of so many characters; undefined for one with repetitions inside repetitions or references back, of which that cannot be said.
 * A repetition may end in as many places as the line has, an optional part is there or not, an alternative is one of several, and without ^ at the start any place may be the first.
 */
function waysOf(pattern: string): ((chars: number) => number) | undefined {
  if (/\\(k<|[1-9])/.test(pattern)) return undefined;
  const bare = pattern.replace(/\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|[^])/g, 'x').replace(/\[[^\]]*\]/g, 'x').replace(/\(\?(?:<[=!]|[=!:]|<[^>]*>)/g, '(');
  if (/\)[*+{]/.test(bare)) return undefined;
  let power = bare.startsWith('^') && !bare.includes('|') ? 0 : 1, factor = 1;
  for (const [repetition] of bare.matchAll(/(?:[*+]|\{\d+(?:,\d*)?\})\??|\?|\|/g)) {
    if (repetition === '|' || repetition === '?') factor *= 2;
    else if (!/^\{\d+\}/.test(repetition)) power++;
  }
  return (chars) => factor * (chars + 1) ** power;
}

/** Tries the pattern where it can be stopped, as a regular expression cannot be otherwise; that costs about 0.1 ms a line, so it is left out where little can go wrong. */
function guarded(pattern: string): (line: string, now: number) => { [name: string]: string | undefined } | undefined {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'u');
    // Tried on nothing, it tells the names of its groups.
    const groups = new RegExp(`${pattern}|`, 'u').exec('')?.groups;
    if (groups === undefined) throw new SyntaxError('it has no named group, such as (?<level>[0-9.]+)');
  } catch (error) {
    throw new Fault('bad-config', `pattern ${JSON.stringify(pattern.slice(0, 80))} cannot be used: ${(error as Error).message}.`, { cause: error });
  }
  const sandbox: { expression: RegExp; line: string } = vm.createContext({ expression, line: '' }) as { expression: RegExp; line: string };
  const script = new vm.Script('expression.exec(line)');
  const ways = waysOf(pattern);
  let rests = -Infinity;
  return (line, now) => {
    if (ways !== undefined && ways(line.length) <= HARMLESS_WAYS) return expression.exec(line)?.groups;
    if (now < rests) throw new Fault('busy', 'the pattern took too long on a line before this one, and rests; write it without repetitions inside repetitions');
    sandbox.line = line;
    try {
      const match = script.runInContext(sandbox as unknown as vm.Context, { timeout: PATTERN_MS }) as RegExpExecArray | null;
      return match?.groups;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      rests = now + PATTERN_MS * (REST + 1);
      throw new Fault('timeout', `the pattern takes longer than ${PATTERN_MS} ms on this line; write it without repetitions inside repetitions`);
    }
  };
}
