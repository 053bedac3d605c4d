// The release for this kind of machine: the same bytes each time, runs by itself in an empty environment, and is installed, upgraded and removed without losing data.
// timeout: 420s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { made, unpack, type Unpacked } from './unpacked.ts';

const release = await made(`linux-${process.arch}`);
const its = suite<{ it: Unpacked }>('release');
its.before((context) => { if (release !== undefined) context.it = unpack(release); });
its.after(({ it }) => { if (release !== undefined) it.remove(); });
/** For what changes the release itself, or wants an empty folder. */
function fresh(work: (it: Unpacked) => void): () => void {
  return () => {
    const it = unpack(release!);
    try { work(it); } finally { it.remove(); }
  };
}
const test = release === undefined ? its.skip : its;
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** All paths below a folder, with where links lead. */
function tree(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort().map((path) => (lstatSync(join(folder, path)).isSymbolicLink() ? `${path} -> ${readlinkSync(join(folder, path))}` : path));
}

test('it is the same, byte by byte, when it is made again, and its hash lies beside it', async () => {
  const again = await made(`linux-${process.arch}`);
  assert.equal(again, release);
  const checked = spawnSync('sha256sum', ['-c', `${release!.name}.tar.gz.sha256`], { cwd: join(release!.path, '..'), encoding: 'utf8' });
  assert.is(checked.status, 0, checked.stderr);
});

test('its archive holds nothing of the machine that made it', () => {
  const listed = spawnSync('tar', ['-tvzf', release!.path, '--numeric-owner', '--full-time'], { encoding: 'utf8', env: { PATH: process.env['PATH'], TZ: 'UTC' } }).stdout.trim().split('\n');
  for (const line of listed) assert.match(line, /^[d-]rw[x-]r-[x-]r-[x-] 0\/0 +\d+ 1980-01-01 00:00:00 /);
  const names = listed.map((line) => line.split(' ').at(-1)!);
  assert.equal(names, [...names].sort());
  for (const name of ['bin/holdfast', 'program/holdfast', 'program/native/node-lmdb.node', 'program/native/bindings-cpp.node', 'runtime/node', 'libexec/notify-exec', 'install.sh', 'LICENSES.txt']) assert.ok(names.includes(`${release!.name}/${name}`), name);
  assert.ok(!names.some((name) => /\.map$|\.part$/.test(name)));
});

