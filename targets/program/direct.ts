// The database of a node that is open in this process.

import { equal, hex } from '../../src/event/bytes.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { ZERO_STAMP } from '../../src/event/stamp.ts';
import type { Value } from '../../src/event/value.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import type { systemClock } from '../../src/io/clock.ts';
import type { Node } from '../../src/node.ts';
import type { Appended, Database, DatabaseState, Draft, InputReport, ListenNews } from './database.ts';
import type { Hub } from './http-hub.ts';
import type { Links } from './links.ts';
import type { Home } from './medium.ts';
import { plain } from './plain.ts';
import { findMember, report } from './report.ts';

/** What the database of an open node is made of. */
export interface Place {
  dir: string;
  node: Node;
  links: Links;
  home: Pick<Home, 'damage' | 'check' | 'size' | 'database' | 'backUp' | 'tokens'>;
  clock: ReturnType<typeof systemClock>;
  running: boolean;
  uptimeMs(): number;
  /** The inputs of a running node. */
  inputs?(): InputReport[];
}

/** Wraps an open node. `close` does nothing: whoever opened the node closes it. What few ask for is loaded when somebody does. */
export function nodeDatabase(place: Place): Database {
  const { node, links } = place;
  let hub: Promise<Hub> | undefined;
  const database: Database = {
    remote: false,
    async append(stream, drafts, urgent) {
      const trouble = database.trouble!();
      // Otherwise it waits, and goes on when the database is back; a full disk may stay full.
      if (trouble?.code === 'store-full') throw trouble;
      return append(node, stream, drafts, urgent);
    },
    trouble: () => troubleOf(place.home.database?.()),
    async *read(stream, query) {
      for await (const entry of node.read(stream, query)) yield plain(entry);
    },
    page: async (stream, query, after) => (await import('./pages.ts')).pageOf(node, stream, query, after, plain),
    async *follow(stream, query, signal) {
      const { followFrom } = await import('./follow.ts');
      for await (const told of followFrom(node, stream, query, 'start', signal, null)) if ('entry' in told) yield told.entry;
    },
    async *resume(stream, query, from, signal) {
      yield* (await import('./follow.ts')).followFrom(node, stream, query, from, signal);
    },
    async latest(stream, key) {
      const entry = await node.latest(stream, key);
      return entry === undefined ? undefined : plain(entry);
    },
    async *keys(stream) {
      for await (const { key, type, time, id } of node.keys(stream)) yield { key, type, time, id };
    },
    latestPage: async (stream, limit, after) => (await import('./pages.ts')).latestPageOf(node, stream, limit, after, plain),
    streams: () => Promise.resolve(node.streams().map(({ stream, events, logs }) => ({ stream, events, logs }))),
    digest: () => Promise.resolve(node.digest()),
    report: () => report(place),
    async verify(progress) {
      const { events, segments, damaged } = await node.verify(progress);
      const pages = await place.home.check(node, false);
      return { events, segments, damaged: [...damaged, ...pages.map((where) => ({ what: 'store', where, code: 'store-damaged' }))] };
    },
    repair: async (from, progress) => (await import('./repair.ts')).repair(place, from, progress),
    invite: async (wish) => (await import('../../src/node-acts.ts')).invite(node, wish),
    async revoke(wanted, why, self) {
      const found = findMember(node, wanted);
      if (equal(found.id, node.id) && !self) throw new Fault('bad-argument', `${found.name} is this node itself. Say --self if you mean it: what it records afterwards counts nowhere.`);
      await (await import('../../src/node-acts.ts')).revoke(node, found.id, why);
      return { node: hex(found.id), name: found.name };
    },
    async release(wanted) {
      const found = findMember(node, wanted);
      await (await import('../../src/node-acts.ts')).release(node, found.id);
      return { node: hex(found.id), name: found.name };
    },
    sync: (url, signal, progress) => links.once(url, signal, progress),
    exportTo: async (wish, progress) => (await import('./bundle.ts')).writeBundle(node, wish, progress),
    importFrom: async (paths, progress) => (await import('./bundle.ts')).readBundles(node, paths, progress),
    backup: (wish, progress) => place.home.backUp(node, wish, progress),
    tokens: async (wish) => (await import('./http-tokens.ts')).changeTokens(place.home.tokens ?? place.dir, wish),
    hub: () => hub ??= import('./report-hub.ts').then(({ hubOf }) => hubOf(place, database)),
    listen: (url, signal) => listen(links, url, signal),
    close: () => Promise.resolve(),
  };
  return database;
}

