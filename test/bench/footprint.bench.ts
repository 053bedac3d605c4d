// What the edge program weighs: the bundle, and its memory when idle, under load, with a dead uplink and with hostile peers.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { anon, settled } from './process-memory.ts';
import { freshFolder, pause, say, tell } from './rows.ts';
import { readings } from './trace.ts';

const PROGRAM = join(process.cwd(), 'dist/edge/holdfast');
const MB = 1_048_576;

// The program is in parts: what a node with default settings loads is found by running one.
const { loadedByDefault } = await import(join(process.cwd(), 'build/loaded.mjs')) as { loadedByDefault(): Promise<Set<string>> };
const sizeOf = (names: Iterable<string>): number => [...names].reduce((sum, name) => sum + statSync(join(process.cwd(), 'dist/edge', name)).size, 0);
const size = sizeOf(await loadedByDefault());
tell({ what: 'edge bundle as a node with default settings loads it, minified, without native parts', value: size, unit: 'bytes', reach: '< 350 KB', ok: size < 350 * 1024 });
tell({ what: 'edge bundle with every part: MQTT, serial, HTTP, all commands', value: sizeOf(['holdfast', ...readdirSync(join(process.cwd(), 'dist/edge/lib')).map((name) => `lib/${name}`)]), unit: 'bytes' });

/** The highest while something is going on. */
async function highest<T>(pid: number, work: Promise<T>): Promise<number> {
  let most = 0, going = true;
  work.then(() => { going = false; }, () => { going = false; });
  while (going) {
    most = Math.max(most, anon(pid));
    await pause(20);
  }
  await work;
  return most;
}

interface Running { child: ChildProcess; dir: string; url: string; stop(): Promise<void> }

/** Founds a fleet and keeps its node running until `stop`. */
async function running(name: string, ...flags: string[]): Promise<Running> {
  const dir = join(freshFolder(name), 'd');
  const made = spawnSync(PROGRAM, ['init', '--dir', dir]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  const child = spawn(PROGRAM, ['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--json', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  const ended = new Promise<void>((resolve) => { child.on('exit', () => resolve()); });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const found = /"url":"(tcp:[^"]+)"/.exec(text);
      if (found) resolve(found[1]!);
    });
    child.on('exit', (code) => reject(new Error(`run ended with ${code}: ${text}`)));
  });
  return { child, dir, url, async stop() { child.kill('SIGTERM'); await ended; } };
}

/** Runs a command to its end; rejects when it fails. */
function command(args: string[], input?: (write: (text: string) => Promise<void>) => Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '', errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => { out += chunk; });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => { errors += chunk; });
    child.on('exit', (code) => { if (code === 0) resolve(out); else reject(new Error(`${args.join(' ')} ended with ${code}: ${errors}`)); });
    child.stdin.on('error', () => undefined);
    const write = (text: string): Promise<void> => new Promise((done) => { child.stdin.write(text, () => done()); });
    (input?.(write) ?? Promise.resolve()).then(() => child.stdin.end(), reject);
  });
}

const some = readings(100_000);

/** Appends through the control socket of a running node, as fast as it goes. */
function append(dir: string, count: number): Promise<string> {
  return command(['append', 'telemetry', '--dir', dir, '--json'], async (write) => {
    for (let i = 0; i < count; i += 500) await write(some.slice(i % some.length, i % some.length + 500).map((e) => JSON.stringify(e)).join('\n') + '\n');
  });
}

const garbage = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 2_654_435_761) >>> 24);

/** For some seconds: connections from many addresses that send garbage, claim long frames and never end them, or say nothing. */
async function harass(url: string, seconds: number): Promise<void> {
  const port = Number(/:(\d+)$/.exec(url)![1]), until = performance.now() + seconds * 1_000;
  await Promise.all(Array.from({ length: 48 }, async (_, k) => {
    for (let round = 0; performance.now() < until; round++) {
      const socket: Socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + k % 8}` });
      socket.on('error', () => undefined);
      const closed = new Promise<void>((resolve) => { socket.on('close', () => resolve()); });
      if ((k + round) % 3 === 0) socket.write(garbage);
      else if ((k + round) % 3 === 1) { // 262,143 bytes are announced and come slowly
        socket.write(Uint8Array.of(0xff, 0xff, 0x0f));
        const drip = setInterval(() => socket.write(garbage.subarray(0, 16_384)), 20);
        void closed.then(() => clearInterval(drip));
      }
      await Promise.race([closed, pause(500 + 37 * (k % 16))]);
      socket.destroy();
    }
  }));
}

say('bare node');
const bareChild = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
const bare = await settled(bareChild.pid!, 3);
bareChild.kill();

say('idle, then under load');
const node = await running('idle');
const idle = await settled(node.child.pid!, 6);
tell({ what: 'idle edge node, RssAnon', value: idle / MB, unit: 'MB', baseline: { what: 'bare node', value: bare / MB }, reach: '< 20 MB above it', ok: idle - bare < 20 * MB, note: `${((idle - bare) / MB).toFixed(1)} MB above` });

/** Prints a row about memory above the idle node's. */
function above(what: string, most: number, note: string): void {
  tell({ what, value: most / MB, unit: 'MB', baseline: { what: 'itself, idle', value: idle / MB }, reach: '< 64 MB above it', ok: most - idle < 64 * MB, note: `${((most - idle) / MB).toFixed(1)} MB above; ${note}` });
}
const load = (async () => {
  await append(node.dir, 200_000);
  const token = (await command(['invite', '--dir', node.dir])).trim().split('\n').pop()!;
  const other = join(freshFolder('other'), 'd');
  await command(['join', token, '--dir', other]);
  await Promise.all([command(['sync', node.url, '--dir', other]), append(node.dir, 100_000)]);
})();
above('edge node under load, RssAnon', await highest(node.child.pid!, load), '300,000 events appended by its control socket while another node fetched all of them');
await node.stop();

say('a dead uplink');
const cut = await running('cut', '--peers', 'tcp://192.0.2.1:7700', '--peers', 'tcp://127.0.0.1:1');
above('edge node with a dead uplink, RssAnon', await highest(cut.child.pid!, (async () => { await append(cut.dir, 100_000); await pause(3_000); })()), '100,000 events appended, two peers that never answer');
await cut.stop();

say('hostile peers');
const attacked = await running('attacked');
above('edge node with hostile peers, RssAnon', await highest(attacked.child.pid!, harass(attacked.url, 8)), '48 connections at a time from 8 addresses: garbage, long frames that never end, silence');
await attacked.stop();
