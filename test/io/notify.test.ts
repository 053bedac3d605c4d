// What the service manager hears: through a socket that was opened before Node, through systemd-notify, or nothing; and the watchdog only after a beat.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { feedWatchdog, serviceNotifier, type ServiceNotifier } from '../../src/io/notify.ts';

const CHILD = fileURLToPath(new URL('./notify.child.mjs', import.meta.url));
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const turns = async (condition: () => boolean): Promise<void> => { for (let i = 0; i < 2_000 && !condition(); i++) await new Promise((done) => setTimeout(done, 5)); };

let folder: string;
test.before.each(() => { folder = mkdtempSync(join(tmpdir(), 'holdfast-notify-')); });
test.after.each(() => { rmSync(folder, { recursive: true }); });

test('without a manager nothing is told, and no watchdog is fed', () => {
  for (const env of [{}, { NOTIFY_SOCKET: '' }, { WATCHDOG_USEC: '1000000' }]) {
    const notifier = serviceNotifier(env);
    notifier.ready();
    notifier.watchdog();
    notifier.stopping();
    assert.is(notifier.intervalMs, undefined);
  }
});

test('the watchdog wants half of its time, and only of the process that it is for', () => {
  const of = (more: { [name: string]: string }): number | undefined => serviceNotifier({ NOTIFY_SOCKET: '/run/none', ...more }).intervalMs;
  assert.is(of({ WATCHDOG_USEC: '120000000' }), 60_000);
  assert.is(of({ WATCHDOG_USEC: '120000000', WATCHDOG_PID: String(process.pid) }), 60_000);
  assert.is(of({ WATCHDOG_USEC: '120000000', WATCHDOG_PID: '1' }), undefined);
  for (const usec of ['', '0', '-5', 'soon', 'NaN']) assert.is(of({ WATCHDOG_USEC: usec }), undefined, usec);
  assert.is(of({ WATCHDOG_USEC: '1' }), 1);
});

test('the watchdog is fed after a beat; not while one hangs, and not when one fails', async () => {
  const told: string[] = [];
  const notifier: ServiceNotifier = { ready: () => {}, watchdog: () => told.push('fed'), stopping: () => {}, intervalMs: 1 };
  const answers: ((how: 'well' | 'badly') => void)[] = [];
  const stop = feedWatchdog(notifier, () => new Promise((done, fail) => { answers.push((how) => { if (how === 'well') done(); else fail(new Error('no flush')); }); }));
  const answer = async (how: 'well' | 'badly'): Promise<void> => {
    const count = answers.length;
    answers.at(-1)!(how);
    await turns(() => answers.length > count);
  };
  assert.equal(told, [], 'the first beat hangs');
  await answer('well');
  assert.equal(told, ['fed']);
  await answer('badly');
  assert.equal(told, ['fed']);
  await answer('well');
  assert.equal(told, ['fed', 'fed']);
  stop();
  answers.at(-1)!('well');
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(told, ['fed', 'fed']);
  assert.is(answers.length, 4);
});

test('without the descriptor systemd-notify carries it', async () => {
  const program = join(folder, 'systemd-notify');
  writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$@" >> ${folder}/told\n`);
  chmodSync(program, 0o755);
  const result = spawnSync(process.execPath, [CHILD], { encoding: 'utf8', env: { PATH: `${folder}:${process.env['PATH']}`, NOTIFY_SOCKET: join(folder, 'none'), HOLDFAST_NOTIFY_FD: '2', WATCHDOG_USEC: '2000' } });
  assert.is(result.status, 0, result.stderr);
  const told = (): string => (existsSync(join(folder, 'told')) ? readFileSync(join(folder, 'told'), 'utf8') : '');
  await turns(() => (told().match(/WATCHDOG=1/g) ?? []).length === 3 && told().includes('STOPPING'));
  assert.match(told(), 'READY=1|STATUS=holds 2 streams|');
  assert.is(told().match(/WATCHDOG=1/g)?.length, 3);
});

(has('socat') && has('cc') ? test : test.skip)('through the socket that notify-exec opens (needs socat and cc)', async () => {
  const helper = join(folder, 'notify-exec'), socket = join(folder, 'notify');
  const compiled = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', helper, resolve('hw/notify-exec.c')], { encoding: 'utf8' });
  assert.is(compiled.status, 0, compiled.stderr);
  let heard = '';
  const manager = spawn('socat', ['-u', `UNIX-RECV:${socket}`, 'STDOUT'], { stdio: ['ignore', 'pipe', 'inherit'] });
  manager.stdout.setEncoding('utf8').on('data', (text) => { heard += text; });
  try {
    await turns(() => existsSync(socket));
    const child = spawn(helper, [process.execPath, CHILD], { env: { PATH: '', NOTIFY_SOCKET: socket, WATCHDOG_USEC: '2000', HOLDFAST_NOTIFY_FD: '1' }, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => { said += text; });
    assert.is(await new Promise((done) => child.on('close', done)), 0);
    assert.equal(JSON.parse(said), { pid: child.pid, intervalMs: 1 }, 'the program takes the place of the helper');
    await turns(() => heard.includes('STOPPING=1'));
    assert.is(heard, 'READY=1\nSTATUS=holds 2 streamsWATCHDOG=1WATCHDOG=1WATCHDOG=1STOPPING=1');
    // A manager that is not there stops nobody.
    for (const NOTIFY_SOCKET of [join(folder, 'nobody'), 'relative', '@', `/${'x'.repeat(200)}`]) {
      assert.is(spawnSync(helper, [process.execPath, '-p', 'process.env.HOLDFAST_NOTIFY_FD'], { encoding: 'utf8', env: { NOTIFY_SOCKET } }).stdout.trim(), 'undefined', NOTIFY_SOCKET);
    }
    assert.is(spawnSync(helper, ['/nowhere/program']).status, 127);
    assert.is(spawnSync(helper, []).status, 2);
  } finally {
    manager.kill();
  }
});

test.run();
