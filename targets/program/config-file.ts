// The configuration file, D/holdfast.toml: what stands in it, with the line of every mistake.

import { parse, TomlError } from 'smol-toml';
import { Fault } from '../../src/fault.ts';
import { parseLinks } from './link-settings.ts';
import { checkSetting, type Declared } from './settings.ts';

/** The line of a file on which a top-level key stands for the first time, or for one more time for each of `skip`, from 1; undefined when it cannot be seen. */
function lineOf(text: string, key: string, skip = 0): number | undefined {
  let left = skip;
  const index = text.split('\n').findIndex((line) => {
    const name = /^\s*(?:\[+\s*)?("([^"]*)"|'([^']*)'|[A-Za-z0-9_-]+)/.exec(line);
    return name !== null && (name[2] ?? name[3] ?? name[1]) === key && left-- === 0;
  });
  return index < 0 ? undefined : index + 1;
}

/** Reads the text of a configuration file. Fault: `bad-config`, naming the line. */
export async function parseConfig(text: string, path: string): Promise<{ [name: string]: unknown }> {
  let table: { [name: string]: unknown };
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new Fault('bad-config', `${path}, line ${error.line}: ${error.message.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '')}.`, { cause: error });
  }
  const found: { [name: string]: unknown } = {};
  for (const [name, value] of Object.entries(table)) {
    if (name === 'input' || name === 'link') {
      const tableAt = (index: number): string => `${path}, line ${lineOf(text, name, index) ?? lineOf(text, name) ?? '?'}`;
      found[name] = name === 'link' ? await parseLinks(value, tableAt) : { tables: value, where: tableAt } satisfies Declared;
      continue;
    }
    const line = lineOf(text, name);
    const where = line === undefined ? path : `${path}, line ${line}`;
    found[name] = await checkSetting(name, value, where);
  }
  return found;
}
