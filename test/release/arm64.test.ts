// The release for 64-bit Arm, run by an emulator: it records, and comes level over TCP with a node on this machine, from dist/edge.
// timeout: 420s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { holdfast, start } from '../edge/program.ts';
import { made, unpack, type Unpacked } from './unpacked.ts';

/** The emulator, and the C library that it runs programs with. */
const QEMU = 'qemu-aarch64-static', LIBRARY = '/usr/aarch64-linux-gnu';

function through(): string[] | undefined {
  if (process.arch === 'arm64') return [];
  if (spawnSync(QEMU, ['--version']).status === 0 && existsSync(join(LIBRARY, 'lib/libstdc++.so.6'))) return [QEMU, '-L', LIBRARY];
  console.log(`no ${QEMU} here, or no C++ library for it: apt-get install -y qemu-user-static g++-aarch64-linux-gnu`);
  return undefined;
}

const emulator = through();
const release = emulator === undefined ? undefined : await made('linux-arm64');
const its = suite<{ it: Unpacked }>('arm64');
its.before((context) => { if (release !== undefined) context.it = unpack(release); });
its.after(({ it }) => { if (release !== undefined) it.remove(); });

(release === undefined ? its.skip : its)('init, append, and exchange with a node of another kind (needs qemu-user and a cross compiler)', async ({ it }) => {
  const arm = (...args: string[]): string => {
    const result = it.run('runtime/node', [join(it.root, 'program/holdfast'), ...args, '--dir', join(it.folder, 'arm')], { through: emulator! });
    assert.is(result.status, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  const here = async (...args: string[]): Promise<string> => {
    const result = await holdfast([...args, '--dir', join(it.folder, 'here')]);
    assert.is(result.code, 0, result.stderr);
    return result.stdout;
  };
  await here('init', '--name', 'here');
  const token = (await here('invite', '--name', 'arm')).trim().split('\n').at(-1)!;
  arm('join', token, '--name', 'arm');
  assert.match(arm('append', 'telemetry', '--key', 'pump-7', '--type', 'pressure', '--body', '{"bar":4.2,"note":"größer"}'), 'recorded 1 event');
  await here('append', 'telemetry', '--key', 'pump-8', '--type', 'pressure', '--body', '3.9');
  const node = start(['listen', 'tcp://127.0.0.1:0', '--dir', join(it.folder, 'here')]);
  try {
    const [url] = await node.until(/tcp:\/\/127\.0\.0\.1:\d+/);
    arm('sync', url);
  } finally {
    await node.stop();
  }
  assert.is(arm('digest'), await here('digest'));
  assert.match(await here('read', 'telemetry'), 'größer');
  assert.match(arm('read', 'telemetry'), /pump-8 +pressure +3\.9/);
  assert.match(arm('verify'), 'all whole');
});

(release === undefined ? its.skip : its)('its native parts load, and the helper hands the program over (needs qemu-user and a cross compiler)', ({ it }) => {
  const loaded = it.run('runtime/node', ['-p', `['node-lmdb', 'bindings-cpp'].map((name) => Object.keys(require('${it.root}/program/native/' + name + '.node')).length > 0).join() + ' ' + process.arch`], { through: emulator! });
  assert.is(loaded.stdout.trim(), 'true,true arm64', loaded.stderr);
  const helper = it.run('libexec/notify-exec', ['/nowhere/program'], { through: emulator! });
  assert.is(helper.status, 127, helper.stderr);
});

its.run();
