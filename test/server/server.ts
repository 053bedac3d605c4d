// Servers in tests: the real program on a database of its own or on one that is named, and what SQL says of it.
import { readFileSync } from 'node:fs';
import { holdfast, inFolder, json, lines, SERVER, start, type Ended, type Running } from '../edge/program.ts';

type Options = Parameters<typeof start>[1];
const FREE = ['--listen', 'tcp://127.0.0.1:0', '--http', '127.0.0.1:0'];

/** A server that runs. */
export interface Server extends Running { dir: string; tcp: string; http: string; sql: string }

/** Runs a command of the server to its end. */
export function command(args: string[], options: Options = {}): Promise<Ended> {
  return holdfast(args, { ...options, program: SERVER });
}

/** Runs it with --json and returns the one document that it printed; throws when it failed. */
export function document<T = { [name: string]: unknown }>(args: string[], options: Options = {}): Promise<T> {
  return json<T>(args, { ...options, program: SERVER });
}

/** Starts a server at free ports, without waiting. */
export function begin(dir: string, more: string[] = [], options: Options = {}): Running {
  return start(['run', '--dir', dir, '--json', ...FREE, ...more], { ...options, program: SERVER });
}

/** Starts a server and waits until it listens. */
export async function serve(dir: string, more: string[] = [], options: Options = {}): Promise<Server> {
  const running = begin(dir, more, options);
  const said = async (event: string, field: string): Promise<string> => JSON.parse((await running.until(new RegExp(`^\\{"event":"${event}".*$`, 'm')))[0])[field] as string;
  const [tcp, sql, http] = [await said('listening', 'url'), await said('database', 'place'), await said('page', 'url')];
  return Object.assign(Object.create(Object.getPrototypeOf(running) as object, Object.getOwnPropertyDescriptors(running)) as Running, { dir, tcp, sql, http });
}

/** The process of the PostgreSQL that a server runs. */
export function postmaster(dir: string): number {
  return Number(readFileSync(`${dir}/postgres/postmaster.pid`, 'utf8').split('\n', 1)[0]);
}

/** Whether a process is there. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  for (const end = performance.now() + ms; !await holds();) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/** The keys of what a node holds of a stream, in its order. */
export async function keysOf(dir: string, stream: string, options: Options = {}): Promise<string[]> {
  const { code, stdout, stderr } = await holdfast(['read', stream, '--dir', dir, '--json'], { program: SERVER, ...options });
  if (code !== 0) throw new Error(stderr);
  return lines<{ key: string }>(stdout).map(({ key }) => key);
}

/** A folder for one test. */
export const inPlace = inFolder;
