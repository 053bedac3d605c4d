// `append`: events from lines of NDJSON or from flags, batch by batch, every refused line named.

import { createReadStream, fstatSync, statSync, type Stats } from 'node:fs';
import { codeOf, Fault } from '../../src/fault.ts';
import { misused, type Command, type Invocation } from './command.ts';
import type { Database, Draft } from './database.ts';
import { checkNumbers, bytesFromJson, lineReader, readDraft, type Line } from './ndjson.ts';
import { readMomentFlag } from './moment-flag.ts';
import { openDatabase } from './open.ts';
import { counted, errorText, grouped } from './output.ts';
import { wasNotAsked } from './remote.ts';

/** Events, or bytes of lines, after which a batch is sent although more is there. */
const BATCH_EVENTS = 1_024, BATCH_BYTES = 524_288;

/** How long what is under way may take when the command is told to end, ms. */
const STOP_MS = 10_000;

export const appendCommand: Command = {
  name: 'append',
  positionals: ['STREAM'],
  summary: 'record events in a stream',
  about: [
    'Reads events from stdin, one JSON object a line: {"key", "type", "time", "body"}. The key says what the event is about (pump-7), the type what kind of event it is (pressure); the body is any JSON; the time is when it happened, in milliseconds since 1970 or ISO 8601, and may be left out: then it is now.',
    'Or records a single event given by --key, --type and --body.',
    'When the command ends, every event that was not refused is on stable storage. A line that is refused is named on stderr by its number, the others go in, and the exit status is 1.',
    'Byte strings, which JSON lacks, are written {"$bytes": "base64url"}. Fields that `read` prints besides (id, stream, node) are ignored.',
  ],
  flags: {
    key: { value: 'KEY', help: 'What the single event is about.' },
    type: { value: 'TYPE', help: 'Its type.' },
    body: { value: 'JSON', help: "Its body (default: null). Text stands in quotes: '\"open\"'." },
    time: { value: 'WHEN', help: 'When it happened: milliseconds since 1970, ISO 8601, or how long ago (15m). Default: now.' },
    file: { value: 'FILE', help: 'Read lines from a file instead of stdin.' },
    urgent: { help: 'Send to connected nodes at once instead of waiting for more.' },
  },
  examples: [
    [`echo '{"key":"pump-7","type":"pressure","body":4.2}' | holdfast append telemetry`, 'one event from a pipe'],
    ['holdfast append alarms --key pump-7 --type leak --body \'{"litres":3}\' --urgent', 'one event from flags'],
    ['holdfast append telemetry --file readings.ndjson --json', 'a whole file; prints {"appended":…,"rejected":…}'],
  ],
  async run(invocation) {
    const single = ['key', 'type', 'body', 'time'].some((flag) => invocation.text(flag) !== undefined);
    if (single && invocation.text('file') !== undefined) misused('Either --file, or one event by --key, --type and --body.', invocation.command);
    return single ? appendOne(invocation) : appendLines(invocation);
  },
};

async function appendOne(invocation: Invocation): Promise<number> {
  const { command, out } = invocation;
  const draft: Draft = {
    key: invocation.text('key') ?? misused('An event needs a key: --key KEY.', command),
    type: invocation.text('type') ?? misused('An event needs a type: --type TYPE.', command),
    body: null,
  };
  const body = invocation.text('body');
  if (body !== undefined) {
    try {
      draft.body = bytesFromJson(JSON.parse(body));
    } catch {
      misused(`--body is not JSON; text stands in quotes: --body '${JSON.stringify(body.slice(0, 60))}'.`, command);
    }
    checkNumbers(body);
  }
  const time = invocation.text('time');
  if (time !== undefined) draft.time = readMomentFlag('time', time, Date.now(), command);
  const database = await openDatabase(invocation);
  try {
    const { appended, rejected } = await database.append(invocation.positionals[0]!, [draft], invocation.on('urgent'));
    const refused = rejected[0];
    if (refused !== undefined) throw new Fault(refused.code as Fault['code'], refused.message);
    await out.result({ appended, rejected: 0 }, () => 'recorded 1 event');
  } finally {
    await database.close();
  }
  return 0;
}

