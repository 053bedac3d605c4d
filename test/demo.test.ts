// The demo: it goes through to its end, all of it holds, and it leaves nothing behind, also when it is broken off.
// timeout: 300s, of dist/edge and dist/server

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const demo = suite('demo');
const ready = spawnSync('python3', ['--version']).status === 0 && existsSync('dist/server/postgres/bin/postgres');
const test = ready ? demo : demo.skip;
if (!ready) console.log('skipped: the demo needs python3, and PostgreSQL for this kind of machine');

/** Starts the demo; `until` waits for what it says, `ended` for its end. */
function start(...flags: string[]): { until(words: RegExp): Promise<string>; interrupt(): void; ended: Promise<{ code: number | null; said: string }> } {
  const child = spawn(process.execPath, ['build/go.mjs', 'demo', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  process.on('exit', () => child.kill('SIGTERM'));
  let said = '', over = false;
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const ended = new Promise<{ code: number | null; said: string }>((resolve) => { child.on('close', (code) => { over = true; resolve({ code, said }); }); });
  return {
    ended, interrupt: () => { child.kill('SIGINT'); },
    async until(words) {
      while (!words.test(said)) {
        if (over) throw new Error(said);
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
      return said;
    },
  };
}
const folderOf = (said: string): string => /folder (\S*holdfast-demo-\S+)/.exec(said)![1]!;
/** Command lines of this machine that name a folder. */
const naming = (folder: string): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => {
  try { return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '); } catch { return ''; }
}).filter((line) => line.includes(folder));

test('all of it holds, in the end all nodes hold the same, and nothing of it stays', async () => {
  const { code, said } = await start('--fast').ended;
  assert.is(code, 0, said);
  for (const words of ['hq does not have what the farm wrote', 'hq has what the mine wrote meanwhile', 'hq has what the island wrote', 'hq, farm, mine, island hold the same', 'All four hold the same']) assert.ok(said.includes(words), `${words}:\n${said}`);
  const digests = [...said.matchAll(/^ {2}(hq|farm|mine|island) +([0-9a-f]{24})… +([\d,]+) events$/gm)];
  assert.equal(digests.map((each) => each[1]), ['hq', 'farm', 'mine', 'island']);
  assert.is(new Set(digests.map((each) => `${each[2]} ${each[3]}`)).size, 1);
  assert.equal([existsSync(folderOf(said)), naming(folderOf(said))], [false, []]);
});

test('Ctrl-C ends everything at once, and leaves nothing', async () => {
  const running = start('--fast'), folder = folderOf(await running.until(/hq has heard of farm|folder (?=\S+\n)/));
  running.interrupt();
  const { code, said } = await running.ended;
  assert.is(code, 130, said);
  assert.equal([existsSync(folder), naming(folder)], [false, []]);
});

test('what it does not know it says', async () => {
  const { code, said } = await start('--frobnicate').ended;
  assert.is(code, 2);
  assert.match(said, '--fast');
});

demo.run();
