// Appending over HTTP: one event or many, as JSON, as lines of JSON, or as CBOR; what can be recorded is, and each refusal is named.

import type { IncomingMessage } from 'node:http';
import type { Hono } from 'hono';
import { isUtf8 } from 'node:buffer';
import { codeOf, Fault, type Code } from '../../src/fault.ts';
import type { Database, Draft } from '../program/database.ts';
import { appendWithin } from '../program/append-within.ts';
import { draftOf, lineReader, readDraft } from '../program/ndjson.ts';
import { faultBody, json, statusOf } from './answer.ts';
import { flag, parameters, streamAsked } from './asked.ts';
import { checkPlain, piecesOf, withBody } from './body.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { LINES } from './format.ts';
import { needs } from './guard.ts';
import { elementsOf } from './json-array.ts';

/** Events, and characters of their text, that are appended together. */
const BATCH = 256, BATCH_CHARS = 262_144;
/** How long an append is waited for, ms: half of what a connection may be quiet. */
const ANSWER_MS = 30_000;
/** Refusals that an answer names; all are counted. */
const NAMED = 1_000;
/** Events of one body of CBOR. */
const CBOR_EVENTS = 100_000;
/** Characters of an array after which others have their turn. */
const TURN_CHARS = 65_536;

/** What became of a request so far. `refused` counts all, `rejected` names the first ones by their index in the request. */
interface Outcome { appended: number; refused: number; rejected: { index: number; code: string; message: string }[] }

/** Gathers drafts and appends them batch after batch. */
interface Batcher {
  readonly outcome: Outcome;
  /** Takes the next event, or why it is none. `chars`: how long its text was. */
  take(make: () => Draft, chars: number): Promise<void>;
  flush(): Promise<void>;
}

/** Adds `POST /api/streams/:stream/events`. */
export function appendRoutes(app: Hono<Surroundings>, { database }: Pick<ApiContext, 'database'>): void {
  app.post('/api/streams/:stream/events', needs('append'), async (c) => {
    const stream = streamAsked(c);
    const urgent = flag('urgent', parameters(c, ['urgent'])['urgent']);
    const batcher = batch(database, stream, urgent);
    const { incoming } = c.env;
    try {
      const trouble = database.trouble?.(), type = mediaType(incoming);
      if (trouble !== undefined) throw trouble;
      if (LINES.includes(type)) await takeLines(incoming, batcher);
      else if (type === 'application/json') await withBody(incoming, (body) => takeJson(body, batcher));
      else if (type === 'application/cbor' || type === 'application/cbor-seq') await withBody(incoming, (body) => takeCbor(body, batcher));
      else throw new Fault('unsupported', `Events come as application/json, application/x-ndjson or application/cbor, not as ${type === '' ? 'something without a Content-Type' : JSON.stringify(type.slice(0, 60))}.`);
    } catch (error) {
      // What was recorded before it is recorded: whoever sends the rest again must know how much that was.
      return json({ error: faultBody(error), ...batcher.outcome }, statusOf(error), statusOf(error) === 503 ? { 'retry-after': '1' } : {});
    }
    const { outcome } = batcher;
    if (outcome.refused === 0) return json(outcome);
    if (outcome.appended > 0) return json(outcome, 207);
    const { code, message } = outcome.rejected[0]!;
    return json({ error: { code, message }, ...outcome }, 422);
  });
}

/** The media type of a body, without its parameters, lower case. */
export function mediaType(incoming: IncomingMessage): string {
  return (incoming.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function batch(database: Pick<Database, 'append' | 'trouble'>, stream: string, urgent: boolean): Batcher {
  const outcome: Outcome = { appended: 0, refused: 0, rejected: [] };
  let drafts: Draft[] = [], indexes: number[] = [], chars = 0, next = 0;
  const refuse = (index: number, code: string, message: string): void => {
    outcome.refused++;
    if (outcome.rejected.length < NAMED) outcome.rejected.push({ index, code, message });
  };
  const flush = async (): Promise<void> => {
    if (drafts.length === 0) return;
    const [sent, places] = [drafts, indexes];
    drafts = [];
    indexes = [];
    chars = 0;
    const done = await appendWithin(database, stream, sent, urgent, ANSWER_MS);
    outcome.appended += done.appended;
    for (const { index, code, message } of done.rejected) refuse(places[index]!, code, message);
    outcome.rejected.sort((a, b) => a.index - b.index);
  };
  return {
    outcome, flush,
    async take(make, length) {
      const index = next++;
      try {
        drafts.push(make());
        indexes.push(index);
      } catch (error) {
        const code: Code = codeOf(error);
        if (code === 'internal') throw error;
        refuse(index, code, (error as Error).message);
      }
      chars += length;
      if (drafts.length >= BATCH || chars >= BATCH_CHARS) await flush();
    },
  };
}

/** Lines as they come, for as long as they come: the next piece is read when the last one is on stable storage. */
async function takeLines(incoming: IncomingMessage, batcher: Batcher): Promise<void> {
  checkPlain(incoming);
  const reader = lineReader();
  const take = async (lines: ReturnType<typeof reader.push>): Promise<void> => {
    for (const { text, fault } of lines) {
      await batcher.take(() => {
        if (fault !== undefined) throw fault;
        return readDraft(text!);
      }, text?.length ?? 0);
    }
  };
  try {
    for await (const piece of piecesOf(incoming)) {
      await take(reader.push(piece));
      // Nothing waits for a sender that pauses.
      if (incoming.readableLength === 0) await batcher.flush();
    }
    await take(reader.end());
  } finally {
    await batcher.flush();
  }
}

/** One event, or an array of them: checked as a whole before anything of it is recorded. */
async function takeJson(body: Uint8Array, batcher: Batcher): Promise<void> {
  if (!isUtf8(body)) throw new Fault('bad-encoding', 'The body is not UTF-8.');
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8').replace(/^\ufeff/, '');
  if (!/^\s*\[/.test(text)) {
    await batcher.take(() => readDraft(text), text.length);
    return batcher.flush();
  }
  const turn = turns();
  for (const element of elementsOf(text)) {
    try {
      JSON.parse(element);
    } catch (error) {
      throw new Fault('bad-encoding', `The body is not JSON (${(error as Error).message}).`, { cause: error });
    }
    await turn(element.length);
  }
  for (const element of elementsOf(text)) {
    await batcher.take(() => readDraft(element), element.length);
    await turn(element.length);
  }
  await batcher.flush();
}

/** One event, an array of them, or one after the other: well-formed as a whole before anything of it is recorded. */
async function takeCbor(body: Uint8Array, batcher: Batcher): Promise<void> {
  const { foreignItems, foreignValue } = await import('../program/foreign-cbor.ts');
  const turn = turns();
  for (const item of foreignItems(body, CBOR_EVENTS)) {
    await batcher.take(() => draftOf(foreignValue(item)), item.length);
    await turn(item.length);
  }
  await batcher.flush();
}

/** Lets others have their turn after so much text. */
function turns(): (chars: number) => Promise<void> | undefined {
  let done = 0;
  return (chars) => {
    if ((done += chars + 1) < TURN_CHARS) return undefined;
    done = 0;
    return new Promise((resolve) => { setImmediate(resolve); });
  };
}
