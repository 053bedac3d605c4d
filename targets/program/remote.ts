// The database of a running node, asked over its control socket.

import type { Value } from '../../src/event/value.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import type { Channel } from '../../src/io/channel.ts';
import type { ImportReport } from '../../src/node-import.ts';
import type { Appended, BackupMade, BundleMade, Database, Draft, Entry, Exchange, Followed, InviteWish, KeyLatest, ListenNews, Page, Query, Repaired, Report, StreamSize, Verified } from './database.ts';
import type { TokensTold } from './http-tokens.ts';
import { asList, asMap, asNumber, asText, draftToWire, END, entryFromWire, faultFromWire, ITEM, toWire } from './wire.ts';

// Faults of requests that never left: they can be asked again, of whoever has the store next, without being done twice.
const unsent = new WeakSet<object>();

/** Whether a fault means that the running node had stopped before it was asked. */
export function wasNotAsked(error: unknown): boolean {
  return error !== null && typeof error === 'object' && unsent.has(error);
}

function notAsked(): Fault {
  const fault = new Fault('closed', 'The running node has stopped.');
  unsent.add(fault);
  return fault;
}

/** Wraps a channel that is connected to a running node; `more` opens another when several operations go on at a time. */
export function remoteDatabase(first: Channel, more: () => Promise<Channel | undefined>): Database {
  const idle: Channel[] = [first];
  const open = new Set<Channel>([first]);

  /** Sends one request and yields its items; returns what it ended with. Left early, the channel is closed, and the node stops working on it. */
  async function* call(signal: AbortSignal | undefined, ...request: [method: string, ...args: unknown[]]): AsyncGenerator<Value, Value> {
    let channel = idle.pop();
    while (channel?.gone.aborted) channel = idle.pop();
    channel ??= await more();
    if (channel === undefined || channel.gone.aborted) throw notAsked();
    open.add(channel);
    const stop = () => channel.close();
    signal?.addEventListener('abort', stop);
    let whole = false;
    try {
      if (signal?.aborted) return null;
      await channel.send(request.map(toWire));
      for (;;) {
        const reply = await channel.next();
        if (reply === undefined) {
          if (signal?.aborted) return null;
          throw new Fault('closed', 'The running node stopped before it had answered; what it had acknowledged is kept.');
        }
        const [kind, value, message] = asList(reply);
        if (kind === ITEM) {
          yield value ?? null;
          continue;
        }
        whole = true;
        if (kind === END) return value ?? null;
        throw faultFromWire(value, message);
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      if (whole && !channel.gone.aborted) idle.push(channel);
      else {
        open.delete(channel);
        channel.close();
      }
    }
  }
  /** A request whose answer is one value. */
  async function ask(...request: [method: string, ...args: unknown[]]): Promise<Value> {
    for (const answers = call(undefined, ...request);;) {
      const step = await answers.next();
      if (step.done) return step.value;
    }
  }
  /** A request that tells two numbers on its way. */
  async function watched(progress: (a: number, b: number) => void, ...request: [method: string, ...args: unknown[]]): Promise<Value> {
    for (const answers = call(undefined, ...request);;) {
      const step = await answers.next();
      if (step.done) return step.value;
      const [a, b] = asList(step.value);
      progress(asNumber(a), asNumber(b));
    }
  }
  async function* entries(signal: AbortSignal | undefined, method: string, stream: string, query: Query): AsyncGenerator<Entry> {
    for await (const batch of call(signal, method, stream, query)) yield* asList(batch).map(entryFromWire);
  }
  async function page(...request: [method: string, ...args: unknown[]]): Promise<Page> {
    const found: Entry[] = [];
    for (const answers = call(undefined, ...request);;) {
      const step = await answers.next();
      if (step.done) return { entries: found, ...(step.value === null ? {} : { next: asText(step.value) }) };
      found.push(...asList(step.value).map(entryFromWire));
    }
  }
  // The node answers with the structures of database.ts; it runs the same program, so their parts are not checked again one by one.
  const structure = <T>(value: Value): T => asMap(value) as T;

  return {
    remote: true,
    async append(stream, drafts: Draft[], urgent): Promise<Appended> {
      const refused: Appended['rejected'] = [];
      const encoded: Value[] = [];
      const indexes: number[] = [];
      drafts.forEach((draft, index) => {
        try {
          encoded.push(draftToWire(draft));
          indexes.push(index);
        } catch (error) {
          refused.push({ index, code: codeOf(error), message: (error as Error).message });
        }
      });
      if (encoded.length === 0) return { appended: 0, rejected: refused };
      const answer = structure<Appended>(await ask('append', stream, encoded, urgent));
      const theirs = answer.rejected.map((each) => ({ ...each, index: indexes[each.index] ?? each.index }));
      return { appended: answer.appended, rejected: [...refused, ...theirs].sort((a, b) => a.index - b.index) };
    },
    read: (stream, query) => entries(undefined, 'read', stream, query),
    page: (stream, query, after) => page('page', stream, query, after),
    follow: (stream, query, signal) => entries(signal, 'follow', stream, query),
    async *resume(stream, query, from, signal): AsyncGenerator<Followed> {
      for await (const told of call(signal, 'resume', stream, query, from)) yield typeof told === 'string' ? { cursor: told } : { entry: entryFromWire(told) };
    },
    async latest(stream, key) {
      const found = await ask('latest', stream, key);
      return found === null ? undefined : entryFromWire(found);
    },
    async *keys(stream): AsyncGenerator<KeyLatest> {
      for await (const batch of call(undefined, 'keys', stream)) yield* asList(batch) as unknown as KeyLatest[];
    },
    latestPage: (stream, limit, after) => page('latestPage', stream, limit, after),
    streams: async () => asList(await ask('streams')) as unknown as StreamSize[],
    digest: async () => structure(await ask('digest')),
    report: async () => structure<Report>(await ask('report')),
    verify: async (progress) => structure<Verified>(await watched(progress, 'verify')),
    repair: async (from, progress) => structure<Repaired>(await watched(progress, 'repair', from)),
    invite: async (wish: InviteWish) => asText(await ask('invite', wish)),
    revoke: async (node, why, self) => structure(await ask('revoke', node, why, self)),
    release: async (node) => structure(await ask('release', node)),
    async sync(url, signal, progress) {
      for (const answers = call(signal, 'sync', url);;) {
        const step = await answers.next();
        if (step.done) {
          if (step.value === null) throw new Fault('closed', `The exchange with ${url} was given up; what had arrived is kept.`);
          return structure<Exchange>(step.value);
        }
        const [bytesOut, bytesIn] = asList(step.value);
        progress(asNumber(bytesOut), asNumber(bytesIn));
      }
    },
    exportTo: async (wish, progress) => structure<BundleMade>(await watched(progress, 'exportTo', wish)),
    importFrom: async (paths, progress) => structure<ImportReport>(await watched(progress, 'importFrom', paths)),
    backup: async (wish, progress) => structure<BackupMade>(await watched(progress, 'backup', wish)),
    tokens: async (wish) => structure<TokensTold>(await ask('tokens', wish)),
    async *listen(url, signal): AsyncGenerator<ListenNews> {
      for await (const news of call(signal, 'listen', url)) yield structure<ListenNews>(news);
    },
    close() {
      for (const channel of open) channel.close();
      return Promise.resolve();
    },
  };
}
