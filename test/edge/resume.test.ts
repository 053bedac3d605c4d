// `read --follow --from`: a reader that is stopped goes on without a gap, alone on the store and through a node that runs (dist/edge).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, inFolder, start } from './program.ts';

const test = suite('resume');
const bodies = (stdout: string): unknown[] => stdout.split('\n').filter((line) => line.startsWith('{"id"')).map((line) => (JSON.parse(line) as { body: unknown }).body);
const lastCursor = (stdout: string): string => (JSON.parse(stdout.split('\n').filter((line) => line.startsWith('{"cursor"')).at(-1)!) as { cursor: string }).cursor;

test('a reader goes on from the cursor that it was given last', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir, '--name', 'a']);
  const append = (from: number, n: number) => holdfast(['append', 's', '--dir', dir], { input: Array.from({ length: n }, (_, i) => `{"key":"k${i % 2}","type":"t","body":${from + i}}\n`).join('') });
  await append(0, 10);
  const first = await holdfast(['read', 's', '--dir', dir, '--follow', '--from', 'start', '--limit', '4', '--json']);
  assert.equal(bodies(first.stdout), [0, 1, 2, 3]);
  const node = start(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0']);
  await node.until(/listening/);
  await append(10, 5);
  const second = start(['read', 's', '--dir', dir, '--follow', '--from', lastCursor(first.stdout), '--json']);
  await second.until(/"body":14,[^]*"cursor"/);
  const { stdout } = await second.stop('SIGINT');
  assert.equal(bodies(stdout), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  await node.stop('SIGTERM');
  await append(15, 2);
  const third = start(['read', 's', '--dir', dir, '--follow', '--from', lastCursor(stdout)]);
  await third.until(/16\n/);
  await third.stop('SIGINT');
  assert.is(third.stdout.trim().split('\n').length, 2);
  const wrong = await holdfast(['read', 's', '--dir', dir, '--follow', '--from', 'nowhere', '--json']);
  assert.is(wrong.code, 1);
  assert.match(wrong.stderr, /bad-argument/);
}));

test.run();
