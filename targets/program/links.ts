// The links of a node that runs, whatever carries them: each URL goes to the kind of link that its scheme names.

import { Fault } from '../../src/fault.ts';
import type { Listener } from '../../src/io/tcp.ts';
import type { ConnectionCounts, Exchange, ListenNews, PeerReport } from './database.ts';
import type { KeptLink } from './link-settings.ts';
import { cannotListen, checkUrl, schemeOf, shownUrl } from './link-url.ts';

/** What happens on the links, for whoever shows it. */
export interface LinkEvents {
  connected(url: string, peer: { node: string; name: string }): void;
  /** `peer`: its name, if it got as far as a handshake; `retry`: milliseconds until the next attempt, for peers that are dialled. Not told of strangers that came and went: they are counted. */
  ended(url: string, reason: string, peer: string | undefined, retry: number | undefined): void;
}

/** The links of one kind. URLs were checked before (link-url.ts). */
export interface LinkKind {
  readonly schemes: readonly string[];
  /** Listens until `signal`, or for ever; kinds without it cannot be listened on. */
  listen?(url: string, signal?: AbortSignal, onNews?: (news: ListenNews) => void): Promise<Listener>;
  /** Keeps a link, for ever. */
  keep(link: KeptLink): void;
  /** One exchange; resolves when both sides hold the same. */
  once(url: string, signal: AbortSignal, progress: (bytesOut: number, bytesIn: number) => void): Promise<Exchange>;
  listening(): string[];
  peers(): PeerReport[];
  /** Connections that came since the start. */
  counts(): ConnectionCounts;
  close(): Promise<void>;
}

/** All links of one node. */
export interface Links extends Omit<LinkKind, 'schemes' | 'listen'> {
  /** Fault `bad-url` for a kind that only dials. */
  listen(url: string, signal?: AbortSignal, onNews?: (news: ListenNews) => void): Promise<Listener>;
}

/** Joins the kinds. `listen` and `once` have the faults of `checkUrl` besides their own; what is kept comes from settings that were checked. */
export function openLinks(kinds: readonly LinkKind[]): Links {
  const meter = meterOf(() => kinds.flatMap((each) => each.peers()));
  const kindOf = (url: string): LinkKind => {
    const kind = kinds.find(({ schemes }) => schemes.includes(schemeOf(url)));
    if (kind === undefined) throw new Fault('unsupported', `${shownUrl(url)}: this process has no such links`);
    return kind;
  };
  return {
    async listen(url, signal, onNews) {
      await checkUrl(url);
      const kind = kindOf(url);
      if (kind.listen === undefined) throw cannotListen(url);
      return kind.listen(url, signal, onNews);
    },
    keep: (link) => kindOf(link.url).keep(link),
    async once(url, signal, progress) {
      await checkUrl(url);
      return kindOf(url).once(url, signal, progress);
    },
    listening: () => kinds.flatMap((each) => each.listening()),
    peers: () => kinds.flatMap((each) => each.peers()).map((peer) => meter.rated(peer)),
    counts: () => kinds.map((each) => each.counts()).reduce((sum, each) => ({
      accepted: sum.accepted + each.accepted, refused: sum.refused + each.refused, garbage: sum.garbage + each.garbage, strangers: sum.strangers + each.strangers,
    })),
    async close() {
      meter.stop();
      await Promise.all(kinds.map((each) => each.close()));
    },
  };
}

/** How often links are looked at, and by how much a rate that was not reached again counts less each time. */
const METER_MS = 5_000, FADE = 0.98;

/** Measures what links carry when they are busy. */
function meterOf(peers: () => PeerReport[]): { rated(peer: PeerReport): PeerReport; stop(): void } {
  const seen = new Map<string, { bytes: number; at: number; rate: number }>();
  const timer = setInterval(() => {
    const now = performance.now(), names = new Set<string>();
    for (const { url, in: bytesIn, out } of peers()) {
      const bytes = bytesIn + out, before = seen.get(url);
      names.add(url);
      // A link that was dialled anew counts from zero again.
      const rate = before && bytes >= before.bytes ? (bytes - before.bytes) * 1_000 / (now - before.at) : 0;
      seen.set(url, { bytes, at: now, rate: Math.max(rate, (before?.rate ?? 0) * FADE) });
    }
    for (const url of seen.keys()) if (!names.has(url)) seen.delete(url);
  }, METER_MS);
  timer.unref();
  return {
    rated(peer) {
      const rate = Math.round(seen.get(peer.url)?.rate ?? 0);
      return rate > 0 ? { ...peer, rate } : peer;
    },
    stop: () => clearInterval(timer),
  };
}

/** A kind whose code is loaded when its first link is asked for: a node without such links keeps none of it in memory. `failed` hears when it cannot be. */
export function laterKind(schemes: readonly string[], load: () => Promise<LinkKind>, failed: (error: unknown) => void): Required<LinkKind> {
  let loading: Promise<LinkKind> | undefined, loaded: LinkKind | undefined, closed = false;
  const waiting = new Set<KeptLink>();
  const kind = (): Promise<LinkKind> => loading ??= load().then((one) => (loaded = one));
  return {
    schemes,
    keep(link) {
      if (closed) return;
      waiting.add(link);
      kind().then((one) => { if (!closed) one.keep(link); }).catch(failed).finally(() => waiting.delete(link));
    },
    async listen(url, signal, onNews) {
      const { listen } = await kind();
      if (listen === undefined) throw cannotListen(url);
      return listen(url, signal, onNews);
    },
    once: async (url, signal, progress) => (await kind()).once(url, signal, progress),
    listening: () => loaded?.listening() ?? [],
    peers: () => [...[...waiting].map(({ url }): PeerReport => ({ url: shownUrl(url), state: 'connecting', in: 0, out: 0 })), ...loaded?.peers() ?? []],
    counts: () => loaded?.counts() ?? { accepted: 0, refused: 0, garbage: 0, strangers: 0 },
    async close() {
      closed = true;
      await (await loading?.catch(() => undefined))?.close();
    },
  };
}
