// A node with its HTTP API in this process, on a folder that goes when it is closed; and requests as plain as they are written.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foundFleet } from '../../targets/program/found.ts';
import { startHttp, type HttpOptions } from '../../targets/program/http.ts';
import { parseHttp } from '../../targets/program/http-place.ts';
import { httpToken } from '../../targets/program/http-token.ts';
import { openStation, type Station } from '../../targets/program/station.ts';
import { EDGE } from '../../targets/edge/target.ts';
import { use } from '../../targets/program/target.ts';

use(EDGE);

/** What came back. */
export interface Answer { status: number; headers: { [name: string]: string | string[] | undefined }; text: string; json: any }

/** A running API. */
export interface Served {
  dir: string;
  station: Station;
  url: string;
  port: number;
  token: string;
  notices: string[];
  /** One request with the token; `headers` with an undefined value leaves that one out. */
  ask(path: string, options?: { method?: string; body?: string | Uint8Array; headers?: { [name: string]: string | undefined }; agent?: false }): Promise<Answer>;
  /** Lines of JSON, appended. */
  append(stream: string, events: object[]): Promise<Answer>;
  /** A bare connection. */
  raw(): Promise<Socket>;
  close(): Promise<void>;
}

/** Founds a fleet of one node and serves it. */
export async function serve(more: Partial<HttpOptions> & { http?: string } = {}): Promise<Served> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-api-'));
  await foundFleet(dir, { name: 'alpha', fleetName: 'tests' });
  const station = await openStation(dir, { control: false });
  const notices: string[] = [];
  const http = (await startHttp({
    dir, database: station.database, notice: (text) => notices.push(text), ...more,
    settings: { http: parseHttp(more.http ?? '127.0.0.1:0'), httpChosen: true, httpNames: [], ...more.settings },
  }))!;
  const { port } = new URL(http.url);
  const token = await httpToken(dir);
  const served: Served = {
    dir, station, url: http.url, port: Number(port), token, notices,
    ask: (path, options = {}) => ask(Number(port), path, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } }),
    append(stream, events) {
      return served.ask(`/api/streams/${stream}/events`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: events.map((each) => JSON.stringify(each)).join('\n') });
    },
    raw: () => new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => resolve(socket)).on('error', reject);
    }),
    async close() {
      await http.close();
      await station.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return served;
}

/** One request to a port of this machine. */
export function ask(port: number, path: string, { method = 'GET', body, headers = {} }: { method?: string; body?: string | Uint8Array; headers?: { [name: string]: string | undefined } }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as { [name: string]: string };
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { connection: 'close', ...sent }, agent: false }, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        let json: unknown;
        try { json = JSON.parse(text); } catch { json = undefined; }
        resolve({ status: incoming.statusCode!, headers: incoming.headers, text, json });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Everything that a bare connection says until it is closed, by whoever. */
export function drained(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => { text += piece; });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