async function appendLines(invocation: Invocation): Promise<number> {
  const { out, json } = invocation;
  const file = invocation.text('file');
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file);
  // A file that cannot be opened says so before a store is.
  if (input !== process.stdin) await new Promise<void>((resolve, reject) => {
    input.once('ready', resolve).once('error', (error: Error) => reject(new Fault('not-found', `${file} cannot be read: ${error.message}`, { cause: error })));
  });
  const database = await lastingDatabase(invocation);
  if (input === process.stdin && process.stdin.isTTY) out.note('Reading events from the terminal, one JSON object a line; Ctrl-D ends.');
  const state = { appended: 0, rejected: 0 };
  let stopped = false;
  const stop = () => {
    stopped = true;
    input.destroy();
    // A database that is away must not hold up the end for ever.
    setTimeout(() => {
      out.progress('');
      out.note(errorText(new Fault('timeout', `What was sent last was not acknowledged within ${STOP_MS / 1_000} s, and may still be recorded. Recorded before that: ${counted(state.appended, 'event')}.`), json));
      process.exit(130);
    }, STOP_MS).unref();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await appendStream(invocation, database, input, state, () => stopped);
  } catch (error) {
    out.progress('');
    if (!(error instanceof Fault)) throw error;
    // Closing a store that cannot be written fails too; the first failure is the one to tell.
    await database.close().catch(() => {});
    throw new Fault(error.code, `${error.message} Recorded before that: ${counted(state.appended, 'event')}.`, { cause: error });
  }
  out.progress('');
  await database.close();
  await out.result(state, () => `recorded ${counted(state.appended, 'event')}${state.rejected > 0 ? `, refused ${counted(state.rejected, 'line')}` : ''}`);
  return stopped ? 130 : state.rejected > 0 ? 1 : 0;
}

/** Bytes of the input where it is a file, otherwise 0. */
function inputSize(file: string | undefined): number {
  try {
    const stats: Stats = file === undefined || file === '-' ? fstatSync(0) : statSync(file);
    return stats.isFile() ? stats.size : 0;
  } catch {
    return 0;
  }
}

/** A database for as long as the input lasts: when the node that did the work stops between two batches, the next one goes to whoever has the store then. */
async function lastingDatabase(invocation: Invocation): Promise<Pick<Database, 'append' | 'close'>> {
  let database = await openDatabase(invocation, { serve: true });
  return {
    async append(...batch) {
      try {
        return await database.append(...batch);
      } catch (error) {
        if (!wasNotAsked(error)) throw error;
        await database.close();
        database = await openDatabase(invocation, { serve: true });
        return database.append(...batch);
      }
    },
    close: () => database.close(),
  };
}

/** While one batch is made durable the next one is gathered; a full one waits, and the input with it. */
async function appendStream(invocation: Invocation, database: Pick<Database, 'append'>, input: AsyncIterable<Uint8Array>, state: { appended: number; rejected: number }, stopped: () => boolean): Promise<void> {
  const { out, json } = invocation;
  const stream = invocation.positionals[0]!;
  const reader = lineReader();
  let batch: { drafts: Draft[]; lines: number[]; bytes: number } = { drafts: [], lines: [], bytes: 0 };
  let flying: Promise<void> | undefined;
  let failed: { error: unknown } | undefined;
  const size = inputSize(invocation.text('file'));
  let taken = 0;

  const refuse = (line: number, error: unknown) => {
    state.rejected++;
    const sentence = error instanceof Error ? error.message : String(error);
    out.note(json ? errorText(error, true, { line, message: `line ${line}: ${sentence}` }) : errorText(new Fault(codeOf(error), `line ${line}: ${sentence}`), false));
  };
  const take = ({ number, text, fault }: Line) => {
    if (text === undefined) return refuse(number, fault);
    try {
      batch.drafts.push(readDraft(text));
      batch.lines.push(number);
      batch.bytes += text.length;
    } catch (error) {
      refuse(number, error);
    }
  };
  const send = () => {
    const { drafts, lines } = batch;
    batch = { drafts: [], lines: [], bytes: 0 };
    flying = database.append(stream, drafts, invocation.on('urgent')).then((result) => {
      state.appended += result.appended;
      for (const each of result.rejected) refuse(lines[each.index]!, new Fault(each.code as Fault['code'], each.message));
      out.progress(`recorded ${grouped(state.appended)}${size > 0 ? `, ${Math.floor(Math.min(1, taken / size) * 100)} % of the input` : ''}`);
    }).catch((error: unknown) => {
      failed ??= { error };
    }).finally(() => {
      flying = undefined;
      // Whatever came in meanwhile does not wait for more: a sensor may be silent for hours now.
      if (batch.drafts.length > 0 && failed === undefined) send();
    });
  };
  try {
    for await (const chunk of input) {
      taken += chunk.length;
      for (const line of reader.push(chunk)) take(line);
      if (flying === undefined && batch.drafts.length > 0) send();
      while (batch.drafts.length >= BATCH_EVENTS || batch.bytes >= BATCH_BYTES) {
        if (flying === undefined || failed !== undefined) break;
        await flying;
      }
      if (failed !== undefined) break;
    }
  } catch (error) {
    // Destroying the input on Ctrl-C ends the loop this way.
    if (!stopped()) failed ??= { error };
  }
  // What stands after the last line break counts only if the input ended there.
  if (!stopped() && failed === undefined) for (const line of reader.end()) take(line);
  while (failed === undefined && (flying !== undefined || batch.drafts.length > 0)) {
    if (flying === undefined) send();
    await flying;
  }
  await flying;
  if (failed !== undefined) throw failed.error;
}
