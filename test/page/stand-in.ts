// A server that speaks the API's JSON for a made-up fleet: what the page is looked at with where no node could be brought into that state.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry, FleetPatch, Session } from '../../targets/page/contract.ts';
import type { MadeFleet } from './made-fleet.ts';

/** The token that it takes. */
export const TOKEN = 'made-token';
/** What a page may do, as the node's own header has it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What the page asked to be done. */
export interface Done { method: string; path: string; body: string }

/** The server. */
export interface StandIn {
  readonly url: string;
  readonly done: Done[];
  /** Paths of all requests. */
  readonly asked: string[];
  /** Tells all who follow the fleet. */
  patch(change: Partial<FleetPatch>): void;
  /** Tells all who follow events. */
  event(entry: Entry): void;
  /** Sends a message of another type to those who follow the fleet. */
  say(event: string): void;
  /** Requests whose path contains this are refused with these words, until `undefined`. */
  refuse: { path: string; status: number; code: string; message: string } | undefined;
  /** Cuts all connections and takes no more; comes back at the same place. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Where the built page lies. */
const PAGE = 'dist/edge/page';

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(value));
}

function serveFile(path: string, folder: string, response: ServerResponse): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { path: string; file: string; type: string }[];
  const found = manifest.find((each) => each.path === path);
  if (found === undefined) return send(response, 404, { error: { code: 'not-found', message: 'no such file' } });
  const packed = existsSync(join(folder, `${found.file}.br`));
  response.writeHead(200, { 'content-type': found.type, 'content-security-policy': POLICY, 'cache-control': 'no-cache', ...(packed ? { 'content-encoding': 'br' } : {}) }).end(readFileSync(join(folder, packed ? `${found.file}.br` : found.file)));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** Starts it. `folder`: the built page. */
