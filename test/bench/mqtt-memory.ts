// The memory of the built program while it appends a million events and its broker is dead: above itself idle.

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { anon, settled } from './process-memory.ts';
import { freshFolder, pause, say, tell } from './rows.ts';
import { readings } from './trace.ts';

const PROGRAM = join(process.cwd(), 'dist/edge/holdfast');
const EVENTS = 1_000_000, MB = 1_048_576;

/** Runs `holdfast run` with a broker at `url`, where nothing answers, appends, and tells the most that it had for itself. */
export async function deadBroker(url: string): Promise<void> {
  say(`${EVENTS} events with a dead broker`);
  const dir = join(freshFolder('dead'), 'd'), made = spawnSync(PROGRAM, ['init', '--dir', dir]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  const node = spawn(PROGRAM, ['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0', '--peers', url], { stdio: ['ignore', 'ignore', 'inherit'] }), pid = node.pid!;
  process.on('exit', () => node.kill('SIGKILL'));
  let most = 0;
  await pause(4_000);
  const idle = await settled(pid, 6);
  const watch = setInterval(() => { most = Math.max(most, anon(pid)); }, 20);
  const some = readings(100_000).map((event) => `${JSON.stringify(event)}\n`);
  const writer = spawn(PROGRAM, ['append', 'telemetry', '--dir', dir, '--json'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => { writer.on('exit', resolve); });
  const since = performance.now();
  for (let i = 0; i < EVENTS; i += 500) {
    const at = i % some.length;
    await new Promise<void>((resolve) => { writer.stdin.write(some.slice(at, at + 500).join(''), () => resolve()); });
  }
  writer.stdin.end();
  const code = await ended, seconds = (performance.now() - since) / 1_000;
  if (code !== 0) throw new Error(`append ended with ${code}`);
  clearInterval(watch);
  const stopped = new Promise<void>((resolve) => { node.on('exit', () => resolve()); });
  node.kill('SIGTERM');
  await stopped;
  tell({
    what: 'edge node with a dead broker, RssAnon', value: most / MB, unit: 'MB', baseline: { what: 'itself, idle', value: idle / MB }, reach: '< 64 MB above it', ok: most - idle < 64 * MB,
    note: `${((most - idle) / MB).toFixed(1)} MB above; ${EVENTS} events appended by its control socket in ${seconds.toFixed(0)} s`,
  });
}
