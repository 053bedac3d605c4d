// More nodes of a fleet beside the one that is served, in this process, on folders that go when they are closed; and whoever follows over HTTP.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enterFleet } from '../../targets/program/found.ts';
import { openStation, type Station } from '../../targets/program/station.ts';
import type { InviteWish } from '../../targets/program/database.ts';
import type { Served } from './place.ts';

/** A node that joined. */
export interface Member { dir: string; id: string; station: Station; close(): Promise<void> }

/** Lets a node into the fleet of one that is served; it holds nothing but what its token brings. */
export async function member(served: Served, name: string, wish: InviteWish = {}): Promise<Member> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-member-')), token = await served.station.database.invite({ read: ['*'], write: ['*'], ...wish });
  const { node } = await enterFleet(dir, token, name), station = await openStation(dir, { control: false });
  return {
    dir, id: node, station,
    async close() {
      await station.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Waits until something holds; says what it waited for if it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, tries = 1_200): Promise<void> {
  for (let i = 0; i < tries; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`it never came to this: ${what}`);
}

/** A message of server-sent events. */
export interface Message { event: string; id: string | undefined; data: any }

/** Follows with a token; `messages` grows. */
export function following(port: number, path: string, token: string, headers: { [name: string]: string } = {}): { messages: Message[]; status: Promise<number>; ended: Promise<void>; close(): void } {
  const messages: Message[] = [];
  let status!: (code: number) => void, ended!: () => void, text = '';
  const answered = new Promise<number>((resolve) => { status = resolve; }), over = new Promise<void>((resolve) => { ended = resolve; });
  const asked = request({ host: '127.0.0.1', port, path, headers: { authorization: `Bearer ${token}`, ...headers }, agent: false }, (incoming) => {
    status(incoming.statusCode!);
    incoming.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n'), field = (name: string) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join('\n');
        text = text.slice(end + 2);
        if (field('data') !== '') messages.push({ event: field('event') || 'message', id: field('id') || undefined, data: JSON.parse(field('data')) });
      }
    }).on('error', () => {}).on('close', ended);
  });
  asked.on('error', () => { status(0); ended(); }).end();
  return { messages, status: answered, ended: over, close: () => asked.destroy() };
}
