// Templates of names: text in which {field} stands for a field of a reading, or for a word that its source gives.

import { Fault } from '../../src/fault.ts';

/** Text, and names of what goes between: text first and last, so one more of it than of names. */
export interface Template { texts: string[]; names: string[] }

/** Reads a template; `{{` and `}}` stand for braces. Fault `bad-config`. */
export function parseTemplate(written: string): Template {
  const texts = [''], names: string[] = [];
  for (let at = 0; at < written.length;) {
    const c = written[at]!;
    if ((c === '{' || c === '}') && written[at + 1] === c) {
      texts[texts.length - 1] += c;
      at += 2;
    } else if (c === '{') {
      const end = written.indexOf('}', at);
      const name = end < 0 ? '' : written.slice(at + 1, end);
      if (name.trim() === '' || name.includes('{')) throw new Fault('bad-config', `${JSON.stringify(written.slice(0, 80))} has a { without a name and a } after it; write {{ for a brace`);
      names.push(name);
      texts.push('');
      at = end + 1;
    } else if (c === '}') {
      throw new Fault('bad-config', `${JSON.stringify(written.slice(0, 80))} has a } without a { before it; write }} for a brace`);
    } else {
      texts[texts.length - 1] += c;
      at++;
    }
  }
  return { texts, names };
}

/**
 * The text of a template; `find` gives what a name stands for. Text, numbers and booleans can stand there. `what` is named in the reason.
 * Fault `bad-event`.
 */
export function fillTemplate({ texts, names }: Template, find: (name: string) => unknown, what: string): string {
  let out = texts[0]!;
  for (let i = 0; i < names.length; i++) {
    const found = find(names[i]!);
    switch (typeof found) {
      case 'string': out += found; break;
      case 'number': case 'boolean': case 'bigint': out += String(found); break;
      case 'undefined': throw new Fault('bad-event', `it has no ${JSON.stringify(names[i]!.slice(0, 64))}, which the ${what} needs`);
      default: throw new Fault('bad-event', `its ${JSON.stringify(names[i]!.slice(0, 64))} is neither text nor a number, so it cannot stand in the ${what}`);
    }
    out += texts[i + 1]!;
  }
  return out;
}

/** A field by its name; where there is none of that name, what a path of dotted names leads to. Undefined when nothing does. */
export function fieldAt(fields: { readonly [name: string]: unknown }, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name];
  if (!name.includes('.')) return undefined;
  let at: unknown = fields;
  for (const step of name.split('.')) {
    if (at === null || typeof at !== 'object' || at instanceof Uint8Array || !Object.hasOwn(at, step)) return undefined;
    at = (at as { [step: string]: unknown })[step];
  }
  return at;
}
