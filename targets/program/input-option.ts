// One option of an input's settings, read as what it must be, with a sentence for what it is not.

import { Fault } from '../../src/fault.ts';

/** The settings of one input, as its table in the configuration has them. */
export interface Options { [name: string]: unknown }

/** Says what is wrong with an option. Fault `bad-config`. */
export function wrongOption(name: string, wanted: string, value: unknown): never {
  throw new Fault('bad-config', `${name} is ${(JSON.stringify(value) ?? String(value)).slice(0, 80)}; ${wanted}.`);
}

/** Text that is not empty, or undefined where the option is not set. Fault `bad-config`. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  return typeof value === 'string' && value !== '' ? value : wrongOption(name, 'it must be text in quotes', value);
}

/** One of several words; the first is the default. Fault `bad-config`. */
export function wordOption<Word extends string>(options: Options, name: string, words: readonly [Word, ...Word[]]): Word {
  const value = options[name] ?? words[0];
  return words.find((word) => word === value) ?? wrongOption(name, `it can be ${words.map((word) => `"${word}"`).join(', ')}`, value);
}

/** True or false; false where it is not set. Fault `bad-config`. */
export function switchOption(options: Options, name: string): boolean {
  const value = options[name] ?? false;
  return typeof value === 'boolean' ? value : wrongOption(name, 'it must be true or false', value);
}

/** A number from `least` to `most`; `otherwise` where it is not set. Fault `bad-config`. */
export function numberOption<Otherwise extends number | undefined>(options: Options, name: string, least: number, most: number, otherwise: Otherwise): number | Otherwise {
  const value = options[name];
  if (value === undefined) return otherwise;
  return typeof value === 'number' && value >= least && value <= most ? value : wrongOption(name, `it must be a number from ${least} to ${most}`, value);
}

/** A list of texts that are not empty, each once; undefined where it is not set. Fault `bad-config`. */
export function listOption(options: Options, name: string): string[] | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0 || !value.every((each): each is string => typeof each === 'string' && each !== '')) wrongOption(name, 'it must be a list of texts, ["a", "b"]', value);
  const twice = value.find((each, at) => value.indexOf(each) !== at);
  if (twice !== undefined) throw new Fault('bad-config', `${name} has ${JSON.stringify(twice)} twice.`);
  return value;
}
