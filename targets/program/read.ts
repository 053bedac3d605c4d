// `read`, `get`, `streams` and `keys`: what is recorded.

import { Fault } from '../../src/fault.ts';
import { misused, type Command, type Invocation } from './command.ts';
import type { Entry, Followed, Query } from './database.ts';
import { momentText } from './moment.ts';
import { readMomentFlag } from './moment-flag.ts';
import { jsonText } from '../../src/event/json.ts';
import { openDatabase } from './open.ts';
import { counted, grouped, printable } from './output.ts';

/** One event as a line of JSON. */
export function entryJson({ id, stream, key, type, time, body, node }: Entry): string {
  return jsonText({ id, stream, key, type, time, body, node });
}

/** One event as a line for people. */
function entryWords({ key, type, time, body }: Entry): string {
  return `${momentText(time)}  ${printable(key).padEnd(16)}  ${printable(type).padEnd(12)}  ${printable(jsonText(body))}`;
}

function query(invocation: Invocation): Query {
  const now = Date.now();
  const wanted: Query = {};
  for (const name of ['key', 'type'] as const) {
    const value = invocation.text(name);
    if (value !== undefined) wanted[name] = value;
  }
  for (const name of ['since', 'until'] as const) {
    const value = invocation.text(name);
    if (value !== undefined) wanted[name] = readMomentFlag(name, value, now, invocation.command);
  }
  const limit = invocation.count('limit', 1);
  if (limit !== undefined) wanted.limit = limit;
  if (invocation.on('last')) wanted.reverse = true;
  return wanted;
}

export const readCommand: Command = {
  name: 'read',
  positionals: ['STREAM'],
  summary: 'print the events of a stream, in order',
  about: [
    'The order is the same on every node that holds the same events: a write made after seeing another comes after it, whatever the clocks said. --since and --until choose by the time at which events happened.',
    'With --json each event is a line {"id","stream","key","type","time","body","node"}: time in milliseconds since 1970, node the id of the node that recorded it.',
  ],
  flags: {
    key: { value: 'KEY', help: 'Only events about this key.' },
    type: { value: 'TYPE', help: 'Only events of this type.' },
    since: { value: 'WHEN', help: 'Only from this time on: ISO 8601, milliseconds since 1970, or how long ago (90s, 15m, 6h, 2d).' },
    until: { value: 'WHEN', help: 'Only before this time.' },
    limit: { value: 'N', help: 'At most N events: the first ones, or with --last the last ones.' },
    last: { help: 'Newest first.' },
    follow: { help: 'Go on: print events as they arrive, until Ctrl-C.' },
    from: { value: 'WHERE', help: 'With --follow: begin at start (as without this), at now, or at a cursor, and give cursors: with --json as lines {"cursor"}, else the last one at the end, on stderr.' },
  },
  examples: [
    ['holdfast read telemetry --since 15m', 'what happened in the last quarter of an hour'],
    ['holdfast read telemetry --key pump-7 --last --limit 5', 'the last five events of a pump, newest first'],
    ['holdfast read alarms --follow --json | jq .body', 'every alarm, as it comes'],
    ['holdfast read alarms --follow --from now', 'only what comes from now on; when it ends, it says from where to go on without a gap'],
  ],
  async run(invocation) {
    const { out } = invocation;
    const wanted = query(invocation);
    if (invocation.on('follow') && wanted.reverse) misused('--follow goes forward; it cannot be combined with --last.', invocation.command);
    const from = invocation.text('from');
    if (from !== undefined && !invocation.on('follow')) misused('--from says where --follow begins; it does nothing without it.', invocation.command);
    const stream = invocation.positionals[0]!;
    const line = out.json ? entryJson : entryWords;
    if (!invocation.on('follow')) {
      const database = await openDatabase(invocation);
      try {
        for await (const entry of database.read(stream, wanted)) await out.line(line(entry));
        await out.flush();
      } finally {
        await database.close();
      }
      return;
    }
    const database = await openDatabase(invocation, { serve: true });
    const end = new AbortController();
    const stop = () => end.abort();
    process.once('SIGINT', stop).once('SIGTERM', stop);
    out.onGone = stop;
    try {
      // Lines are gathered while events stream in, and leave as soon as there is a pause.
      let due: NodeJS.Immediate | undefined, last: string | undefined;
      for await (const told of from === undefined ? entriesAlone(database.follow(stream, wanted, end.signal)) : database.resume(stream, wanted, from, end.signal)) {
        if ('entry' in told) await out.line(line(told.entry));
        else {
          last = told.cursor;
          if (out.json) await out.line(JSON.stringify({ cursor: last }));
        }
        due ??= setImmediate(() => {
          due = undefined;
          void out.flush();
        });
      }
      await out.flush();
      if (last !== undefined && !out.json) out.note(`--from ${last}`);
    } finally {
      await database.close();
    }
  },
};

