// Serial inputs on pairs of ptys: chatter, garbage, half lines, a port that is absent, pulled out and put back, and devices that must be asked.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { constants, createReadStream, createWriteStream, existsSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync, type WriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '../../src/fault.ts';
import type { NodeContext, Reading } from '../../targets/program/input.ts';
import { serialInput } from '../../targets/program/input-serial.ts';

const it = suite('serial inputs');
const test = spawnSync('socat', ['-V']).status === 0 ? it : it.skip;
if (test !== it) console.log('skipped: socat is not installed');

const dir = mkdtempSync(join(tmpdir(), 'holdfast-serial-'));
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Two ptys joined to each other: what is written to `device` is read from `port`. */
async function pair(name: string): Promise<{ port: string; device: WriteStream; far: string; pull(): Promise<void> }> {
  const port = join(dir, name), far = join(dir, `${name}-far`);
  const child = spawn('socat', [`pty,raw,echo=0,link=${port}`, `pty,raw,echo=0,link=${far}`], { stdio: 'ignore' });
  children.add(child);
  await until(() => existsSync(port) && existsSync(far), 'the ptys are there');
  // Not as the terminal that this process belongs to: its end would be ours.
  const device = createWriteStream(far, { fd: openSync(far, constants.O_WRONLY | constants.O_NOCTTY) });
  device.on('error', () => {});
  return {
    port, device, far,
    async pull() {
      device.destroy();
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
      children.delete(child);
    },
  };
}