function troubleOf(state: DatabaseState | undefined): Fault | undefined {
  if (state === undefined || state.connected) return undefined;
  return state.full === true ? new Fault('store-full', 'The disk of the database is full, and PostgreSQL cannot run until there is room; nothing of this was recorded. Free some space: it goes on by itself.')
    : new Fault('busy', 'The database is out of reach; nothing of this was recorded. Try again: the node goes on by itself when it is back.');
}

/** Appends what can be; the rest is named. One refused draft must not keep the others out. */
async function append(node: Node, stream: string, drafts: Draft[], urgent: boolean): Promise<Appended> {
  try {
    await node.append(stream, drafts, { urgent });
    return { appended: drafts.length, rejected: [] };
  } catch (error) {
    if (!['bad-event', 'bad-value', 'bad-encoding', 'too-large'].includes(codeOf(error))) throw error;
    const rejected = drafts.flatMap((draft, index) => {
      const fault = judge(draft);
      return fault === undefined ? [] : [{ index, code: fault.code, message: fault.message }];
    });
    const good = drafts.map((draft, index) => ({ draft, index })).filter(({ index }) => !rejected.some((each) => each.index === index));
    if (rejected.length > 0) return join({ appended: 0, rejected }, await appendPart(node, stream, good, urgent));
    // Each is good alone: together they are too much for one append.
    if (drafts.length < 2) throw error;
    const half = drafts.length >> 1;
    return join(await appendPart(node, stream, good.slice(0, half), urgent), await appendPart(node, stream, good.slice(half), urgent));
  }
}

async function appendPart(node: Node, stream: string, part: { draft: Draft; index: number }[], urgent: boolean): Promise<Appended> {
  if (part.length === 0) return { appended: 0, rejected: [] };
  const { appended, rejected } = await append(node, stream, part.map(({ draft }) => draft), urgent);
  return { appended, rejected: rejected.map((each) => ({ ...each, index: part[each.index]!.index })) };
}

function join(a: Appended, b: Appended): Appended {
  return { appended: a.appended + b.appended, rejected: [...a.rejected, ...b.rejected].sort((x, y) => x.index - y.index) };
}

/** Why a draft alone would be refused. */
function judge({ key, type, body, time }: Draft): Fault | undefined {
  try {
    encodeEvent({ stamp: ZERO_STAMP, time: time ?? 0, joined: false, key, type, body: body as Value });
    return undefined;
  } catch (error) {
    return error instanceof Fault ? error : new Fault('bad-event', String(error), { cause: error });
  }
}

async function* listen(links: Links, url: string, signal: AbortSignal): AsyncGenerator<ListenNews> {
  const news: ListenNews[] = [];
  let wake = () => {};
  const end = new AbortController();
  const abort = () => {
    end.abort();
    wake();
  };
  if (signal.aborted) return;
  signal.addEventListener('abort', abort);
  try {
    await links.listen(url, end.signal, (each) => {
      // News is for people: when nobody takes it, the oldest goes.
      if (news.length >= 1_000) news.shift();
      news.push(each);
      wake();
    });
    while (!signal.aborted) {
      for (let each = news.shift(); each !== undefined; each = news.shift()) yield each;
      if (!signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', abort);
    end.abort();
  }
}