test('it runs by itself in an empty environment: init, append, read, run', async ({ it }) => {
  const dir = ['--dir', join(it.folder, 'data')];
  const ok = (...args: string[]): string => {
    const result = it.run('bin/holdfast', args);
    assert.is(result.status, 0, `${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  assert.match(ok('--version'), 'holdfast ');
  ok('init', '--name', 'gate', ...dir);
  assert.match(ok('append', 'telemetry', '--key', 'pump-7', '--type', 'pressure', '--body', '4.2', ...dir), 'recorded 1 event');
  assert.match(ok('read', 'telemetry', ...dir), /pump-7 +pressure +4\.2/);
  const node = spawn(join(it.root, 'bin/holdfast'), ['run', '--listen', 'tcp://127.0.0.1:0', ...dir], { cwd: it.folder, env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    let said = '';
    for await (const text of node.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      said += text;
      if (said.includes('listening on tcp://')) break;
    }
    assert.match(said, 'listening on tcp://', `${said}${node.stderr.read() as string}`);
    ok('append', 'telemetry', '--key', 'pump-8', '--type', 'pressure', '--body', '4.4', ...dir);
    assert.match(ok('status', ...dir), 'gate');
  } finally {
    node.kill();
  }
  assert.is(await new Promise((done) => node.on('close', done)), 0);
  assert.match(ok('verify', ...dir), 'all whole');
});

(release !== undefined && has('socat') ? its : its.skip)('as a service it says when it is ready, feeds the watchdog after flushes, and says when it stops (needs socat)', async ({ it }) => {
  const dir = join(it.folder, 'service'), socket = join(it.folder, 'notify');
  assert.is(it.run('bin/holdfast', ['init', '--dir', dir]).status, 0);
  let heard = '';
  const manager = spawn('socat', ['-u', `UNIX-RECV:${socket}`, 'STDOUT'], { stdio: ['ignore', 'pipe', 'inherit'] });
  manager.stdout.setEncoding('utf8').on('data', (text: string) => { heard += text; });
  const hears = async (what: RegExp): Promise<void> => {
    for (let i = 0; i < 600 && !what.test(heard); i++) await new Promise((done) => setTimeout(done, 50));
    assert.match(heard, what);
  };
  let node: ChildProcess | undefined;
  try {
    for (let i = 0; i < 200 && !existsSync(socket); i++) await new Promise((done) => setTimeout(done, 20));
    // As the unit starts it; no metrics, so that nothing but the pulse itself flushes.
    const words = /^ExecStart=(.*)$/m.exec(readFileSync(join(it.root, 'hw/holdfast.service'), 'utf8'))![1]!.replaceAll('/opt/holdfast/current', it.root).split(' ');
    node = spawn(words[0]!, [...words.slice(1), '--metrics-seconds', '0', '--listen', 'tcp://127.0.0.1:0'], { cwd: '/', env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000', HOLDFAST_DIR: dir }, stdio: 'ignore' });
    await hears(/READY=1\nSTATUS=.* runs on /);
    await hears(/(WATCHDOG=1){4}/);
    assert.ok(existsSync(join(dir, 'pulse')));
    node.kill();
    assert.is(await new Promise((done) => node!.on('close', done)), 0);
    await hears(/STOPPING=1/);
  } finally {
    node?.kill('SIGKILL');
    manager.kill();
  }
});

test('the launcher finds its folder through links, relative or not, and from any place', ({ it }) => {
  mkdirSync(join(it.folder, 'a b'));
  symlinkSync(join(it.root, 'bin/holdfast'), join(it.folder, 'a b/first'));
  symlinkSync('first', join(it.folder, 'a b/second'));
  symlinkSync('../a b/second', join(it.folder, 'a b/third'));
  for (const name of ['first', 'second', 'third']) {
    for (const [command, cwd] of [[join(it.folder, 'a b', name), '/'], [`./${name}`, join(it.folder, 'a b')]] as const) {
      const result = spawnSync(command, ['--version'], { cwd, env: {}, encoding: 'utf8' });
      assert.is(result.status, 0, `${command} in ${cwd}: ${result.stderr}`);
    }
  }
});

test('install.sh installs, does nothing the second time, upgrades, and uninstalls all but the data', fresh((it) => {
  const dest = join(it.folder, 'dest');
  mkdirSync(dest);
  const install = (...args: string[]): string => {
    const result = it.run('install.sh', args, { env: { PATH: process.env['PATH'], DESTDIR: dest } });
    assert.is(result.status, 0, result.stderr);
    return result.stdout;
  };
  const version = /^version=(.*)$/m.exec(readFileSync(join(it.root, 'release'), 'utf8'))![1]!;
  assert.match(install('--dry-run'), 'would copy the program');
  assert.equal(readdirSync(dest), [], 'a dry run does nothing');
  install();
  const first = tree(dest);
  for (const path of [`opt/holdfast/current -> ${version}`, `opt/holdfast/${version}/runtime/node`, 'usr/local/bin/holdfast -> /opt/holdfast/current/bin/holdfast', 'etc/systemd/system/holdfast.service',
    'etc/systemd/system/multi-user.target.wants/holdfast.service -> ../holdfast.service', 'etc/udev/rules.d/99-holdfast-serial.rules', 'usr/lib/sysusers.d/holdfast.conf']) assert.ok(first.includes(path), path);
  assert.is(statSync(join(dest, 'var/lib/holdfast')).mode & 0o777, 0o700);
  const ran = spawnSync(join(dest, 'opt/holdfast/current/bin/holdfast'), ['init', '--dir', join(dest, 'var/lib/holdfast')], { env: {}, encoding: 'utf8' });
  assert.is(ran.status, 0, ran.stderr);
  const key = readFileSync(join(dest, 'var/lib/holdfast/node.key'));
  const second = install();
  for (const words of [`${version} is up to date`, `current is ${version}`]) assert.match(second, words);
  assert.not.match(second, /^(write|copy|point|make)/m);

  // A file that rotted on the device is put right; another version becomes current, and the one before stays to fall back on, but none older.
  writeFileSync(join(dest, `opt/holdfast/${version}/program/holdfast`), 'rot');
  assert.match(install(), 'copy the program');
  for (const next of ['9.1.0', '9.2.0']) {
    writeFileSync(join(it.root, 'release'), readFileSync(join(it.root, 'release'), 'utf8').replace(/^version=.*/m, `version=${next}`));
    const sums = readFileSync(join(it.root, 'SHA256SUMS'), 'utf8').split('\n').filter((line) => !line.endsWith('  release'));
    const sum = spawnSync('sha256sum', ['release'], { cwd: it.root, encoding: 'utf8' }).stdout;
    writeFileSync(join(it.root, 'SHA256SUMS'), sums.join('\n') + sum);
    install();
    assert.is(readlinkSync(join(dest, 'opt/holdfast/current')), next);
  }
  assert.equal(readdirSync(join(dest, 'opt/holdfast')).sort(), ['9.1.0', '9.2.0', 'current']);
  assert.match(install('uninstall', '--dry-run'), 'would remove');
  assert.match(install('uninstall'), 'stays');
  assert.equal(tree(dest).filter((path) => /holdfast/.test(path) && !/^(var\/lib\/holdfast|usr\/lib\/sysusers.d)/.test(path)), []);
  assert.equal(readFileSync(join(dest, 'var/lib/holdfast/node.key')), key);
  install('uninstall', '--purge');
  assert.equal(tree(dest).filter((path) => /holdfast/.test(path)), []);

  // Data that was put on another medium, by a link or two, goes as well; what was never a node's stays.
  for (const inside of ['node.key', 'letter']) {
    for (const folder of ['mnt/large/of-node', 'var/lib']) mkdirSync(join(dest, folder), { recursive: true });
    writeFileSync(join(dest, 'mnt/large/of-node', inside), 'x');
    symlinkSync('large/of-node', join(dest, 'mnt/by'));
    symlinkSync('/mnt/by', join(dest, 'var/lib/holdfast'));
    const said = install('uninstall', '--purge');
    assert.equal(readdirSync(join(dest, 'mnt/large/of-node')), inside === 'letter' ? ['letter'] : []);
    assert.match(said, inside === 'letter' ? 'holds no node' : 'empty');
    assert.equal(readdirSync(join(dest, 'var/lib')), []);
    unlinkSync(join(dest, 'mnt/by'));
  }
}));

test('a damaged copy is not installed, and nonsense is refused', fresh((it) => {
  const dest = join(it.folder, 'dest');
  const install = (...args: string[]) => it.run('install.sh', args, { env: { PATH: process.env['PATH'], DESTDIR: dest } });
  for (const args of [['--frobnicate'], ['--join']]) assert.is(install(...args).status, 2);
  writeFileSync(join(it.root, 'program/holdfast'), 'rot');
  const result = install();
  assert.is(result.status, 1);
  assert.match(result.stderr, 'damaged');
  assert.not.ok(existsSync(dest));
}));

const analysed = release !== undefined && has('systemd-analyze') ? its : its.skip;
analysed('systemd understands the unit, and finds it well shut (needs systemd-analyze)', ({ it }) => {
  const unit = join(it.folder, 'holdfast.service');
  // The program is not installed here; all else is as it is.
  writeFileSync(unit, readFileSync(join(it.root, 'hw/holdfast.service'), 'utf8').replace(/^ExecStart=.*/m, 'ExecStart=/bin/true'));
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
  // Other units of this machine are not ours to judge.
  assert.equal(verified.stderr.split('\n').filter((line) => line.includes('holdfast')), []);
  const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', '--threshold=20', unit], { encoding: 'utf8' });
  assert.is(judged.status, 0, judged.stdout.split('\n').filter((line) => line.startsWith('✗') || line.includes('Overall')).join('\n') + judged.stderr);
});

analysed('what is wrong with a unit would show (needs systemd-analyze)', ({ it }) => {
  const unit = join(it.folder, 'holdfast.service');
  writeFileSync(unit, readFileSync(join(it.root, 'hw/holdfast.service'), 'utf8').replace(/^ExecStart=.*/m, 'ExecStart=/bin/true').replace('[Service]', '[Service]\nFrobnicate=yes'));
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
  assert.match(verified.stderr, 'Frobnicate');
});

its.run();
