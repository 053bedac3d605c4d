// The elements of a JSON array, one by one as text, so that a large one is never in memory as objects, and each can be judged alone.

import { Fault } from '../../src/fault.ts';
import { VALUE_DEPTH } from '../../src/limits.ts';

/** Deeper than any event may nest: what nests deeper is not looked into. */
const DEPTH = 4 * VALUE_DEPTH;

/**
 * The texts of the elements of an array, in order; they are only found, not checked. Fault `bad-encoding` when what stands between and around them is not that of
 * one array.
 */
export function* elementsOf(text: string): Generator<string> {
  let at = skipBlank(text, 0);
  if (text[at] !== '[') throw new Fault('bad-encoding', 'not a JSON array');
  at = skipBlank(text, at + 1);
  if (text[at] === ']') return end(text, at + 1);
  for (;;) {
    const from = at;
    at = elementEnd(text, at);
    yield text.slice(from, at).trimEnd();
    if (text[at] === ']') return end(text, at + 1);
    at = skipBlank(text, at + 1);
  }
}

/** The comma or bracket behind an element. */
function elementEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: at = stringEnd(text, at); break;
      case 0x5b: case 0x7b: if (++depth > DEPTH) throw new Fault('bad-encoding', `it nests more than ${DEPTH} deep`); break;
      case 0x7d: if (--depth < 0) throw broken(at); break;
      case 0x5d: if (depth === 0) return at; depth--; break;
      case 0x2c: if (depth === 0) return at; break;
      default: break;
    }
  }
  throw new Fault('bad-encoding', 'the JSON array does not end');
}

/** The quotation mark that ends a string. */
function stringEnd(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  throw new Fault('bad-encoding', 'the JSON array does not end');
}

function skipBlank(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return at;
}

function end(text: string, at: number): void {
  if (skipBlank(text, at) !== text.length) throw broken(at);
}

function broken(at: number): Fault {
  return new Fault('bad-encoding', `the JSON array is broken at character ${at + 1}`);
}
