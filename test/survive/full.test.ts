// A full disk under the program: a clear error and exit status 1, reading goes on, writing comes back with room, nothing acknowledged is lost.
// Runs dist/edge/holdfast.
// timeout: 300s
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, json, lines, start } from '../edge/program.ts';

const test = suite('full');
type Report = { streams: { stream: string; events: number }[] };

/** A small file system: tmpfs, or ext4 on a loop device. */
async function onSmall(kind: 'tmpfs' | 'ext4', bytes: number, body: (dir: string, root: string) => Promise<void>): Promise<boolean> {
  const root = mkdtempSync(join(tmpdir(), 'hf-full-')), image = `${root}.img`;
  const run = (...command: [string, ...string[]]): boolean => spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0;
  try {
    const mounted = kind === 'tmpfs' ? run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'holdfast-test', root)
      : run('truncate', '-s', String(bytes), image) && run('mkfs.ext4', '-q', '-F', '-m', '0', image) && run('mount', '-o', 'loop', image, root);
    if (!mounted) {
      console.log(`skipped: a full disk of ${kind} needs the right to mount one`);
      return false;
    }
    try { await body(join(root, 'node'), root); } finally { if (!run('umount', root)) run('umount', '-l', root); }
    return true;
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(image, { force: true });
  }
}

/** Takes all room but so many bytes. */
function fill(root: string, leave: number): void {
  const { bavail, bsize } = statfsSync(root);
  const file = join(root, 'ballast');
  try {
    writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - leave), 1));
  } catch (error) {
    // The file's own bookkeeping takes room as well.
    if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    truncateSync(file, Math.max(0, statSync(file).size - leave));
  }
}

function batch(from: number, count: number): string {
  return Array.from({ length: count }, (_, i) => JSON.stringify({ key: `k${i % 7}`, type: 't', body: { n: from + i, pad: Array.from({ length: 40 }, () => Math.random().toString(36).slice(2)).join('') } })).join('\n');
}

const numbers = async (dir: string): Promise<number[]> => lines<{ body: { n: number } }>((await holdfast(['read', 's', '--dir', dir, '--json'])).stdout).map((entry) => entry.body.n);

for (const kind of ['tmpfs', 'ext4'] as const) {
  test(`commands on a full ${kind}`, async () => {
    const done = await onSmall(kind, 24 * 1_048_576, async (dir, root) => {
      assert.is((await holdfast(['init', '--dir', dir])).code, 0);
      assert.equal(await json(['append', 's', '--dir', dir], { input: batch(0, 200) }), { appended: 200, rejected: 0 });
      for (const leave of [0, 40_960, 400_000]) {
        fill(root, leave);
        const before = await numbers(dir);
        assert.ok(before.length >= 200, `${before.length} can be read with ${leave} bytes left`);
        let refused: { code: number | null; stderr: string; stdout: string } | undefined;
        for (let i = 0; i < 8 && refused === undefined; i++) {
          const ended = await holdfast(['append', 's', '--dir', dir, '--json'], { input: batch(before.length, 300) });
          if (ended.code !== 0) refused = ended;
        }
        assert.ok(refused !== undefined, `${leave} bytes are not enough`);
        assert.is(refused.code, 1);
        assert.equal((JSON.parse(refused.stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code, 'store-full', refused.stderr);
        assert.not(/ at .*\.(js|ts|mjs):|holdfast:\d+/.test(refused.stderr), refused.stderr);
        const after = await numbers(dir);
        assert.equal(after.slice(0, before.length), before);
        assert.is((await holdfast(['status', '--dir', dir, '--json'])).code, 0);
        rmSync(join(root, 'ballast'));
        const held = after.length;
        assert.equal(await json(['append', 's', '--dir', dir], { input: batch(held, 50) }), { appended: 50, rejected: 0 }, `room again after ${leave}`);
        assert.is((await numbers(dir)).length, held + 50);
        const verified = await holdfast(['verify', '--dir', dir, '--json']);
        assert.is(verified.code, 0, `${verified.stdout}${verified.stderr}`);
      }
    });
    assert.type(done, 'boolean');
  });

  test(`a node that runs on a full ${kind} stays up`, async () => {
    const done = await onSmall(kind, 24 * 1_048_576, async (dir, root) => {
      assert.is((await holdfast(['init', '--dir', dir])).code, 0);
      const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '1']);
      try {
        await node.until(/"listening"/);
        let sent = 0, full = 0;
        const acknowledged: number[] = [];
        for (const leave of [0, 100_000, 1_500_000]) {
          fill(root, leave);
          for (let i = 0; i < 8; i++) {
            const ended = await holdfast(['append', 's', '--dir', dir, '--json'], { input: batch(sent, 300) });
            if (ended.code === 0) for (let n = sent; n < sent + 300; n++) acknowledged.push(n);
            else {
              full++;
              assert.match(ended.stderr, '"store-full"');
            }
            sent += 300;
          }
          await new Promise((next) => { setTimeout(next, 1_200); });
          assert.ok((await json<Report>(['status', '--dir', dir])).streams.length > 0);
          assert.ok((await numbers(dir)).length >= acknowledged.length);
          rmSync(join(root, 'ballast'));
          assert.equal(await json(['append', 's', '--dir', dir], { input: batch(sent, 20) }), { appended: 20, rejected: 0 });
          for (let n = sent; n < sent + 20; n++) acknowledged.push(n);
          sent += 20;
        }
        assert.is(node.child.exitCode, null);
        assert.ok(full > 0);
        const ended = await node.stop();
        assert.is(ended.code, 0, ended.stderr);
        const held = new Set(await numbers(dir));
        assert.equal(acknowledged.filter((n) => !held.has(n)), []);
        const verified = await holdfast(['verify', '--dir', dir]);
        assert.is(verified.code, 0, verified.stdout);
        console.log(`${kind}: ${full} appends refused, ${acknowledged.length} events acknowledged and held; ${ended.stdout.split('\n').filter((line) => line.includes('store-full')).length} remarks of the node`);
      } finally {
        node.child.kill('SIGKILL');
      }
    });
    assert.type(done, 'boolean');
  });
}

test.run();
