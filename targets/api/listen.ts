// The HTTP server around the API: bounds on connections, headers and slow clients, and an end that does not wait for anybody.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Fault } from '../../src/fault.ts';

/** Connections at a time; bytes and number of headers; how long headers may take, a connection may be quiet between requests, and within one, ms. */
const CONNECTIONS = 128, HEADER_BYTES = 65_536, HEADERS = 64, HEADERS_MS = 10_000, IDLE_MS = 10_000, QUIET_MS = 60_000;
/** How often slow clients are looked for, ms. */
const LOOK_MS = 2_000;
/** How long answers that are under way may take at the end, ms. */
const PARTING_MS = 2_500;

/** A server that listens. */
export interface Listening {
  host: string;
  port: number;
  /** Takes no more requests, and ends within 3 s. */
  close(): Promise<void>;
}

/**
 * Listens for requests. What answers them is loaded with the first one: a device whose page nobody opens carries none of it.
 * Faults: `busy` (the port is taken), `link-failed` (no such address here, no permission).
 */
export async function listenHttp(load: () => Promise<RequestListener>, host: string, port: number): Promise<Listening> {
  let answering: Promise<RequestListener> | undefined;
  const server = createServer({
    maxHeaderSize: HEADER_BYTES, headersTimeout: HEADERS_MS, keepAliveTimeout: IDLE_MS, connectionsCheckingInterval: LOOK_MS, highWaterMark: 65_536,
    // Lines of JSON may be sent for ever; pieces of them have their own time.
    requestTimeout: 0,
  }, (incoming, outgoing) => {
    // If it does not load this time (a card that cannot be read), the next request tries again.
    (answering ??= load()).then((answer) => answer(incoming, outgoing), () => {
      answering = undefined;
      outgoing.writeHead(503).end();
    });
  });
  server.maxConnections = CONNECTIONS;
  server.maxHeadersCount = HEADERS;
  // Nothing in either direction: a reader that does not read, a sender that does not send.
  server.setTimeout(QUIET_MS, (socket: Socket) => socket.destroy());
  await begin(server, host, port);
  return { host, port: (server.address() as AddressInfo).port, close: () => end(server) };
}

function begin(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      reject(error.code === 'EADDRINUSE' ? new Fault('busy', `The port of http://${where} is taken by another program.`, { cause: error })
        : new Fault('link-failed', `The node cannot listen at http://${where}: ${error.message}.`, { cause: error }));
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      // Of single connections: they end by themselves.
      server.on('error', () => {});
      resolve();
    });
  });
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const last = setTimeout(() => server.closeAllConnections(), PARTING_MS);
    server.close(() => {
      clearTimeout(last);
      resolve();
    });
    server.closeIdleConnections();
  });
}
