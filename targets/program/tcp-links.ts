// TCP links of a node that runs: listeners, peers that are dialled for ever, and single exchanges.

import { codeOf, Fault } from '../../src/fault.ts';
import { dialTcp, listenTcp, type Listener } from '../../src/io/tcp.ts';
import type { Framing, TcpLink } from '../../src/io/tcp-link.ts';
import type { Link } from '../../src/ports.ts';
import type { Exchange, PeerReport } from './database.ts';
import { account, type Account } from './link-budget.ts';
import type { KeptLink } from './link-settings.ts';
import type { LinkEvents, LinkKind } from './links.ts';

/** A conversation with a peer over one link. */
export interface Conversation {
  /** Who is there, once the handshake is done. */
  readonly peer: { node: string; name: string; known: boolean } | undefined;
  /** Resolves when it ended in good order (for a single exchange: when both sides hold the same). Rejects with why it did not. */
  /** Another link to the same process is used. */
  readonly resting: boolean;
  readonly done: Promise<Exchange>;
  close(): void;
}

/** Starts a conversation on a fresh link. `patience`: as for `Node.connect`. */
export type Converse = (link: Link, role: 'open' | 'accept', once: boolean, preference?: number, patience?: number) => Conversation;

/** Waits between attempts to reach a peer: from one to the other, doubling, each taken at random between half and one and a half. */
const FIRST_WAIT_MS = 1_000, LONGEST_WAIT_MS = 60_000;
/** A link that held this long was a good one: the next attempt comes soon. */
const GOOD_MS = 30_000;
/** How long the news of a connection waits for the name of who it is. */
const NAME_MS = 3_000;
/** How often what went over a link is charged to its budget. */
const CHARGE_MS = 250;
/** How often the progress of an exchange is told. */
const PROGRESS_MS = 200;

/** One link, or one peer that is dialled again and again, as the status shows it. */
interface Shown { url: string; link: TcpLink | undefined; conversation: Conversation | undefined; reason?: string }