async function* entriesAlone(entries: AsyncIterable<Entry>): AsyncGenerator<Followed> {
  for await (const entry of entries) yield { entry };
}

export const getCommand: Command = {
  name: 'get',
  positionals: ['STREAM', 'KEY'],
  summary: 'print the latest event of a key',
  about: ['The latest in the order of the stream, which every node agrees on. Exit status 1 and code not-found when there is none.'],
  flags: {},
  examples: [
    ['holdfast get telemetry pump-7', 'where the pump stands'],
    ['holdfast get telemetry pump-7 --json | jq .body', 'its body alone'],
  ],
  async run({ dir, positionals, out }) {
    const database = await openDatabase({ dir, out });
    try {
      const entry = await database.latest(positionals[0]!, positionals[1]!);
      if (entry === undefined) throw new Fault('not-found', `Stream ${positionals[0]} has no event with the key ${JSON.stringify(positionals[1])}.`);
      await out.line(out.json ? entryJson(entry) : entryWords(entry));
      await out.flush();
    } finally {
      await database.close();
    }
  },
};

export const streamsCommand: Command = {
  name: 'streams',
  positionals: [],
  summary: 'list the streams and how much they hold',
  about: ['A log is what one run of one node wrote in a stream.'],
  flags: { all: { help: "Also the system's own streams, whose names begin with $." } },
  examples: [['holdfast streams', 'what is there'], ['holdfast streams --json', 'a line {"stream","events","logs"} for each']],
  async run({ dir, out, on }) {
    const database = await openDatabase({ dir, out });
    try {
      const streams = (await database.streams()).filter(({ stream }) => on('all') || !stream.startsWith('$'));
      for (const each of streams) {
        await out.line(out.json ? JSON.stringify({ stream: each.stream, events: each.events, logs: each.logs })
          : `${each.stream.padEnd(24)} ${grouped(each.events).padStart(12)} ${each.events === 1 ? 'event ' : 'events'}  ${grouped(each.logs).padStart(6)} ${each.logs === 1 ? 'log' : 'logs'}`);
      }
      if (streams.length === 0 && !out.json) out.note('No events yet. holdfast append STREAM records some.');
      await out.flush();
    } finally {
      await database.close();
    }
  },
};

export const keysCommand: Command = {
  name: 'keys',
  positionals: ['STREAM'],
  summary: 'list the keys of a stream, each with its latest event',
  about: ['Sorted by their bytes. With --json a line {"key","type","time","id"} for each.'],
  flags: {},
  examples: [['holdfast keys telemetry', 'what the stream is about'], ['holdfast keys telemetry --json | jq -r .key', 'the keys alone']],
  async run({ dir, positionals, out }) {
    const database = await openDatabase({ dir, out });
    try {
      let count = 0;
      for await (const { key, type, time, id } of database.keys(positionals[0]!)) {
        count++;
        await out.line(out.json ? JSON.stringify({ key, type, time, id }) : `${printable(key).padEnd(24)}  ${momentText(time)}  ${printable(type)}`);
      }
      await out.flush();
      if (!out.json) out.note(count === 0 ? `Stream ${positionals[0]} has no events.` : counted(count, 'key'));
    } finally {
      await database.close();
    }
  },
};
