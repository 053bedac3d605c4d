// Lines on a pipe: to its end, as fast as they can be recorded, whatever stands in them.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PassThrough, Readable } from 'node:stream';
import { readStream } from '../../targets/program/input-stdin.ts';
import { listener, pause, until } from './input-sources.ts';

test('each line is a reading, the last one without an end too; the end is told', async () => {
  const heard = listener();
  const input = readStream(Readable.from([Buffer.from('{"a":1}\n{"a"'), Buffer.from(':2}\r\nnot json\n\n{"a":3}')]), {}, heard);
  await input.ended;
  assert.equal(heard.readings.map(({ value }) => value), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  assert.equal(heard.refused.map(({ code, raw }) => [code, raw]), [['bad-encoding', 'not json']]);
  assert.equal(heard.states.at(-1), { ok: true, words: 'stdin has ended' });
  await input.stop();
});

test('other formats', async () => {
  const heard = listener();
  await readStream(Readable.from([Buffer.from('t;h\n20,5;40\n')]), { format: 'csv', separator: ';', decimal: ',' }, heard).ended;
  assert.equal(heard.readings.map(({ value }) => value), [{ t: 20.5, h: 40 }]);
});

test('while there is no room the pipe is not read', async () => {
  const heard = listener();
  let release = () => {};
  let taken = 0;
  const gate = new Promise<void>((resolve) => (release = resolve));
  heard.accept = () => ++taken < 10 ? Promise.resolve() : gate;
  const pipe = new PassThrough({ highWaterMark: 1_024 });
  const input = readStream(pipe, {}, heard);
  let refusedMore = 0;
  for (let i = 0; i < 1_000; i++) {
    if (!pipe.write(`{"n":${i}}\n`)) {
      refusedMore++;
      await pause(1);
      if (refusedMore > 20) break;
    }
  }
  assert.ok(refusedMore > 20 && taken === 10, `${refusedMore}, ${taken}`);
  release();
  pipe.end();
  await input.ended;
  assert.ok(taken > 10);
});

test('a line of 100 MB and garbage take no memory, and what comes after them is read', async () => {
  const heard = listener();
  const chunk = Buffer.alloc(1 << 20, 0x5b);
  const before = process.memoryUsage().rss;
  await readStream(Readable.from((function* () {
    for (let i = 0; i < 100; i++) yield chunk;
    yield Buffer.from('\n\x00\xff\n{"n":1}\n', 'latin1');
  })()), {}, heard).ended;
  assert.equal(heard.readings.map(({ value }) => value), [{ n: 1 }]);
  assert.equal(heard.refused.map(({ code }) => code), ['too-large', 'bad-encoding']);
  assert.ok(process.memoryUsage().rss - before < 80 * 1_048_576);
});

test('a stop ends it in the middle; a pipe that breaks is told, and ends it too', async () => {
  const heard = listener();
  const pipe = new PassThrough();
  const input = readStream(pipe, {}, heard);
  pipe.write('{"n":1}\n{"n"');
  await until(() => heard.readings.length === 1);
  await input.stop();
  assert.ok(pipe.destroyed);
  assert.equal(heard.refused, []);
  const other = listener(), broken = new PassThrough();
  const second = readStream(broken, {}, other);
  broken.destroy(new Error('gone'));
  await second.ended;
  assert.equal(other.states.at(-1), { ok: false, words: 'stdin cannot be read any more: gone' });
});

test.run();