/** The TCP links of one node. `random` gives numbers from 0 to 1, for the waits. */
export function tcpLinks(framing: Framing, converse: Converse, events: LinkEvents, random: () => number): Required<LinkKind> {
  const end = new AbortController();
  const listeners = new Set<Listener>();
  const shown = new Set<Shown>();
  const active = new Set<Promise<unknown>>();
  // Both ends of a link that this process has with itself meet here: their addresses, as each sees them.
  const ownEnds = new Map<string, { itself: boolean }>();
  const arrivals = new Set<string>();
  const gone = { accepted: 0, refused: 0, garbage: 0 };
  let strangers = 0;

  /** Follows one conversation to its end. Never rejects; returns its outcome. */
  async function follow(url: string, link: TcpLink, role: 'open' | 'accept', once: boolean, entry: Shown, preference?: number): Promise<{ exchange?: Exchange; fault?: Fault; peer?: string }> {
    // Refused at once (the node is closing): the link must not stay open.
    let conversation: Conversation;
    try {
      conversation = converse(link, role, once, preference);
    } catch (error) {
      link.close('not wanted');
      return { fault: asFault(error) };
    }
    entry.link = link;
    entry.conversation = conversation;
    const began = performance.now();
    let told = false, ended = false;
    const tell = () => {
      const { peer } = conversation;
      if (told || peer === undefined) return;
      // A new member's name arrives with the first things it says: worth a moment.
      if (!peer.known && !ended && performance.now() - began < NAME_MS) return;
      told = true;
      events.connected(url, { node: peer.node, name: peer.name });
    };
    const watch = setInterval(tell, PROGRESS_MS);
    try {
      const exchange = await conversation.done;
      ended = true;
      tell();
      return { exchange, ...named(conversation) };
    } catch (error) {
      return { fault: asFault(error), ...named(conversation) };
    } finally {
      clearInterval(watch);
      entry.conversation = undefined;
    }
  }

  /** Runs a conversation on a link that this side opened. Fault `bad-argument` when it leads back to this very process. */
  async function followDialled(url: string, link: TcpLink, once: boolean, entry: Shown, preference?: number): ReturnType<typeof follow> {
    const end = { itself: arrivals.has(link.local) };
    ownEnds.set(link.local, end);
    try {
      const ended = end.itself ? {} : await follow(url, link, 'open', once, entry, preference);
      if (!end.itself) return ended;
      link.close('this node itself');
      return { fault: new Fault('bad-argument', `${url} leads back to this node itself.`) };
    } finally {
      ownEnds.delete(link.local);
    }
  }

  function track<T>(work: Promise<T>): Promise<T> {
    active.add(work);
    void work.finally(() => active.delete(work)).catch(() => {});
    return work;
  }

  async function keep({ url, preference, budget }: KeptLink): Promise<void> {
    const entry: Shown = { url, link: undefined, conversation: undefined }, money = budget && account(budget, performance.now());
    shown.add(entry);
    let wait = FIRST_WAIT_MS;
    while (!end.signal.aborted) {
      const began = performance.now();
      delete entry.reason;
      let reason: string, peer: string | undefined, code: string | undefined;
      try {
        const link = await dialTcp(url, framing, { signal: end.signal });
        const ended = await withinBudget(money, link, () => entry.conversation?.close(), followDialled(url, link, false, entry, preference));
        peer = ended.peer;
        code = ended.fault?.code;
        reason = ended.fault?.message ?? 'the peer closed the link';
      } catch (error) {
        reason = asFault(error).message;
      }
      if (end.signal.aborted) return;
      // The URL stands beside the reason wherever it is shown.
      if (reason.startsWith(url)) reason = reason.slice(url.length).replace(/^:? /, '');
      entry.reason = reason;
      if (performance.now() - began > GOOD_MS) wait = FIRST_WAIT_MS;
      // Nothing but news of the fleet, which come by another way, will change that.
      if (code === 'revoked') wait = LONGEST_WAIT_MS;
      const poor = money?.spent ? money.wait(performance.now()) : 0;
      if (poor > 0) entry.reason = reason = `its budget is used up; it goes on in ${Math.ceil(poor / 60_000)} min`;
      const pause = Math.max(poor, Math.round(wait * (0.5 + random())));
      events.ended(url, reason, peer, pause);
      await sleep(pause, end.signal);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }

  return {
    schemes: ['tcp'],
    async listen(url, signal, onNews) {
      const arrived = new WeakMap<TcpLink, Shown>();
      const listener = await listenTcp(url, framing, (link) => {
        const itself = ownEnds.get(link.remote);
        if (itself !== undefined) {
          itself.itself = true;
          return link.close('this node itself');
        }
        arrivals.add(link.remote);
        const entry: Shown = { url: link.remote, link, conversation: undefined };
        shown.add(entry);
        arrived.set(link, entry);
        onNews?.({ kind: 'connected', peer: link.remote });
        void track(follow(link.remote, link, 'accept', false, entry)).then(({ exchange, fault, peer }) => {
          shown.delete(entry);
          arrivals.delete(link.remote);
          const reason = fault?.message ?? 'done';
          if (peer === undefined) strangers++;
          else events.ended(link.remote, reason, peer, undefined);
          onNews?.({ kind: 'ended', peer: link.remote, reason, exchange: exchange ?? { sent: 0, received: 0, bytesOut: link.traffic.out, bytesIn: link.traffic.in, ms: 0 } });
        });
      }, { proven: (link) => arrived.get(link)?.conversation?.peer !== undefined });
      listeners.add(listener);
      const stop = () => {
        for (const what of ['accepted', 'refused', 'garbage'] as const) gone[what] += listener.counts[what];
        listeners.delete(listener);
        void track(listener.close());
      };
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop);
      onNews?.({ kind: 'listening', url: listener.url });
      return listener;
    },
    keep(link) { void track(keep(link)); },
    async once(url, signal, progress) {
      const link = await dialTcp(url, framing, { signal });
      const entry: Shown = { url, link, conversation: undefined };
      shown.add(entry);
      const told = setInterval(() => progress(link.traffic.out, link.traffic.in), PROGRESS_MS);
      const stop = () => {
        entry.conversation?.close();
        link.close('given up');
      };
      signal.addEventListener('abort', stop);
      try {
        const { exchange, fault, peer } = await track(followDialled(url, link, true, entry));
        if (exchange !== undefined) return exchange;
        if (signal.aborted) throw new Fault('closed', `The exchange with ${url} was given up; what had arrived is kept.`);
        // A peer that shares no secret with us says nothing at all: from here that looks like any other end.
        const stranger = peer === undefined && fault!.code === 'link-closed' ? ' It belongs to another fleet, has revoked this node, or is no Holdfast node.' : '';
        throw new Fault(fault!.code, `${url}: ${fault!.message}${stranger === '' ? '' : `.${stranger}`}`, { cause: fault });
      } finally {
        signal.removeEventListener('abort', stop);
        clearInterval(told);
        shown.delete(entry);
      }
    },
    listening: () => [...listeners].map((each) => each.url),
    counts() {
      const sum = (what: 'accepted' | 'refused' | 'garbage') => [...listeners].reduce((total, each) => total + each.counts[what], gone[what]);
      return { accepted: sum('accepted'), refused: sum('refused'), garbage: sum('garbage'), strangers };
    },
    peers: () => [...shown].map(({ url, link, conversation, reason }): PeerReport => {
      const peer = conversation?.peer;
      return {
        url, state: peer !== undefined ? 'connected' : reason === undefined ? 'connecting' : 'waiting',
        in: link?.traffic.in ?? 0, out: link?.traffic.out ?? 0,
        ...(peer === undefined ? {} : { node: peer.node, name: peer.name }), ...(conversation?.resting ? { resting: true } : {}), ...(reason === undefined ? {} : { reason }),
      };
    }),
    async close() {
      end.abort();
      for (const { conversation } of shown) conversation?.close();
      await Promise.all([...listeners].map((each) => each.close()));
      listeners.clear();
      await Promise.allSettled(active);
    },
  };
}

function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault(codeOf(error), error instanceof Error ? error.message : String(error), { cause: error });
}

function named({ peer }: Conversation): { peer?: string } {
  return peer === undefined ? {} : { peer: peer.name };
}

/** Charges what goes over a link to its account, both ways, and ends the conversation when that is empty. */
async function withinBudget<T>(money: Account | undefined, link: TcpLink, end: () => void, work: Promise<T>): Promise<T> {
  if (money === undefined) return work;
  let counted = 0;
  const charge = (): void => {
    const now = link.traffic.in + link.traffic.out;
    money.spend(now - counted, performance.now());
    counted = now;
    if (money.spent) end();
  };
  const timer = setInterval(charge, CHARGE_MS);
  return work.finally(() => {
    clearInterval(timer);
    charge();
  });
}

/** Waits; ends early with `signal`. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
