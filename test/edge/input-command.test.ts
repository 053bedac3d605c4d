// Commands at intervals: what they print becomes readings, whatever they do otherwise neither hangs nor fills the node, and nothing of them is left behind.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningInput } from '../../targets/program/input.ts';
import { commandInput } from '../../targets/program/input-command.ts';
import { hostInput } from '../../targets/program/input-host.ts';
import { folder, listener, until, type Heard } from './input-sources.ts';

interface Going { heard: Heard; input: RunningInput; stop(): Promise<void> }

async function go(command: string | string[], settings: { [name: string]: unknown } = {}): Promise<Going> {
  const heard = listener();
  const input = await commandInput.start({ command, every: '1h', ...settings }, heard);
  return {
    heard, input,
    async stop() {
      heard.stop();
      await input.stop();
    },
  };
}

/** Whether a process is there; one that has ended and waits for its parent is not. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('lines of a program or of the shell, each a reading', async () => {
  const a = await go(['printf', '%s\\n', '{"a":1}', 'no json', '{"a":"$HOME"}']);
  await until(() => a.heard.readings.length === 2);
  assert.equal(a.heard.readings.map(({ value }) => value), [{ a: 1 }, { a: '$HOME' }]);
  assert.equal(a.heard.refused.map(({ code }) => code), ['bad-encoding']);
  await a.stop();
  const b = await go('echo "level,temp"; echo "$((6*7)),1.5"', { format: 'csv' });
  await until(() => b.heard.readings.length === 1);
  assert.equal(b.heard.readings[0]!.value, { level: 42, temp: 1.5 });
  assert.ok(b.heard.states.at(-1)!.ok);
  await b.stop();
});

test('all of the output as one reading', async () => {
  const json = await go('printf "{\\n\\"a\\":\\n1}\\n"', { output: 'whole' });
  await until(() => json.heard.readings.length === 1);
  assert.equal(json.heard.readings[0]!.value, { a: 1 });
  await json.stop();
  const text = await go('echo "temp=48.3\'C"', { output: 'whole', format: 'text' });
  await until(() => text.heard.readings.length === 1);
  assert.is(text.heard.readings[0]!.value, "temp=48.3'C");
  await text.stop();
  const bad = await go("printf '\\377'; :", { output: 'whole', format: 'text' });
  await until(() => bad.heard.refused.length === 1);
  assert.is(bad.heard.refused[0]!.reason, 'the output is not UTF-8');
  await bad.stop();
});

test('again and again, at its interval', async () => {
  const one = await go('echo 1', { every: '100ms' });
  await until(() => one.heard.readings.length >= 4);
  await one.stop();
  const count = one.heard.readings.length;
  assert.equal(one.heard.refused, []);
  assert.is(one.heard.readings.length, count);
});

test('never twice at a time', async () => {
  const dir = folder();
  // Fails if another run of it holds the folder.
  const one = await go(`mkdir ${dir}/held && sleep 0.3 && rmdir ${dir}/held && echo 1`, { every: '100ms' });
  await until(() => one.heard.readings.length >= 3);
  assert.equal(one.heard.refused, []);
  await one.stop();
});

test('a failure is refused with what the command said', async () => {
  const cases: [string | string[], RegExp][] = [
    ['echo partly; echo "no sensor" >&2; exit 3', /^echo partly.* ended with exit status 3: no sensor$/],
    [['/nowhere/at-all'], /^\/nowhere\/at-all cannot be started: .*ENOENT/],
    ['kill -9 $$', /ended with SIGKILL$/],
  ];
  for (const [command, words] of cases) {
    const one = await go(command);
    await until(() => one.heard.refused.length === 1);
    assert.is(one.heard.refused[0]!.code, 'input-failed');
    assert.match(one.heard.refused[0]!.reason, words);
    assert.equal(one.heard.readings, []);
    await until(() => one.heard.states.at(-1)?.ok === false);
    await one.stop();
  }
});

test('one that takes too long is ended, with what it has started, also when it will not listen', async () => {
  const dir = folder();
  const one = await go(`trap "" TERM; sh -c 'trap "" TERM; echo $$ > ${dir}/child; while :; do sleep 0.1; done' & echo $$ > ${dir}/parent; wait; sleep 100`, { timeout: '300ms' });
  await until(() => one.heard.refused.length === 1);
  assert.is(one.heard.refused[0]!.code, 'timeout');
  for (const name of ['parent', 'child']) {
    const pid = Number(readFileSync(join(dir, name), 'utf8'));
    await until(() => !alive(pid), `${name} ${pid} has ended`);
  }
  await one.stop();
});

test('one that leaves a child behind with its output open does not hold up the next', async () => {
  const dir = folder();
  const one = await go(`sleep 100 & echo $! > ${dir}/child; echo 1`, { every: '200ms' });
  await until(() => one.heard.readings.length >= 2);
  const pid = Number(readFileSync(join(dir, 'child'), 'utf8'));
  await one.stop();
  await until(() => !alive(pid), `${pid} has ended`);
});

test('one that left its group with its output open does not hold it up either', async () => {
  const one = await go('setsid sleep 20 & echo 1', { every: '200ms' });
  await until(() => one.heard.readings.length >= 2);
  await one.stop();
});

test('output without end is cut, and the command ended', async () => {
  for (const command of ['yes', 'cat /dev/zero']) {
    const one = await go(command, { max_output: 100_000 });
    await until(() => one.heard.refused.length === 1);
    assert.is(one.heard.refused[0]!.code, 'too-large');
    assert.ok(one.heard.refused[0]!.raw.length <= 200_000);
    assert.equal(one.heard.readings, []);
    await one.stop();
  }
  const loud = await go('yes >&2', { timeout: '300ms' });
  await until(() => loud.heard.refused.length === 1);
  assert.is(loud.heard.refused[0]!.code, 'timeout');
  assert.ok(loud.heard.refused[0]!.raw.length <= 4_096);
  await loud.stop();
});

test('a stop ends what runs', async () => {
  const dir = folder();
  const one = await go(`echo $$ > ${dir}/pid.part; mv ${dir}/pid.part ${dir}/pid; sleep 100`);
  await until(() => existsSync(join(dir, 'pid')));
  const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
  await one.stop();
  await until(() => !alive(pid), `${pid} has ended`);
  assert.equal([one.heard.readings.length, one.heard.refused.length], [0, 0]);
});

test('the host: a look at the machine', async () => {
  const heard = listener();
  const input = await hostInput.start({ every: '1s' }, heard);
  await until(() => heard.readings.length === 2);
  const value = heard.readings[0]!.value as { load: number[]; memory: { total: number } };
  assert.is(value.load.length, 3);
  assert.ok(value.memory.total > 0);
  assert.equal(JSON.parse(heard.readings[0]!.raw as string), JSON.parse(JSON.stringify(value)));
  heard.stop();
  await input.stop();
});

test.run();