export async function standIn(fleet: MadeFleet, folder = PAGE): Promise<StandIn> {
  const followers = new Set<ServerResponse>(), listeners = new Set<{ stream: string | undefined; key: string | null; response: ServerResponse }>(), sockets = new Set<Socket>();
  const done: Done[] = [], asked: string[] = [];
  let server: Server | undefined, port = 0, turn = 1;
  const tokens = [{ name: 'grafana', scope: 'read', at: fleet.head.now - 86_400_000, used: fleet.head.now - 60_000 }];

  const open = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 500\n\n');
  };
  const events = (url: URL, stream: string): { events: Entry[]; next?: string } => {
    const one = (name: string): number | undefined => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
    const all = fleet.events(stream, url.searchParams.get('key') ?? undefined).filter(({ time }) => time >= (one('since') ?? 0) && time < (one('until') ?? Infinity));
    if (!url.searchParams.has('reverse')) all.reverse();
    const from = one('cursor') ?? 0, limit = one('limit') ?? 100;
    return { events: all.slice(from, from + limit), ...(from + limit < all.length ? { next: String(from + limit) } : {}) };
  };
  const act = (method: string, path: string, body: string, response: ServerResponse): void => {
    done.push({ method, path, body });
    const given = (body.startsWith('{') ? JSON.parse(body) : {}) as { [name: string]: string };
    const node = fleet.nodes.find((row) => path.includes(row.node));
    if (path.endsWith('/revoke') || path.endsWith('/release')) return send(response, 200, { node: node!.node, name: node!.name });
    if (path === '/api/invitations') return send(response, 200, { token: `hf-${'a1B2c3D4'.repeat(40)}`, addresses: ['tcp://hq.north.example:7700'] });
    if (path === '/api/tickets') return send(response, 200, { url: '/api/tickets/t1', ms: 60_000 });
    if (path === '/api/tokens') { tokens.push({ name: given['name']!, scope: given['scope']!, at: Date.now(), used: Date.now() }); return send(response, 200, { ...given, token: 'hft-secret-of-this-one' }); }
    if (path.startsWith('/api/tokens/')) { tokens.splice(tokens.findIndex(({ name }) => path.endsWith(name)), 1); return send(response, 200, { name: 'grafana' }); }
    if (path === '/api/bundles') return send(response, 200, { events: 42, segments: { added: 3, held: 1, refused: 0 }, words: [], volumes: [{ damaged: [], complete: true }], lost: [], missing: [], unknownBytes: 0 });
    send(response, 404, { error: { code: 'not-found', message: 'nothing there' } });
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url!, 'http://x'), path = decodeURI(url.pathname), { refuse } = self;
    asked.push(request.url!);
    if (!path.startsWith('/api/')) return serveFile(path, folder, response);
    if (path.startsWith('/api/tickets/')) { response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment; filename="bundle.hfb"' }).end('bundle'); return; }
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return send(response, 401, { error: { code: 'no-right', message: 'This is not the token of this node.' } });
    if (refuse !== undefined && path.includes(refuse.path)) return send(response, refuse.status, { error: { code: refuse.code, message: refuse.message } });
    if (request.method !== 'GET') return act(request.method!, path, await bodyOf(request), response);
    const streams = /^\/api\/streams\/([^/]+)\/(events|latest|follow)$/.exec(path);
    if (path === '/api/session') return send(response, 200, fleet.session satisfies Session);
    if (path === '/api/fleet') {
      const limit = Number(url.searchParams.get('limit') ?? 250), after = url.searchParams.get('after') ?? '';
      const rows = fleet.nodes.filter(({ node }) => node > after);
      return send(response, 200, { ...fleet.head, nodes: rows.slice(0, limit), ...(rows.length > limit ? { next: rows[limit - 1]!.node } : {}) });
    }
    if (path === '/api/fleet/follow') { open(response); followers.add(response); response.on('close', () => followers.delete(response)); return; }
    if (path === '/api/follow' || streams?.[2] === 'follow') {
      open(response);
      const listener = { stream: streams?.[1] ?? url.searchParams.get('streams') ?? undefined, key: url.searchParams.get('key'), response };
      listeners.add(listener);
      response.on('close', () => listeners.delete(listener));
      return;
    }
    if (streams?.[2] === 'events') return send(response, 200, events(url, decodeURIComponent(streams[1]!)));
    if (streams?.[2] === 'latest') return send(response, 200, { latest: fleet.events(decodeURIComponent(streams[1]!)) });
    if (path === '/api/tokens') return send(response, 200, { tokens });
    if (path === '/api/status') return send(response, 200, { dir: '/srv/node', pid: 4711, holes: 0, void: 0, unknown: 0, disk: { used: 61_000_000, free: 12e9 }, clock: { quality: 'synced', because: 'the kernel says that its clock is disciplined' }, inputs: [{ name: 'modbus', kind: 'serial', ok: true, words: 'last reading 2 s ago', recorded: 120_344, unchanged: 1_200, refused: 2, lost: 0, samples: [{ at: Date.now() - 90_000, reason: 'not JSON', text: '<b>{"temp":', cut: true }] }] });
    const row = fleet.nodes.find(({ node }) => path === `/api/nodes/${node}`);
    if (row !== undefined) return send(response, 200, { ...row, alarms: [], read: ['*'], write: ['telemetry', 'alarms'], joinedBy: { node: fleet.head.self, name: fleet.head.name }, revokedBy: [], receipt: { at: Date.now() - 30_000, complete: true }, host: { load: [0.42, 0.4, 0.3], cpus: 4, uptime: 812_000, memory: { total: 4e9, available: 3.1e9 }, temperature: 51.2 }, bundles: [{ bundle: 'c0ffee00', at: Date.now() - 7_200_000, events: 1_204, bytes: 40_000, arrived: [] }] });
    send(response, 404, { error: { code: 'not-found', message: `There is nothing at ${path}.` } });
  };
  const start = async (): Promise<void> => {
    server = createServer((request, response) => { answer(request, response).catch((error: unknown) => response.destroy(error as Error)); });
    server.on('connection', (socket) => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)); });
    await new Promise<void>((resolve) => { server!.listen(port, '127.0.0.1', resolve); });
    port = (server.address() as AddressInfo).port;
  };
  const self: StandIn = {
    get url() { return `http://127.0.0.1:${port}/`; }, done, asked, refuse: undefined, start,
    patch(change) {
      const { nodes, ...rest } = change, version = `made.${++turn}`, now = Date.now();
      for (const one of nodes ?? []) {
        const row = fleet.nodes.find(({ node }) => node === one.node);
        if (row !== undefined) Object.assign(row, one);
      }
      Object.assign(fleet.head, rest, { version, now });
      for (const response of followers) response.write(`id: ${version}\ndata: ${JSON.stringify({ version, now, counts: fleet.head.counts, ...change })}\n\n`);
    },
    event(entry) { for (const { stream, key, response } of listeners) if ((stream === undefined || stream === entry.stream) && (key === null || key === entry.key)) response.write(`data: ${JSON.stringify(entry)}\n\n`); },
    say(event) { for (const response of followers) response.write(`event: ${event}\ndata: {}\n\n`); },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => { server!.close(() => resolve()); });
    },
  };
  await start();
  return self;
}
