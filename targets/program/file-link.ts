// Sticks and folders as links of a node that runs: whenever one appears it is read, then written, then said to be safe to remove.

import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf, Fault } from '../../src/fault.ts';
import type { Node } from '../../src/node.ts';
import { volumesIn } from './bundle-folder.ts';
import type { ConnectionCounts, Exchange, PeerReport } from './database.ts';
import { presenceOf, type Presence } from './file-presence.ts';
import { parseFileUrl, type FilePlace } from './file-url.ts';
import { takesNothing, visitPlace, type Visit } from './file-visit.ts';
import type { LinkEvents, LinkKind } from './links.ts';

/** How often a place is looked for; the file system may tell sooner. */
const POLL_MS = 2_000;
/** A plain folder never goes away: this often there is another visit to it. */
const PLAIN_MS = 300_000;
/** After a visit that failed while the stick stayed, it is tried again. */
const AGAIN_MS = 30_000;
const NOBODY: ConnectionCounts = { accepted: 0, refused: 0, garbage: 0, strangers: 0 };

/** One place that is kept. `id`: of the stick that was visited last; `at`: when (uptime, ms); `names`: of the volumes that lay there then. */
interface Kept { url: string; place: FilePlace; shown: PeerReport; id: string | undefined; at: number; due: number; names: string; wake(): void }

/** The file links of one node. `notice` hears what a person with a stick in the hand wants to know. */
export function fileLinks(node: Node, events: LinkEvents, notice: (text: string) => void): LinkKind {
  const kept = new Map<string, Kept>(), work = new Set<Promise<unknown>>(), watchers = new Set<FSWatcher>();
  let closed = false;

  function track<T>(job: Promise<T>): Promise<T> {
    work.add(job);
    void job.catch(() => {}).finally(() => work.delete(job));
    return job;
  }

  /** A hint is enough, and none is needed: not every file system tells. */
  function hint(one: Kept): void {
    try {
      const watcher = watch(dirname(one.place.path), { persistent: false }, (_, name) => { if (name === null || name === basename(one.place.path)) one.wake(); });
      watcher.on('error', () => watchers.delete(watcher));
      watchers.add(watcher);
    } catch { /* looked for all the same */ }
  }

  async function follow(one: Kept): Promise<void> {
    hint(one);
    while (!closed) {
      await look(one).catch((error: unknown) => {
        // The store is full, or the node stops: said once, tried again.
        const words = error instanceof Error ? error.message : String(error);
        if (one.shown.reason !== words && !closed) notice(`${one.url}: ${words}`);
        show(one, 'connected', words);
        one.due = performance.now() + AGAIN_MS;
      });
      if (!closed) await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        one.wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  }

  function show(one: Kept, state: PeerReport['state'], reason: string): void {
    one.shown = { ...one.shown, state, reason };
  }

  async function look(one: Kept): Promise<void> {
    const presence = await presenceOf(one.place);
    if (!presence.there) return gone(one, presence);
    const names = (await volumesIn(one.place.path).catch(() => [])).join('\n'), now = performance.now();
    if (presence.id !== one.id || now >= one.due || (one.place.plain && now - one.at >= PLAIN_MS)) await visit(one, presence.id, true);
    // Somebody has put something there since: it is read; what is new here goes with the next stick.
    else if (names !== one.names) await visit(one, presence.id, false);
  }

  function gone(one: Kept, { why }: Presence & { there: false }): void {
    if (one.id !== undefined) {
      one.id = undefined;
      events.ended(one.url, 'it was taken out', undefined, undefined);
    }
    one.due = Infinity;
    show(one, 'waiting', why);
  }

  async function visit(one: Kept, id: string, write: boolean): Promise<void> {
    one.id = id;
    one.due = Infinity;
    show(one, 'connecting', 'looking at what is there; do not remove it');
    const done = await visitPlace(node, one.place, (words, bytesIn, bytesOut) => {
      // Whole blocks are of use: the next visit goes on with them.
      if (closed) throw new Fault('closed', 'this node stops');
      one.shown = { ...one.shown, state: 'connecting', reason: `${words}; do not remove it`, in: bytesIn, out: bytesOut };
    }, write);
    const presence = await presenceOf(one.place);
    one.at = performance.now();
    one.shown = { ...one.shown, in: done.bytesIn, out: done.bytesOut };
    if (!presence.there) {
      notice(`${one.url}: it was pulled out in the middle; ${done.received > 0 ? 'what was read of it is kept, and ' : ''}the rest goes on when it comes back`);
      return gone(one, presence);
    }
    one.names = (await volumesIn(one.place.path).catch(() => [])).join('\n');
    const failed = done.failed !== undefined && !takesNothing(done);
    if (failed) one.due = one.at + AGAIN_MS;
    const words = `${done.words}; safe to remove`;
    if (one.shown.reason !== words) notice(`${one.url}: ${words}`);
    show(one, 'connected', words);
  }

  return {
    schemes: ['file'],
    keep({ url }) {
      if (closed || kept.has(url)) return;
      const one: Kept = { url, place: parseFileUrl(url), shown: { url, state: 'waiting', in: 0, out: 0 }, id: undefined, at: 0, due: Infinity, names: '', wake: () => {} };
      kept.set(url, one);
      void track(follow(one));
    },
    async once(url, signal, progress): Promise<Exchange> {
      const place = parseFileUrl(url), presence = await presenceOf(place), began = performance.now();
      if (!presence.there) throw new Fault('not-found', `${url}: ${presence.why}`);
      const done: Visit = await track(visitPlace(node, place, (_, bytesIn, bytesOut) => {
        if (signal.aborted || closed) throw new Fault('closed', `The visit to ${url} was given up; what was read is kept, and the same goes on with what was written.`);
        progress(bytesOut, bytesIn);
      }));
      if (done.failed !== undefined) throw new Fault(codeOf(done.failed), `${url}: ${done.words}`, { cause: done.failed });
      return { sent: done.sent, received: done.received, bytesOut: done.bytesOut, bytesIn: done.bytesIn, ms: Math.round(performance.now() - began) };
    },
    listening: () => [],
    counts: () => NOBODY,
    peers: () => [...kept.values()].map(({ shown }) => shown),
    async close() {
      closed = true;
      for (const watcher of watchers) watcher.close();
      for (const one of kept.values()) one.wake();
      // A volume that is being written ends as a whole one, or as a part that is gone on with.
      await Promise.allSettled([...work]);
    },
  };
}
