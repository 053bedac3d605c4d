// Serial links: a port is kept, or used for one exchange; whoever is at the other end of the line is met as soon as both are there.

import { serialLine } from '../../src/carry/serial-line.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import { openSerial, type SerialStation } from '../../src/io/serial.ts';
import { parseSerial, patienceOn } from '../../src/io/serial-address.ts';
import type { Listener } from '../../src/io/tcp.ts';
import type { Link, Random } from '../../src/ports.ts';
import type { ConnectionCounts, Exchange, ListenNews, PeerReport } from './database.ts';
import type { KeptLink } from './link-settings.ts';
import type { LinkEvents, LinkKind } from './links.ts';
import type { Conversation, Converse } from './tcp-links.ts';

/** How often a port that cannot be opened is tried again, and how often the progress of an exchange is told. */
const AGAIN_MS = 2_000, PROGRESS_MS = 200;
/** How long a single exchange waits for somebody at the other end; slow lines take some seconds for a greeting. */
const NOBODY_MS = 60_000;

/** One port as the status shows it. */
interface Shown { url: string; patience: number; link: Link | undefined; conversation: Conversation | undefined; reason: string | undefined; before: { in: number; out: number } }

/** The serial links of one node. */
export function serialLinks(converse: Converse, events: LinkEvents, random: Random): Required<LinkKind> {
  const end = new AbortController();
  const shown = new Map<string, Shown>();
  const work = new Set<Promise<unknown>>();
  const counts: ConnectionCounts = { accepted: 0, refused: 0, garbage: 0, strangers: 0 };

  function track<T>(one: Promise<T>): Promise<T> {
    work.add(one);
    void one.catch(() => {}).finally(() => work.delete(one));
    return one;
  }

  /** Opens a port; `met` gets each link that is made on it. Fault `busy` for a port that this node uses already. */
  async function open(url: string, met: (entry: Shown, link: Link, side: 'open' | 'accept') => void): Promise<{ entry: Shown; station: SerialStation; port: string }> {
    const address = parseSerial(url), { path, baud, mode, airtime } = address;
    if (shown.has(path)) throw new Fault('busy', `${path} is used by a link of this node already`);
    const entry: Shown = { url, patience: patienceOn(address), link: undefined, conversation: undefined, reason: undefined, before: { in: 0, out: 0 } };
    shown.set(path, entry);
    try {
      const station = await openSerial(address, (host, now) => serialLine({ now, random, baud, half: mode === 'half', airtime }, host), {
        onLink: (link, side) => met(entry, link, side),
        onPort(reason) {
          if (entry.reason === undefined && reason !== undefined) events.ended(url, `the port has gone (${reason})`, undefined, AGAIN_MS);
          entry.reason = reason;
        },
      });
      return { entry, station, port: path };
    } catch (error) {
      shown.delete(path);
      throw error;
    }
  }

  /** Follows one conversation to its end; never rejects. */
  async function follow(entry: Shown, link: Link, side: 'open' | 'accept', once: boolean, preference?: number): Promise<{ exchange?: Exchange; fault?: Fault }> {
    let conversation: Conversation;
    try {
      conversation = converse(link, side, once, preference, entry.patience);
    } catch (error) {
      link.close('not wanted');
      return { fault: asFault(error) };
    }
    entry.link = link;
    entry.conversation = conversation;
    entry.reason = undefined;
    let told = false;
    const watch = setInterval(() => {
      const { peer } = conversation;
      if (told || peer === undefined) return;
      told = true;
      counts.accepted++;
      events.connected(entry.url, { node: peer.node, name: peer.name });
    }, PROGRESS_MS);
    try {
      return { exchange: await conversation.done };
    } catch (error) {
      const fault = asFault(error);
      if (conversation.peer === undefined) counts.strangers++;
      else events.ended(entry.url, fault.message, conversation.peer.name, AGAIN_MS);
      entry.reason = fault.message;
      return { fault };
    } finally {
      clearInterval(watch);
      entry.before = { in: entry.before.in + link.traffic.in, out: entry.before.out + link.traffic.out };
      entry.link = entry.conversation = undefined;
    }
  }

  /** Keeps a port until `signal`: opened again and again until it is there, then looked after by itself. */
  async function keep({ url, preference }: KeptLink, signal: AbortSignal, opened: () => void = () => {}): Promise<void> {
    let last = '';
    while (!signal.aborted) {
      try {
        const { station, port } = await open(url, (entry, link, side) => void track(follow(entry, link, side, false, preference)));
        opened();
        await aborted(signal);
        await station.close('the node stops');
        shown.delete(port);
        return;
      } catch (error) {
        const { message } = asFault(error);
        if (message !== last) events.ended(url, message, undefined, AGAIN_MS);
        last = message;
        const { path } = parseSerial(url);
        if (!shown.has(path)) shown.set(path, { url, patience: 0, link: undefined, conversation: undefined, reason: message, before: { in: 0, out: 0 } });
        await aborted(signal, AGAIN_MS);
        if (shown.get(path)?.reason === message) shown.delete(path);
      }
    }
  }

  return {
    schemes: ['serial'],
    keep: (link) => void track(keep(link, end.signal)),
    async listen(url, signal, onNews): Promise<Listener> {
      const own = new AbortController(), stop = () => own.abort();
      end.signal.addEventListener('abort', stop);
      signal?.addEventListener('abort', stop);
      if (signal?.aborted || end.signal.aborted) stop();
      const news = (entry: ListenNews): void => onNews?.(entry);
      const { station, port } = await open(url, (entry, link, side) => {
        news({ kind: 'connected', peer: url });
        void track(follow(entry, link, side, false)).then(({ exchange, fault }) => news({ kind: 'ended', peer: url, reason: fault?.message ?? 'done', exchange: exchange ?? { sent: 0, received: 0, bytesOut: link.traffic.out, bytesIn: link.traffic.in, ms: 0 } }));
      });
      const over = track(aborted(own.signal).then(async () => {
        await station.close('the node stops');
        shown.delete(port);
      }));
      news({ kind: 'listening', url });
      return { url, counts: { accepted: 0, refused: 0, garbage: 0, open: 0 }, close: async () => { stop(); await over; } };
    },
    async once(url, signal, progress) {
      let finish!: (exchange: Exchange) => void, fail!: (fault: Fault) => void;
      const done = new Promise<Exchange>((resolve, reject) => { finish = resolve; fail = reject; });
      const { entry, station, port } = await open(url, (shownEntry, link, side) => {
        void track(follow(shownEntry, link, side, true)).then(({ exchange, fault }) => {
          if (exchange !== undefined) finish(exchange);
          // A line that broke is made again by itself, and the exchange goes on where it was; what the peer says is final.
          else if (fault!.code !== 'link-closed' && fault!.code !== 'timeout') fail(fault!);
        });
      });
      const told = setInterval(() => { if (entry.link) progress(entry.before.out + entry.link.traffic.out, entry.before.in + entry.link.traffic.in); }, PROGRESS_MS);
      const waits = Math.max(NOBODY_MS, entry.patience);
      const nobody = setTimeout(() => { if (!entry.conversation && entry.before.in === 0) fail(new Fault('timeout', `nobody answers on ${url} within ${Math.round(waits / 1_000)} s: does a node of this fleet use the other end, with the same baud rate and mode?`)); }, waits);
      const stop = () => fail(new Fault('closed', `The exchange over ${url} was given up; what had arrived is kept.`));
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
      try {
        return await track(done);
      } catch (error) {
        throw new Fault(codeOf(error), `${url}: ${asFault(error).message}`, { cause: error });
      } finally {
        signal.removeEventListener('abort', stop);
        clearInterval(told);
        clearTimeout(nobody);
        entry.conversation?.close();
        await station.close('done');
        shown.delete(port);
      }
    },
    listening: () => [],
    counts: () => ({ ...counts }),
    peers: () => [...shown.values()].map(({ url, link, conversation, reason, before }): PeerReport => {
      const peer = conversation?.peer;
      return {
        url, state: peer !== undefined ? 'connected' : reason === undefined ? 'connecting' : 'waiting', in: before.in + (link?.traffic.in ?? 0), out: before.out + (link?.traffic.out ?? 0),
        ...(peer === undefined ? {} : { node: peer.node, name: peer.name }), ...(conversation?.resting ? { resting: true } : {}), ...(peer !== undefined || reason === undefined ? {} : { reason }),
      };
    }),
    async close() {
      for (const { conversation } of shown.values()) conversation?.close();
      end.abort();
      await Promise.allSettled(work);
    },
  };
}

function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault(codeOf(error), error instanceof Error ? error.message : String(error), { cause: error });
}

/** Resolves when `signal` aborts, or after `ms`. */
function aborted(signal: AbortSignal, ms?: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = ms === undefined ? undefined : setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
