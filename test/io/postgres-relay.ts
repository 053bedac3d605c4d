// A relay between a process and its PostgreSQL, which loses what they say to each other when a test wants it to.
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Relay {
  /** The URL of a database through the relay. */
  through(url: string): string;
  /** What is lost from now on: nothing, what the server answers, or what it is told. */
  lose: 'nothing' | 'answers' | 'requests';
  /** Passes so many more bytes to the server, and loses what is said to it from then on. */
  loseAfter(bytes: number): void;
  /** Ends all connections. */
  cut(): void;
  /** Bytes that were lost. */
  readonly lost: number;
  close(): void;
}

/** Starts a relay to the server of a URL with a socket. */
export async function startRelay(url: string): Promise<Relay> {
  const host = new URL(url).searchParams.get('host')!, folder = mkdtempSync(join(tmpdir(), 'holdfast-relay-')), pairs = new Set<[Socket, Socket]>();
  let lost = 0, left = Infinity;
  const server = createServer((near) => {
    const far = createConnection(join(host, '.s.PGSQL.5432')), pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    const pass = (from: Socket, to: Socket, what: Relay['lose']): void => {
      from.on('data', (bytes) => {
        if (what === 'requests' && (left -= bytes.length) < 0) relay.lose = what;
        if (relay.lose === what) lost += bytes.length;
        else to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => { to.destroy(); pairs.delete(pair); });
    };
    pass(near, far, 'requests');
    pass(far, near, 'answers');
  });
  await new Promise<void>((resolve) => { server.listen(join(folder, '.s.PGSQL.5432'), () => resolve()); });
  const relay: Relay = {
    lose: 'nothing',
    loseAfter(bytes) { left = bytes; },
    through: (its) => its.replace(/host=[^&]*/, `host=${folder}`),
    cut() { for (const [near, far] of pairs) { near.destroy(); far.destroy(); } },
    get lost() { return lost; },
    close() {
      relay.cut();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return relay;
}
