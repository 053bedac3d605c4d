// TCP as a carrier of links: dialling a peer, and a listener that strangers cannot exhaust.

import { connect, createServer, type Socket } from 'node:net';
import { Fault } from '../fault.ts';
import { formatAddress, parseAddress } from './address.ts';
import { tcpLink, type Framing, type TcpLink } from './tcp-link.ts';

/** A connection that is not up after this long is given up. */
const DIAL_MS = 15_000;
/** Time for each address of a name before the next is tried as well; long enough for a satellite. */
const ATTEMPT_MS = 3_000;
/** Connections that one listener holds at a time, and those from one address of which nobody knows yet who they are. */
export const CONNECTIONS = 128;
export const STRANGERS_PER_ADDRESS = 32;

/**
 * Opens a link to `url`. `signal` gives it up early.
 * Faults: `bad-url`, `unsupported`, `link-failed` (refused, unresolvable, unreachable), `timeout`, `closed` (given up); all name the URL.
 */
export function dialTcp(url: string, framing: Framing, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<TcpLink> {
  const address = parseAddress(url);
  if (address.port === 0) throw new Fault('bad-url', `${url}: port 0 is for listening; a peer has a port of its own`);
  const limit = options.timeoutMs ?? DIAL_MS;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ATTEMPT_MS, noDelay: true });
    const timer = setTimeout(() => fail(new Fault('timeout', `${url} did not answer within ${Math.round(limit / 1000)} s. Is the address right, and does a firewall let it through?`)), limit);
    const onAbort = () => fail(new Fault('closed', `The connection to ${url} was given up.`));
    const onError = (error: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }) => {
      // With several addresses of one name the codes are inside; a refusal tells most.
      const codes = [error.code, ...(error.errors ?? []).map((each) => each.code)].filter((code) => code !== undefined);
      const code = codes.find((each) => each === 'ECONNREFUSED') ?? codes[0] ?? error.message;
      fail(new Fault(code === 'ETIMEDOUT' ? 'timeout' : 'link-failed', dialSentence(url, address.host, code), { cause: error }));
    };
    function settle(): void {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    }
    function fail(fault: Fault): void {
      settle();
      // A late error of a socket that nobody waits for must not end the process.
      socket.on('error', () => {});
      socket.destroy();
      reject(fault);
    }
    socket.on('error', onError);
    if (options.signal?.aborted) return onAbort();
    options.signal?.addEventListener('abort', onAbort);
    socket.on('connect', () => {
      settle();
      resolve(tcpLink(socket, framing, url));
    });
  });
}

function dialSentence(url: string, host: string, code: string): string {
  switch (code) {
    case 'ECONNREFUSED': return `${url} refused the connection. Is a node listening there?`;
    case 'ENOTFOUND': return `${url}: there is no host named ${host}.`;
    case 'EAI_AGAIN': return `${url}: the name ${host} cannot be looked up now; the network or its name server is away.`;
    case 'ETIMEDOUT': return `${url} did not answer. Is the address right, and does a firewall let it through?`;
    case 'EHOSTUNREACH': case 'ENETUNREACH': case 'ENETDOWN': return `${url} cannot be reached from here; the network or the host is down.`;
    case 'EADDRNOTAVAIL': return `${url} cannot be reached: this machine has no address to reach it from.`;
    default: return `${url} cannot be reached (${code}).`;
  }
}

/** What a listener has seen so far. */
export interface ListenerCounts {
  /** Links handed over. */
  accepted: number;
  /** Connections turned away or cut because there were too many. */
  refused: number;
  /** Links cut because their bytes were no frames. */
  garbage: number;
  /** Connections open now. */
  open: number;
}

/** A socket that waits for peers. */
export interface Listener {
  /** Where it listens, with the real port. */
  readonly url: string;
  readonly counts: Readonly<ListenerCounts>;
  /** Stops listening and cuts the connections that are open. */
  close(): Promise<void>;
}

/**
 * Listens on `url` (port 0: the system chooses) and hands each link to `onLink`, which sets the link's handlers before it returns.
 * At most 128 connections at a time. When they are all taken, or 32 from one address that are not `proven`, the oldest that is not proven makes room: who only
 * holds connections open cannot keep honest peers out, since these prove themselves within moments. When all are proven, newcomers are turned away.
 * Faults: `bad-url`, `unsupported`, `busy` (the port is taken), `link-failed` (no such address here, no permission).
 */
export function listenTcp(url: string, framing: Framing, onLink: (link: TcpLink) => void, options: { most?: number; mostPerAddress?: number; proven?: (link: TcpLink) => boolean } = {}): Promise<Listener> {
  const address = parseAddress(url);
  const most = options.most ?? CONNECTIONS;
  const mostPerAddress = options.mostPerAddress ?? STRANGERS_PER_ADDRESS;
  const proven = options.proven ?? (() => false);
  const counts = { accepted: 0, refused: 0, garbage: 0, get open() { return held.size; } };
  // In the order in which they came.
  const held = new Map<Socket, { from: string; link: TcpLink }>();

  /** Makes room for one more from an address. False when nobody can be asked to go. */
  function makeRoom(from: string): boolean {
    const strangers = [...held].filter(([, each]) => !proven(each.link));
    const neighbours = strangers.filter(([, each]) => each.from === from);
    const goes = neighbours.length >= mostPerAddress ? neighbours[0] : held.size >= most ? strangers[0] : undefined;
    if (goes === undefined) return held.size < most;
    counts.refused++;
    held.delete(goes[0]);
    goes[0].destroy();
    return true;
  }

  const server = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
    const from = socket.remoteAddress;
    // A connection that died before it was taken has no address any more.
    if (from === undefined) return void socket.destroy();
    if (!makeRoom(from)) {
      counts.refused++;
      return void socket.destroy();
    }
    counts.accepted++;
    const link = tcpLink(socket, framing, formatAddress({ host: from.replace(/^::ffff:/, ''), port: socket.remotePort ?? 0 }), () => void counts.garbage++);
    held.set(socket, { from, link });
    socket.on('close', () => held.delete(socket));
    onLink(link);
  });

  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(url, error)));
    server.listen({ host: address.host, port: address.port }, () => {
      const bound = server.address();
      const port = bound !== null && typeof bound === 'object' ? bound.port : address.port;
      // Running out of descriptors while accepting is reported here; the listener stays up and takes the next one.
      server.on('error', () => void counts.refused++);
      resolve({
        url: formatAddress({ host: address.host, port }),
        counts,
        close: () => new Promise<void>((done) => {
          server.close(() => done());
          for (const socket of held.keys()) socket.destroy();
        }),
      });
    });
  });
}

function listenFault(url: string, error: NodeJS.ErrnoException): Fault {
  switch (error.code) {
    case 'EADDRINUSE': return new Fault('busy', `${url} is taken: another program listens there. Choose another port, or 0 for any free one.`, { cause: error });
    case 'EACCES': return new Fault('link-failed', `${url}: this user may not listen on that port; choose one above 1023.`, { cause: error });
    case 'EADDRNOTAVAIL': return new Fault('link-failed', `${url}: this machine has no such address; tcp://0.0.0.0:PORT listens on all it has.`, { cause: error });
    case 'ENOTFOUND': case 'EAI_AGAIN': return new Fault('link-failed', `${url}: the name cannot be looked up.`, { cause: error });
    default: return new Fault('link-failed', `${url}: cannot listen there (${error.code ?? error.message}).`, { cause: error });
  }
}
