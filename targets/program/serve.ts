// The other end of remote.ts: does what commands ask over the control socket, one request after the other on each channel.

import type { Value } from '../../src/event/value.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import type { Channel } from '../../src/io/channel.ts';
import { appendWithin } from './append-within.ts';
import type { Database, Entry, Page } from './database.ts';
import { asList, asMap, asNumber, asText, draftFromWire, END, ENTRIES, entryToWire, ENTRY_BYTES, FAULT, ITEM, queryFromWire, toWire } from './wire.ts';

/** Requests that are being worked on; those that go on until their command has enough do not count. */
export interface Work { requests: number }

const ENDLESS = new Set<Value | undefined>(['follow', 'resume', 'listen']);

/** Serves one channel until the command goes away. Never throws: what it cannot understand is answered with a fault. */
export async function serveChannel(database: Database, channel: Channel, work: Work): Promise<void> {
  try {
    for (;;) {
      const request = await channel.next();
      if (request === undefined) return;
      let reply: Value;
      const counts = !(Array.isArray(request) && ENDLESS.has(request[0]));
      if (counts) work.requests++;
      try {
        reply = [END, toWire(await answer(database, channel, asList(request)))];
      } catch (error) {
        reply = [FAULT, codeOf(error), error instanceof Error ? error.message : String(error)];
      }
      await channel.send(reply).finally(() => {
        if (counts) work.requests--;
      });
    }
  } catch {
    // The command has gone, or sent garbage: nobody is left to tell.
    channel.close();
  }
}

async function answer(database: Database, channel: Channel, request: Value[]): Promise<unknown> {
  const [method, ...args] = request;
  const item = (value: unknown) => channel.send([ITEM, toWire(value)]);
  switch (asText(method)) {
    case 'append': return appendWithin(database, asText(args[0]), asList(args[1]).map(draftFromWire), args[2] === true);
    case 'read': return sendEntries(channel, database.read(asText(args[0]), queryFromWire(args[1])));
    case 'page': return sendPage(channel, await database.page(asText(args[0]), queryFromWire(args[1]), optional(args[2])));
    case 'latestPage': return sendPage(channel, await database.latestPage(asText(args[0]), asNumber(args[1]), optional(args[2])));
    case 'follow':
      for await (const entry of database.follow(asText(args[0]), queryFromWire(args[1]), channel.gone)) await channel.send([ITEM, [entryToWire(entry)]]);
      return null;
    case 'resume':
      for await (const told of database.resume(asText(args[0]), queryFromWire(args[1]), asText(args[2]), channel.gone)) await channel.send([ITEM, 'entry' in told ? entryToWire(told.entry) : told.cursor]);
      return null;
    case 'latest': {
      const found = await database.latest(asText(args[0]), asText(args[1]));
      return found === undefined ? null : entryToWire(found);
    }
    case 'keys': {
      const batch: unknown[] = [];
      for await (const key of database.keys(asText(args[0]))) {
        batch.push(key);
        if (batch.length >= ENTRIES) await item(batch.splice(0));
      }
      if (batch.length > 0) await item(batch);
      return null;
    }
    case 'streams': return database.streams();
    case 'digest': return database.digest();
    case 'report': return database.report();
    case 'verify': return database.verify(courtesy(channel));
    case 'repair': return database.repair(asList(args[0]).map(asText), courtesy(channel));
    case 'exportTo': return database.exportTo(asMap(args[0]), courtesy(channel));
    case 'importFrom': return database.importFrom(asList(args[0]).map(asText), courtesy(channel));
    case 'backup': { const { target, withoutKey } = asMap(args[0]); return database.backup({ target: asText(target!), ...(withoutKey === true ? { withoutKey } : {}) }, courtesy(channel)); }
    case 'invite': return database.invite(asMap(args[0]));
    case 'revoke': return database.revoke(asText(args[0]), asText(args[1]), args[2] === true);
    case 'release': return database.release(asText(args[0]));
    case 'tokens': return database.tokens(asMap(args[0]));
    case 'sync': return database.sync(asText(args[0]), channel.gone, courtesy(channel));
    case 'listen':
      for await (const news of database.listen(asText(args[0]), channel.gone)) await item(news);
      return null;
    default:
      throw new Fault('unsupported', `The running node does not know ${JSON.stringify(method)}; it is of another version than this command. Restart it.`);
  }
}

/** Tells a command how far its request is; told is dropped rather than waited for. */
function courtesy(channel: Channel): (a: number, b: number) => void {
  let telling = false;
  return (a, b) => {
    if (telling || channel.gone.aborted) return;
    telling = true;
    channel.send([ITEM, [a, b]]).catch(() => {}).finally(() => (telling = false));
  };
}

function optional(value: Value | undefined): string | undefined {
  return value === undefined || value === null ? undefined : asText(value);
}

async function sendPage(channel: Channel, { entries, next }: Page): Promise<string | null> {
  await sendEntries(channel, entries);
  return next ?? null;
}

async function sendEntries(channel: Channel, entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<null> {
  let batch: Value[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    const wire = entryToWire(entry) as [Value, Value, Value, Value, Value, Uint8Array, Value];
    bytes += wire[5].length + 512;
    batch.push(wire);
    if (batch.length < ENTRIES && bytes < ENTRY_BYTES) continue;
    await channel.send([ITEM, batch]);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) await channel.send([ITEM, batch]);
  return null;
}