async function until(done: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (done()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.unreachable(`${what}: not after 30 s`);
}

interface Heard { context: NodeContext; values: unknown[]; readings: Reading[]; refused: { code: string; reason: string; raw: string }[]; states: string[]; end: AbortController }

function listener(): Heard {
  const end = new AbortController();
  const heard: Heard = {
    values: [], readings: [], refused: [], states: [], end,
    context: {
      accept(reading) {
        heard.values.push(reading.value);
        heard.readings.push(reading);
        return Promise.resolve();
      },
      refuse: (code, reason, raw) => void heard.refused.push({ code, reason, raw: Buffer.from(raw).toString('latin1') }),
      state: (ok, words) => void heard.states.push(`${ok ? 'ok' : 'away'}: ${words}`),
      signal: end.signal, dir, memory: { load: () => Promise.resolve(undefined), save: () => Promise.resolve(), note: () => Promise.resolve() },
    },
  };
  return heard;
}

/** Resolves when the port was open long enough that a line is not taken for one that was on its way. */
async function settled(heard: Heard): Promise<void> {
  await until(() => heard.states.at(-1)?.includes('is open') === true, 'the port is open');
  await new Promise((resolve) => setTimeout(resolve, 250));
}

test('lines come as readings, and garbage between them is refused with its reason', async () => {
  const { port, device, pull } = await pair('chatter');
  const heard = listener();
  const input = await serialInput.start({ path: port, baud: 115_200 }, heard.context);
  await settled(heard);
  device.write('{"t":20.5}\r\nU-Boot 2024.01 (Jan 01)\r\n\xfe\xff\x00\n{"t":20');
  await until(() => heard.refused.length === 2, 'garbage is refused');
  device.write('.75}\r\n\r\n\n{"t":21}\n');
  await until(() => heard.values.length === 3, 'all readings');
  assert.equal(heard.values, [{ t: 20.5 }, { t: 20.75 }, { t: 21 }]);
  assert.match(heard.refused[0]!.reason, /^not JSON/);
  assert.is(heard.refused[0]!.raw, 'U-Boot 2024.01 (Jan 01)');
  assert.equal(heard.refused.map(({ code }) => code), ['bad-encoding', 'bad-encoding']);
  device.write('{"t":22');
  await new Promise((resolve) => setTimeout(resolve, 200));
  await input.stop();
  assert.is(heard.values.length, 3, 'half a line is none, also when the node stops');
  assert.match(heard.refused[2]!.reason, /middle of the line/);
  await pull();
});

test('a GPS on a port', async () => {
  const { port, device, pull } = await pair('gps');
  const heard = listener();
  const input = await serialInput.start({ path: port, baud: 4_800, format: 'nmea', sentences: ['RMC'] }, heard.context);
  await settled(heard);
  for (const piece of ['$GPRMC,132820.60,A,4134.49821229,N,093', '45.03351845,W,3.252,92.308,180320,11.5985,E,D*1A\r', '\n$GPGSV,1,1,00*79\r\n$GPRMC,13']) {
    device.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await until(() => heard.readings.length === 1, 'a reading');
  const { value, time, names } = heard.readings[0]!;
  assert.is(time, Date.UTC(2020, 2, 18, 13, 28, 20, 600));
  assert.is((value as { latitude_deg: number }).latitude_deg, 41.5749702048);
  assert.equal(names, { talker: 'GP', sentence: 'RMC' });
  await input.stop();
  await pull();
});

test('a device that is absent, comes, is pulled out in the middle of a line and comes back', async () => {
  const heard = listener();
  const path = join(dir, 'coming');
  const input = await serialInput.start({ path, format: 'csv', columns: ['level'] }, heard.context);
  await until(() => heard.states.length > 0, 'a state');
  assert.match(heard.states[0]!, /^away: .*coming is not there/);
  for (const level of [1, 2]) {
    const { device, pull } = await pair('coming');
    await settled(heard);
    device.write(`${level}\n12`);
    await until(() => heard.values.length === level, `reading ${level}`);
    await pull();
    await until(() => heard.states.at(-1)!.startsWith('away'), 'its absence is told');
  }
  await input.stop();
  assert.equal(heard.values, [{ level: 1 }, { level: 2 }], 'never the 12 of a line that was not whole');
  assert.is(heard.refused.length, 2);
  assert.ok(heard.states.length < 20, `states are told when they change: ${heard.states.join('; ')}`);
});

test('a line that was on its way when the port was opened counts only where it shows that it is whole', async () => {
  const early = async (name: string, settings: { [name: string]: unknown }, halves: string[]): Promise<Heard> => {
    const { port, device, pull } = await pair(name);
    let turn = 0;
    const talk = setInterval(() => device.write(halves[turn++ % 2]!), 7);
    const heard = listener();
    const input = await serialInput.start({ path: port, ...settings }, heard.context);
    await until(() => heard.values.length >= 20, 'readings');
    clearInterval(talk);
    await input.stop();
    await pull();
    return heard;
  };
  for (const round of [1, 2, 3]) {
    const csv = await early(`early-csv-${round}`, { format: 'csv', columns: ['level'] }, ['11', '2.5\n']);
    assert.equal(csv.values.filter((value) => (value as { level: number }).level !== 112.5), [], 'no 2.5');
    assert.match(csv.refused[0]!.reason, /beginning may be missing/);
    const json = await early(`early-json-${round}`, {}, ['{"a":1', '2.5}\n']);
    assert.equal(json.values.filter((value) => (value as { a: number }).a !== 12.5), []);
  }
});

test('a device that must be asked, and is asked again when it comes back', async () => {
  const heard = listener();
  const path = join(dir, 'asked');
  const input = await serialInput.start({ path, format: 'text', send: 'READ?\r\n', send_interval: '100ms' }, heard.context);
  for (let round = 1; round <= 2; round++) {
    const { far, device, pull } = await pair('asked');
    let asked = '';
    const reader = createReadStream(far, { fd: openSync(far, constants.O_RDONLY | constants.O_NOCTTY) });
    reader.on('error', () => {}).on('data', (chunk) => {
      asked += String(chunk);
      // The first answer comes while the port is just open.
      if (asked.length > 21) device.write(`answer ${round}\n`);
    });
    await until(() => heard.values.includes(`answer ${round}`), `answer ${round}`);
    assert.match(asked, /^(READ\?\r\n){3,}/);
    reader.destroy();
    await pull();
  }
  await input.stop();
});

test('one port is read by one input, whatever it is called', async () => {
  const { port, device, pull } = await pair('single');
  const heard = listener(), other = listener(), third = listener();
  const input = await serialInput.start({ path: port }, heard.context);
  await settled(heard);
  try {
    await serialInput.start({ path: port }, other.context);
    assert.unreachable();
  } catch (error) {
    assert.is(codeOf(error), 'bad-config');
    assert.match((error as Error).message, /Two inputs read/);
  }
  symlinkSync(port, join(dir, 'by-id'));
  const waiting = await serialInput.start({ path: join(dir, 'by-id') }, third.context);
  await until(() => third.states.some((state) => state.includes('another input')), 'the second name is refused');
  device.write('1\n');
  await until(() => heard.values.length === 1, 'the first one goes on');
  await input.stop();
  await until(() => third.states.at(-1)!.includes('is open'), 'the second takes over');
  await waiting.stop();
  const again = await serialInput.start({ path: port }, other.context);
  await again.stop();
  await pull();
});

test('settings of the port that are wrong are told before it is opened; a wrong baud rate when nothing can be read', async () => {
  const { port, device, pull } = await pair('doubt');
  const heard = listener();
  const input = await serialInput.start({ path: port }, heard.context);
  await settled(heard);
  device.write('\x80\xf0\n'.repeat(6), 'latin1');
  await until(() => heard.states.at(-1)!.includes('are baud'), 'the doubt is told');
  device.write('{"a":1}\n');
  await until(() => heard.states.at(-1)!.startsWith('ok: reads'), 'and taken back');
  await input.stop();
  await pull();
  const file = join(dir, 'a file');
  writeFileSync(file, '1\n');
  const other = listener();
  const none = await serialInput.start({ path: file }, other.context);
  await until(() => other.states.some((state) => /^away: .* no serial port/.test(state)), `a file is no port: ${other.states.join()}`);
  await none.stop();
  const bad: [{ [name: string]: unknown }, RegExp][] = [
    [{}, /needs a path/], [{ path: 'x', baud: '9600' }, /^baud is "9600"/], [{ path: 'x', baud: 1.5 }, /^baud is 1\.5/], [{ path: 'x', data_bits: 9 }, /^data_bits/], [{ path: 'x', parity: 'odd number' }, /^parity/],
    [{ path: 'x', stop_bits: 3 }, /^stop_bits/], [{ path: 'x', send_interval: '1s' }, /needs send/], [{ path: 'x', send: 'a', send_interval: 5 }, /length of time/], [{ path: 'x', rtscts: 1 }, /^rtscts/], [{ path: 'x', format: 'xml' }, /^format/],
  ];
  for (const [settings, reason] of bad) {
    assert.throws(() => serialInput.check!(settings), (error: Error) => codeOf(error) === 'bad-config' && reason.test(error.message), JSON.stringify(settings));
  }
  serialInput.check!({ path: 'x', baud: 250_000, data_bits: 7, parity: 'even', stop_bits: 2, rtscts: true, xonxoff: true, send: 'a', send_interval: '1s' });
});

it.run();
