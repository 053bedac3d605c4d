// Files that grow: each line once, through deletion, stops and kills.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { fileInput } from '../../targets/program/input-file.ts';
import { follow, followEmpty, lines, numbers, place, range } from './input-follow.ts';
import { folder, pause, until } from './input-sources.ts';

test('begins at the end of what is there, or at its start; a line without an end waits', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  writeFileSync(path, `${lines(0, 5)}{"n":5`);
  const a = await follow(dir);
  await a.follows();
  appendFileSync(path, `}\n${lines(6, 8)}{"n"`);
  await until(() => a.heard.readings.length === 3);
  assert.equal(numbers(a.heard), [5, 6, 7]);
  await a.stop();
  assert.is(place(dir).value.offset, lines(0, 8).length);
  rmSync(join(dir, 'inputs'), { recursive: true });
  const b = await follow(dir, { from: 'start' });
  await until(() => b.heard.readings.length === 8);
  appendFileSync(path, ':8}\n');
  await until(() => b.heard.readings.length === 9);
  assert.equal(numbers(b.heard), range(0, 9));
  await b.stop();
});

test('a stop repeats nothing and leaves nothing out, wherever it comes', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  writeFileSync(path, '');
  const all: number[] = [];
  for (let round = 0; round < 6; round++) {
    const one = await follow(dir);
    await until(() => one.heard.states.length > 0);
    const text = lines(round * 500, round * 500 + 500);
    appendFileSync(path, text.slice(0, 3_001 + round));
    await until(() => one.heard.readings.length >= 10);
    await one.stop();
    appendFileSync(path, text.slice(3_001 + round));
    all.push(...numbers(one.heard));
  }
  const last = await follow(dir);
  await until(() => all.length + last.heard.readings.length === 3_000);
  await last.stop();
  assert.equal([...all, ...numbers(last.heard)], range(0, 3_000));
});

test('after a kill only what was not remembered yet is read again; what was not durable always is', async () => {
  const { dir, path, first } = await followEmpty('later');
  appendFileSync(path, lines(0, 100));
  await until(() => first.heard.readings.length === 100);
  // Of the hundred, all but the one in the middle are durable.
  first.heard.readings.forEach((reading, n) => { if (n !== 40) reading.done!('recorded'); });
  await until(() => place(dir).value.offset === lines(0, 40).length);
  await pause(50);
  cpSync(join(dir, 'inputs'), join(dir, 'kept'), { recursive: true });
  first.heard.readings[40]!.done!('recorded');
  await first.stop();
  assert.is(place(dir).value.offset, lines(0, 100).length);
  rmSync(join(dir, 'inputs'), { recursive: true });
  renameSync(join(dir, 'kept'), join(dir, 'inputs'));
  const second = await follow(dir);
  await until(() => second.heard.readings.length === 60);
  assert.equal(numbers(second.heard), range(40, 100));
  await second.stop();
});

test('what is lost at a stop is read again at the next start', async () => {
  const { dir, path, first } = await followEmpty('later');
  appendFileSync(path, lines(0, 3));
  await until(() => first.heard.readings.length === 3);
  first.heard.readings[0]!.done!('recorded');
  first.heard.readings[1]!.done!('lost');
  first.heard.readings[2]!.done!('recorded');
  await first.stop();
  const second = await follow(dir);
  await until(() => second.heard.readings.length === 2);
  assert.equal(numbers(second.heard), [1, 2]);
  await second.stop();
});

test('deleted and made again; not there yet; a folder in its place', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  const one = await follow(dir);
  await until(() => one.heard.states.at(-1)?.words.endsWith('is not there yet') === true);
  assert.is(one.heard.states.at(-1)!.ok, false);
  await one.stop();
  // It came while nobody looked: it is new, so all of it counts.
  writeFileSync(path, lines(0, 3));
  const two = await follow(dir);
  await until(() => two.heard.readings.length === 3);
  rmSync(path);
  await until(() => two.heard.states.at(-1)?.words.endsWith('is not there any more') === true);
  writeFileSync(path, lines(3, 6));
  await until(() => two.heard.readings.length === 6);
  rmSync(path);
  mkdirSync(path);
  await until(() => two.heard.states.at(-1)?.words.includes('is not a regular file') === true);
  rmSync(path, { recursive: true });
  writeFileSync(path, lines(6, 9));
  await until(() => two.heard.readings.length === 9);
  await two.stop();
  rmSync(path);
  writeFileSync(path, lines(9, 12));
  const three = await follow(dir);
  await until(() => three.heard.readings.length === 3);
  assert.equal([...numbers(two.heard), ...numbers(three.heard)], range(0, 12));
  await three.stop();
});

