// Serial links on real ptys: the conformance suite, and ports that are missing, taken, noisy, pulled out and put back.
// timeout: 300s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serialLine } from '../../src/carry/serial-line.ts';
import { codeOf } from '../../src/fault.ts';
import { openSerial, type LineHost, type SerialStation } from '../../src/io/serial.ts';
import { formatSerial, parseSerial, type SerialAddress } from '../../src/io/serial-address.ts';
import type { Bytes, Link } from '../../src/ports.ts';
import { Chance } from '../sim/chance.ts';
import { linkConformance } from './link-conformance.ts';
import { PTYS, relay, type Faults, type Relay } from './serial-relay.ts';

/** One end in use: its station, and its links one after another. */
interface Station { station: SerialStation; links: Link[]; sides: string[]; news: (string | undefined)[] }

let seed = 0;

async function station(address: SerialAddress): Promise<Station> {
  const random = new Chance(`station ${seed++}`), links: Link[] = [], sides: string[] = [], news: (string | undefined)[] = [];
  const engine = (host: LineHost, now: number) => serialLine({ now, random, baud: address.baud, half: address.mode === 'half', airtime: address.airtime }, host);
  const made = await openSerial(address, engine, {
    onLink(link, side) {
      links.push(link);
      sides.push(side);
    },
    onPort: (reason) => { news.push(reason); },
  });
  return { station: made, links, sides, news };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

interface Joined { wire: Relay; left: Station; right: Station; stop(): Promise<void> }

/** Two stations on a wire, met. `options` as in the URL of a link. */
async function joined(baud: number, options = '', faults: Faults = {}, half = false): Promise<Joined> {
  const wire = await relay(`wire ${seed++}`, baud > 1_000_000 ? 0 : baud, faults, half);
  const [left, right] = await Promise.all(wire.ends.map((path) => station(parseSerial(`serial:${path}?baud=${baud}${options}`)))) as [Station, Station];
  await until(() => left.links.length > 0 && right.links.length > 0);
  return {
    wire, left, right,
    async stop() {
      await Promise.all([left.station.close(), right.station.close()]);
      await wire.stop();
    },
  };
}

if (PTYS) for (const [name, options, half] of [['serial, full duplex', '', false], ['serial, half duplex', '&mode=half', true]] as const) {
  linkConformance(name, {
    async pair() {
      const { left, right, stop } = await joined(3_000_000, options, {}, half);
      return { left: left.links[0]!, right: right.links[0]!, stop };
    },
    async deaf() {
      const { wire, left, stop } = await joined(3_000_000, options, {}, half);
      wire.stalled = true;
      return {
        link: left.links[0]!,
        wake: () => { wire.stalled = false; },
        stop: async () => {
          wire.stalled = false;
          await stop();
        },
      };
    },
  });
}

const test = suite('serial');
const onPtys = PTYS ? test : test.skip;
if (!PTYS) console.log('skipped: serial links on ptys (socat is not here)');

test('addresses are read and written', () => {
  const base = { scheme: 'serial' as const, path: '/dev/ttyUSB0', baud: 115_200, mode: 'full' as const, airtime: 1, flow: 'none' as const };
  const rows: [string, SerialAddress][] = [
    ['serial:/dev/ttyUSB0', base], ['serial:///dev/ttyUSB0', base], ['SERIAL:/dev/ttyUSB0?baud=9600', { ...base, baud: 9_600 }], ['serial:COM3?mode=half', { ...base, path: 'COM3', mode: 'half' }],
    ['serial:/dev/ttyUSB0?baud=1200&mode=half&airtime=1%&flow=rtscts', { ...base, baud: 1_200, mode: 'half', airtime: 0.01, flow: 'rtscts' }], ['serial:/dev/ttyUSB0?airtime=0.5%', { ...base, airtime: 0.005 }], ['serial:/dev/ttyUSB0?patience=120', { ...base, patience: 120_000 }],
    ['serial:/dev/serial/by-id/usb-FTDI_FT232R_A9-if00-port0?baud=3000000', { ...base, path: '/dev/serial/by-id/usb-FTDI_FT232R_A9-if00-port0', baud: 3_000_000 }],
  ];
  for (const [url, address] of rows) {
    assert.equal(parseSerial(url), address, url);
    assert.equal(parseSerial(formatSerial(address)), address, url);
  }
});

test('wrong addresses are refused with what is wrong about them', () => {
  for (const [url, word] of [
    ['', 'write for example'], ['serial:', 'port is missing'], ['/dev/ttyUSB0', 'write for example'], ['serial://host/dev/ttyUSB0', 'no host'], ['serial:/dev/a?baud=fast', 'baud'], ['serial:/dev/a?baud=100', 'from 300'],
    ['serial:/dev/a?mode=duplex', 'full or half'], ['serial:/dev/a?airtime=0%', 'share'], ['serial:/dev/a?airtime=200%', 'share'], ['serial:/dev/a?airtime=1', 'share'], ['serial:/dev/a?parity=even', 'no option'], ['serial:/dev/a?patience=5', 'seconds'], ['serial:/dev/a?patience=2min', 'seconds'],
    ['serial:/dev/a?baud=9600&baud=1200', 'twice'], ['serial:/dev/a?flow=xonxoff', 'rtscts'],
  ] as const) {
    try {
      parseSerial(url);
      assert.unreachable(url);
    } catch (error) {
      assert.is(codeOf(error), 'bad-url', url);
      assert.match((error as Error).message, word, url);
    }
  }
});

test('a port that is not there is named', async () => {
  try {
    await station(parseSerial('serial:/dev/no-such-port'));
    assert.unreachable();
  } catch (error) {
    assert.is(codeOf(error), 'link-failed');
    assert.match((error as Error).message, '/dev/no-such-port');
  }
});

onPtys('a port that another program has is busy', async () => {
  const { wire, stop } = await joined(115_200);
  try {
    await station(parseSerial(`serial:${wire.ends[0]}`));
    assert.unreachable();
  } catch (error) {
    assert.is(codeOf(error), 'busy', (error as Error).message);
  }
  await stop();
});

function numbered(number: number, length: number): Bytes {
  const frame = new Uint8Array(length);
  for (let i = 0; i < length; i++) frame[i] = (number * 31 + i * 7) & 0xff;
  return frame;
}

/** Sends and gives what arrived. */
async function transfer(from: Link, to: Link, frames: Bytes[]): Promise<Bytes[]> {
  const got: Bytes[] = [];
  to.onFrame = (frame) => got.push(frame.slice());
  let next = 0;
  const fill = () => { while (next < frames.length) if (!from.send(frames[next++]!)) break; };
  from.onDrain = fill;
  fill();
  await until(() => got.length >= frames.length);
  return got;
}

onPtys('one side is the opener, the other the accepter', async () => {
  const { left, right, stop } = await joined(115_200);
  assert.equal([left.sides[0], right.sides[0]].sort(), ['accept', 'open']);
  await stop();
});

onPtys('noise, losses, bursts and chatter on a paced line: everything arrives', async () => {
  for (const [options, faults] of [['', { bitErrors: 1e-4, drops: 1e-4 }], ['', { bursts: [3_000, 100] as [number, number], inserts: 1e-4 }], ['&mode=half', { bitErrors: 1e-4 }]] as [string, Faults][]) {
    const { wire, left, right, stop } = await joined(115_200, options, faults, options !== '');
    wire.inject(1, new TextEncoder().encode('login: '));
    const size = left.links[0]!.manifest.frameBytes, frames = Array.from({ length: 30 }, (_, i) => numbered(i, size - i));
    assert.equal((await transfer(left.links[0]!, right.links[0]!, frames)).map((frame) => Buffer.compare(frame, frames[frame.length === size ? 0 : size - frame.length]!)), frames.map(() => 0));
    wire.inject(0, new TextEncoder().encode('\r\n[  12.1] usb 1-1: new device\r\n'));
    const back = await transfer(right.links[0]!, left.links[0]!, frames.slice(0, 10));
    assert.is(back.length, 10);
    assert.equal([left.links.length, right.links.length], [1, 1]);
    await stop();
  }
});

onPtys('a program that ends without a word and begins again: the other side gets a new link', async () => {
  const { wire, left, right, stop } = await joined(115_200);
  const closes: string[] = [];
  right.links[0]!.onClose = (reason) => { closes.push(reason); };
  // What was said at the end never arrives.
  wire.cut = true;
  await left.station.close();
  wire.cut = false;
  const again = await station(parseSerial(`serial:${wire.ends[0]}`));
  await until(() => again.links.length === 1 && right.links.length === 2);
  assert.equal(closes, ['the peer does not know this connection: it has started again']);
  assert.is((await transfer(right.links[1]!, again.links[0]!, [numbered(1, 500)])).length, 1);
  await again.station.close();
  await stop();
});

onPtys('a plug pulled and put back: the port is found again and the same link goes on', async () => {
  const { wire, left, right, stop } = await joined(115_200);
  const size = left.links[0]!.manifest.frameBytes, frames = Array.from({ length: 60 }, (_, i) => numbered(i, size));
  const done = transfer(left.links[0]!, right.links[0]!, frames);
  await new Promise((resolve) => setTimeout(resolve, 800));
  await wire.pull(0);
  await until(() => left.news.length === 1);
  assert.is(left.station.present, false);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await wire.plug(0);
  assert.equal((await done).map((frame, i) => Buffer.compare(frame, frames[i]!)), frames.map(() => 0));
  assert.is(left.news.length, 2);
  assert.is(left.news[1], undefined);
  assert.equal([left.links.length, right.links.length], [1, 1]);
  await stop();
});

onPtys('close ends the other side with a word, and gives the port back', async () => {
  const { wire, left, right, stop } = await joined(115_200);
  const reasons: string[] = [];
  left.links[0]!.onClose = (reason) => { reasons.push(`left ${reason}`); };
  right.links[0]!.onClose = (reason) => { reasons.push(`right ${reason}`); };
  await left.station.close('going home');
  await until(() => reasons.length === 2);
  assert.equal(reasons.sort(), ['left going home', 'right the peer closed the link']);
  const again = await station(parseSerial(`serial:${wire.ends[0]}`));
  await until(() => again.links.length === 1);
  await again.station.close();
  await stop();
});

// TEST_PORT names a real port: one with a plug that leads back to itself, or two, joined by a cable, as A,B.
const PORTS = (process.env['TEST_PORT'] ?? '').split(',').filter((path) => path !== '');
const onPorts = PORTS.length > 0 ? test : test.skip;
if (PORTS.length === 0) console.log('skipped: real serial ports (TEST_PORT names none)');

onPorts('real ports', async () => {
  for (const baud of [9_600, 115_200]) {
    const stations = await Promise.all(PORTS.map((path) => station(parseSerial(`serial:${path}?baud=${baud}`))));
    if (stations.length === 1) {
      // It hears only itself, which must not be taken for a peer.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      assert.is(stations[0]!.links.length, 0);
    } else {
      const [left, right] = stations as [Station, Station];
      await until(() => left.links.length > 0 && right.links.length > 0);
      const frames = Array.from({ length: 40 }, (_, i) => numbered(i, 120));
      assert.equal((await transfer(left.links[0]!, right.links[0]!, frames)).map((frame, i) => Buffer.compare(frame, frames[i]!)), frames.map(() => 0));
      assert.is((await transfer(right.links[0]!, left.links[0]!, frames)).length, 40);
    }
    for (const each of stations) await each.station.close();
  }
});

test.run();
