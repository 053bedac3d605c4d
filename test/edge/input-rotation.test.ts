// Files that are rotated, by renaming or by copying and cutting off: each line once, while they are read and while the node is stopped.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { follow, followEmpty, lines, numbers, range } from './input-follow.ts';
import { pause, until } from './input-sources.ts';

test('rotation by renaming, while it is read: the old file to its end, then the new one', async () => {
  const { path, first: one } = await followEmpty();
  let next = 0;
  for (let round = 0; round < 3; round++) {
    appendFileSync(path, lines(next, next += 50));
    renameSync(path, `${path}.${round}`);
    // Its writer has not noticed yet, and never ends its last line.
    appendFileSync(`${path}.${round}`, lines(next, next += 50).slice(0, -1));
    writeFileSync(path, lines(next, next += 50));
    await until(() => one.heard.readings.length === next);
  }
  assert.equal(numbers(one.heard), range(0, 450));
  assert.equal(one.heard.refused, []);
  await one.stop();
});

test('rotation by renaming, while the node is stopped: also several times', async () => {
  const { dir, path, first } = await followEmpty();
  appendFileSync(path, lines(0, 10));
  await until(() => first.heard.readings.length === 10);
  await first.stop();
  appendFileSync(path, lines(10, 20));
  renameSync(path, `${path}.1`);
  await pause(20);
  writeFileSync(path, lines(20, 30));
  renameSync(`${path}.1`, `${path}.2`);
  renameSync(path, `${path}.1`);
  writeFileSync(`${path}.bak`, lines(900, 910));
  await pause(20);
  writeFileSync(path, lines(30, 40));
  const second = await follow(dir);
  await until(() => second.heard.readings.length === 30);
  assert.equal(numbers(second.heard), range(10, 40));
  await second.stop();
});

test('cut off: read from the start again, also when it has grown beyond the old place at once, and when that happened during a stop', async () => {
  const { dir, path, first: one } = await followEmpty();
  appendFileSync(path, `${lines(0, 10)}{"half`);
  await until(() => one.heard.readings.length === 10);
  truncateSync(path, 0);
  appendFileSync(path, lines(10, 12));
  await until(() => one.heard.readings.length === 12);
  assert.equal(one.heard.refused.map(({ code, reason, raw }) => [code, reason, Buffer.from(raw as Uint8Array).toString()]), [['bad-encoding', 'the file was cut off after 6 bytes of a line without an end', '{"half']]);
  writeFileSync(path, lines(12, 60));
  await until(() => one.heard.readings.length === 60);
  await one.stop();
  writeFileSync(path, lines(60, 130));
  const two = await follow(dir);
  await until(() => two.heard.readings.length === 70);
  assert.equal([...numbers(one.heard), ...numbers(two.heard)], range(0, 130));
  await two.stop();
});

test('rotation by copying and cutting off: the rest of the copy, then the file; while it is read, and while the node is stopped', async () => {
  const { dir, path, first: one } = await followEmpty();
  appendFileSync(path, `${lines(0, 10)}{"n":1`);
  await until(() => one.heard.readings.length === 10);
  // All at once between two looks: the end of its last line, more, the copy, the cut, and more than there was.
  appendFileSync(path, `0}\n${lines(11, 20)}`);
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
  appendFileSync(path, lines(20, 60));
  await until(() => one.heard.readings.length === 60);
  await one.stop();
  appendFileSync(path, lines(60, 70));
  renameSync(`${path}.1`, `${path}.2`);
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
  appendFileSync(path, lines(70, 75));
  const two = await follow(dir);
  await until(() => two.heard.readings.length === 15);
  assert.equal([...numbers(one.heard), ...numbers(two.heard)], range(0, 75));
  assert.equal([...one.heard.refused, ...two.heard.refused], []);
  await two.stop();
});

test.run();