test('another file with the same contents goes on; a place that is damaged counts as none', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  writeFileSync(path, lines(0, 50));
  const one = await follow(dir, { from: 'start' });
  await until(() => one.heard.readings.length === 50);
  await one.stop();
  // A backup of it is no old file as long as the file itself is there.
  copyFileSync(path, `${path}.1`);
  copyFileSync(path, `${path}.new`);
  rmSync(path);
  renameSync(`${path}.new`, path);
  appendFileSync(path, lines(50, 55));
  const two = await follow(dir, { from: 'start' });
  await until(() => two.heard.readings.length === 5);
  assert.equal(numbers(two.heard), range(50, 55));
  await two.stop();
  for (const name of ['input.json', 'input.recent.json']) {
    const memory = join(dir, 'inputs', name);
    writeFileSync(memory, readFileSync(memory, 'utf8').replace(/"offset":\d+/, '"offset":7'));
  }
  const three = await follow(dir, { from: 'start' });
  await until(() => three.heard.readings.length === 55);
  await three.stop();
});

test('CSV goes on in the middle of its file, and takes new columns from a new one', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  writeFileSync(path, 'device,t\na,1\n');
  const one = await follow(dir, { from: 'start', format: 'csv' });
  await until(() => one.heard.readings.length === 1);
  await one.stop();
  appendFileSync(path, 'b,2\n');
  const two = await follow(dir, { from: 'start', format: 'csv' });
  await until(() => two.heard.readings.length === 1);
  renameSync(path, `${path}.1`);
  writeFileSync(path, 't,device\n3,c\n');
  await until(() => two.heard.readings.length === 2);
  assert.equal([...one.heard.readings, ...two.heard.readings].map(({ value }) => value), [{ device: 'a', t: 1 }, { device: 'b', t: 2 }, { t: 3, device: 'c' }]);
  await two.stop();
  assert.is(place(dir).value.offset, 13);
});

test('hostile contents: a line of 100 MB, binary garbage, nulls, no UTF-8, bombs; the lines between are read', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  const chance = Buffer.alloc(200_000);
  for (let i = 0, state = 1; i < chance.length; i++) chance[i] = (state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0) >>> 24;
  writeFileSync(path, '');
  for (let i = 0; i < 100; i++) appendFileSync(path, Buffer.alloc(1 << 20, 0x41));
  appendFileSync(path, `\n{"n":1}\n`);
  appendFileSync(path, Buffer.concat([chance, Buffer.from('\n{"n":2}\n'), Buffer.alloc(100_000), Buffer.from('\n{"n":3}\n\xff\xfe{}\n', 'latin1')]));
  appendFileSync(path, `${'['.repeat(60_000)}${']'.repeat(5_000)}\n{"n":4}\n${'{"a":'.repeat(10_000)}\n{"n":1e999}\n{"n":5}\n`);
  const before = process.memoryUsage().rss;
  const one = await follow(dir, { from: 'start' });
  await until(() => one.heard.readings.some(({ value }) => (value as { n?: number }).n === 5));
  assert.equal(numbers(one.heard).filter((n) => n !== undefined), [1, 2, 3, 4, 5]);
  assert.ok(one.heard.refused.every(({ raw }) => raw.length <= 65_536));
  assert.ok(one.heard.refused.some(({ code }) => code === 'too-large'));
  // Far less than the file: a line that is too long is never held.
  assert.ok(process.memoryUsage().rss - before < 80 * 1_048_576);
  await one.stop();
  assert.is(existsSync(join(dir, 'inputs/input.json')), true);
});

test('a memory that cannot be written is shown, and lines are read all the same', async () => {
  const dir = folder(), path = join(dir, 'x.log');
  writeFileSync(path, '');
  writeFileSync(join(dir, 'inputs'), 'in the way');
  const one = await follow(dir, { from: 'start' });
  appendFileSync(path, lines(0, 3));
  await until(() => one.heard.readings.length === 3);
  await until(() => one.heard.states.at(-1)?.words.startsWith('its place cannot be remembered') === true);
  rmSync(join(dir, 'inputs'));
  appendFileSync(path, lines(3, 4));
  await until(() => one.heard.states.at(-1)?.ok === true);
  await one.stop();
  assert.is(place(dir).value.offset, lines(0, 4).length);
});

test('settings that cannot work are refused', () => {
  for (const settings of [{}, { path: '' }, { path: 'x', from: 'now' }, { path: 'x', format: 'yaml' }]) {
    assert.throws(() => fileInput.check!(settings), (error: unknown) => error instanceof Fault && error.code === 'bad-config');
  }
});

test.run();
test.run();
