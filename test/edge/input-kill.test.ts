// A node that is killed again and again while it follows a file that grows and is rotated: no line is left out, and at most the batches of the last moments before a kill are repeated.
// timeout: 240s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBenchNode } from '../bench/bench-node.ts';
import { folder, pause, until } from './input-sources.ts';

const PROGRAM = fileURLToPath(new URL('./input-node.child.mjs', import.meta.url));
const KILLS = 6;

interface Life { child: ChildProcess; seen: number[]; ended: Promise<void> }
const alive = new Set<ChildProcess>();
process.on('exit', () => { for (const child of alive) child.kill('SIGKILL'); });

async function live(dir: string, log: string): Promise<Life> {
  const child = spawn(process.execPath, [PROGRAM, dir, log], { stdio: ['ignore', 'pipe', 'inherit'] });
  alive.add(child);
  const life: Life = { child, seen: [], ended: new Promise((resolve) => child.once('close', () => { alive.delete(child); resolve(); })) };
  let rest = '', going = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === 'going') going = true;
      else life.seen.push(Number(line));
    }
  });
  await until(() => going, 'the node goes');
  return life;
}

test('SIGKILL, again and again, under load and rotation', async () => {
  const dir = folder(), log = join(dir, 'app.log'), home = join(dir, 'node');
  let next = 0, rotations = 0;
  const write = (many: number): void => {
    let text = '';
    for (const end = next + many; next < end; next++) text += `{"n":${next}}\n`;
    // Cut anywhere, as writers do.
    const cut = Math.floor(text.length / 2);
    appendFileSync(log, text.slice(0, cut));
    appendFileSync(log, text.slice(cut));
  };
  write(100);
  for (let round = 0; round < KILLS; round++) {
    const life = await live(home, log);
    for (let i = 0; i < 12 + round; i++) {
      write(60 + 10 * round);
      if (i % 9 === 5) {
        renameSync(log, `${log}.${++rotations}`);
        write(30);
      }
      await pause(25 + 20 * round);
    }
    await until(() => life.seen.length > 0);
    life.child.kill('SIGKILL');
    await life.ended;
    write(50);
  }
  const last = await live(home, log);
  await until(() => last.seen.includes(next - 1));
  last.child.kill('SIGTERM');
  await last.ended;
  const after = await live(home, log);
  write(10);
  await until(() => after.seen.includes(next - 1));
  after.child.kill('SIGTERM');
  await after.ended;
  // After a clean stop it goes on exactly where it was.
  assert.equal(after.seen, Array.from({ length: 10 }, (_, i) => next - 10 + i));

  const { node, stop } = await openBenchNode(home);
  const recorded: number[] = [];
  for await (const { body } of node.read('telemetry', {})) recorded.push((body as { n: number }).n);
  await stop();
  const once = new Set(recorded);
  assert.equal(Array.from({ length: next }, (_, n) => n).filter((n) => !once.has(n)), []);
  assert.is(once.size, next);
  // In order, but for one step back after a kill.
  const back = recorded.filter((n, i) => i > 0 && n <= recorded[i - 1]!);
  assert.ok(back.length <= KILLS, `${back.length} steps back`);
  assert.ok(recorded.every((n, i) => i === 0 || n <= recorded[i - 1]! + 1));
  console.log(`${next} lines, ${KILLS} kills, ${rotations} rotations: ${recorded.length - next} recorded twice`);
});

test.run();
