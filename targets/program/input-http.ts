// An input of what is posted over HTTP: JSON, lines of JSON, or CBOR; the answer says what became durable.

import { codeOf, Fault } from '../../src/fault.ts';
import { foreignItems, foreignValue } from './foreign-cbor.ts';
import type { InputKind, NodeContext, Posted, Reading } from './input.ts';
import { openLines, readJson } from './input-lines.ts';

/** Bytes and readings of one body, and bodies that are taken at a time. */
export const POST_BYTES = 1_048_576, POST_READINGS = 10_000;
const POSTS = 4;
/** Reasons that one answer names. */
const REASONS = 10;
/** How long an answer waits for the disk. */
const DURABLE_MS = 30_000;

/** What says JSON, lines of it, and CBOR. */
const JSON_TYPES = ['application/json', 'text/json'];
const LINE_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/json-seq'];
const CBOR_TYPES = ['application/cbor', 'application/cbor-seq'];

export const httpInput: InputKind = {
  options: [],
  // Who posts is told that nothing can be recorded, and keeps what it has.
  waits: true,
  prompt: () => true,
  start(_options, context) {
    let posts = 0;
    context.state(true, 'waits for posts');
    return Promise.resolve({
      stop: () => Promise.resolve(),
      async post(contentType, body) {
        if (body.length > POST_BYTES) throw new Fault('too-large', `The body has ${body.length} bytes; ${POST_BYTES} are the most.`);
        if (posts >= POSTS) throw new Fault('busy', `${POSTS} other posts are being recorded; try again soon.`);
        posts++;
        return take(contentType, body, context, () => posts--);
      },
    });
  },
};

/** Hands over what is in a body, and waits until all of it is settled; `ended` is called when no more of it is held. Faults as `RunningInput.post`, and `timeout`. */
async function take(contentType: string, body: Uint8Array, context: NodeContext, ended: () => void): Promise<Posted> {
  const posted: Posted = { accepted: 0, refused: 0, reasons: [] };
  let index = 0, open = 0, lost = '', gone = false;
  let wake = () => {};
  const refused = (at: number, code: string, reason: string): void => {
    posted.refused++;
    if (posted.reasons.length < REASONS) posted.reasons.push({ index: at, code, reason });
  };
  const refuse = (code: string, reason: string, raw: string | Uint8Array): void => {
    refused(index++, code, reason);
    context.refuse(code, reason, raw);
  };
  const accept = (reading: Reading): Promise<void> => {
    // Nobody waits for an answer any more: it is said that what is left may not be recorded, so it need not be.
    if (gone) return Promise.reject(new Fault('timeout', 'given up'));
    const at = index++;
    open++;
    reading.done = (became, why = '', code = '') => {
      if (became === 'lost') lost = why;
      else if (became === 'refused') refused(at, code, why);
      else posted.accepted++;
      if (--open === 0) wake();
    };
    return context.accept(reading);
  };
  let overdue: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    overdue = setTimeout(() => reject(new Fault('timeout', `Not all of it is durable after ${DURABLE_MS / 1_000} s; what was taken may still become so.`)), DURABLE_MS);
  });
  const handed = hand(contentType, body, { ...context, signal: context.signal, accept, refuse }).finally(ended);
  try {
    await Promise.race([late, handed]);
    if (open > 0) await Promise.race([late, new Promise<void>((resolve) => (wake = resolve))]);
  } finally {
    gone = true;
    clearTimeout(overdue);
  }
  if (lost !== '') throw new Fault('busy', `Not all of it was recorded: ${lost}.`);
  return posted;
}

/** Reads a body as what its type says that it is. */
async function hand(contentType: string, body: Uint8Array, context: NodeContext): Promise<void> {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';').map((each) => each.trim());
  const charset = parameters.find((each) => each.startsWith('charset='))?.slice(8).replaceAll('"', '');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') throw new Fault('unsupported', `The character set ${charset.slice(0, 40)} is not read here; send UTF-8.`);
  if (LINE_TYPES.includes(type)) {
    if (body.reduce((count, byte) => byte === 10 ? count + 1 : count, 0) > POST_READINGS) throw new Fault('too-many', `There are more than ${POST_READINGS} lines in the body.`);
    const lines = openLines({ format: 'json' }, context);
    await lines.push(body);
    return lines.end();
  }
  if (JSON_TYPES.includes(type)) {
    for (const text of jsonItems(textOf(body))) {
      await giveEach(context, text, () => readJson(text));
    }
  } else if (CBOR_TYPES.includes(type)) {
    for (const item of foreignItems(body, POST_READINGS)) await giveEach(context, item, () => foreignValue(item));
  } else {
    throw new Fault('unsupported', `The content type ${JSON.stringify(type.slice(0, 80))} is not read here; there are application/json, application/x-ndjson and application/cbor.`);
  }
}

async function giveEach(context: NodeContext, raw: string | Uint8Array, read: () => unknown): Promise<void> {
  let value: unknown;
  try {
    value = read();
  } catch (error) {
    return context.refuse(codeOf(error), error instanceof Error ? error.message : String(error), raw);
  }
  await context.accept({ value, raw });
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new Fault('bad-encoding', 'The body is not UTF-8.', { cause: error });
  }
}

/** The texts of the readings of a body: the items of the array that it is, or all of it. An item that is wrong does not spoil the others. Faults: `bad-encoding`, `too-many`. */
export function jsonItems(body: string): string[] {
  const text = body.trim();
  if (text === '') throw new Fault('bad-encoding', 'The body is empty.');
  if (text[0] !== '[') return [text];
  const items: string[] = [];
  let depth = 0, from = 1;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"':
        for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
        break;
      case '[': case '{':
        depth++;
        break;
      case ']': case '}':
        if (--depth > 0) break;
        if (i !== text.length - 1) throw new Fault('bad-encoding', 'The body is not JSON: something follows the array.');
        if (items.length > 0 || text.slice(from, i).trim() !== '') items.push(text.slice(from, i));
        if (items.length > POST_READINGS) throw new Fault('too-many', `There are more than ${POST_READINGS} readings in the body.`);
        return items;
      case ',':
        if (depth > 1) break;
        items.push(text.slice(from, i));
        from = i + 1;
        if (items.length > POST_READINGS) throw new Fault('too-many', `There are more than ${POST_READINGS} readings in the body.`);
    }
  }
  throw new Fault('bad-encoding', 'The body is not JSON: the array has no end.');
}
