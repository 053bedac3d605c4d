// Serial lines between whole nodes on real ptys, paced and spoilt by a relay: segment bytes as a share of the line, events a second, an urgent event among them.

import { serialLine } from '../../src/carry/serial-line.ts';
import { createRandom } from '../../src/io/crypto.ts';
import { openSerial } from '../../src/io/serial.ts';
import { parseSerial } from '../../src/io/serial-address.ts';
import { invite } from '../../src/node-acts.ts';
import { PTYS, relay, type Faults } from '../io/serial-relay.ts';
import { openBenchNode, storeAll, type BenchNode } from './bench-node.ts';
import { freshFolder, say, tell } from './rows.ts';
import { readings } from './trace.ts';

/** Two nodes of one fleet joined by a line; `left` has `events` events of which `right` has none. */
async function lineOf(name: string, url: string, faults: Faults, events: number): Promise<{ left: BenchNode; right: BenchNode; carried(): number; equal(): boolean; stop(): Promise<void> }> {
  const left = await openBenchNode(freshFolder('left')), all = readings(events);
  for (let i = 0; i < all.length; i += 256) await left.node.append('telemetry', all.slice(i, i + 256));
  await storeAll(left.node);
  const right = await openBenchNode(freshFolder('right'), { invitation: await invite(left.node, {}) });
  const { baud, mode } = parseSerial(`serial:x?${url}`);
  let over = false;
  const wire = await relay(name, baud, faults, mode === 'half');
  const stations = await Promise.all(wire.ends.map((path, i) => openSerial(parseSerial(`serial:${path}?${url}`), (host, now) => serialLine({ now, random: createRandom(), baud, half: mode === 'half' }, host), {
    onLink: (link, side) => { (i === 0 ? left : right).node.connect(link, side).done.catch((error: Error) => { if (!over) say(`${name}: ${error.message}`); }); },
    onPort: (reason) => { if (!over) say(`${name}: ${reason ?? 'the port is back'}`); },
  })));
  return {
    left, right, carried: () => wire.carried[0], equal: () => left.node.digest().digest === right.node.digest().digest,
    async stop() {
      over = true;
      for (const station of stations) await station.close();
      for (const each of [left, right]) await each.stop();
      await wire.stop();
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
const bytesOf = (node: BenchNode): number => node.node.streams().find(({ stream }) => stream === 'telemetry')?.bytes ?? 0;

/** Brings a node level over a line. `share`: segment bytes of what the line carries in the time. */
async function level(name: string, url: string, faults: Faults, events: number): Promise<{ share: number; perSecond: number; eventBytes: number }> {
  const { left, right, carried, equal, stop } = await lineOf(name, url, faults, events);
  const since = performance.now();
  while (!equal()) await pause(20);
  const seconds = (performance.now() - since) / 1_000, { baud } = parseSerial(`serial:x?${url}`);
  const result = { share: bytesOf(left) / (seconds * baud / 10), perSecond: events / seconds, eventBytes: carried() / events };
  if (bytesOf(right) === 0) throw new Error('nothing arrived');
  await stop();
  return result;
}

/** The time until an urgent event is at the other side, while a long transfer fills the line: the longest of several. */
async function urgent(url: string, events: number): Promise<number> {
  const { left, right, stop } = await lineOf('urgent', url, {}, events);
  let longest = 0;
  while (bytesOf(right) === 0) await pause(20);
  for (let i = 0; i < 8; i++) {
    await pause(1_500);
    const since = performance.now(), held = () => right.node.streams().find(({ stream }) => stream === 'alarms')?.events ?? 0, before = held();
    await left.node.append('alarms', [{ key: 'pump', type: 'leak', body: { litres: i } }], { urgent: true });
    while (held() === before) await pause(5);
    longest = Math.max(longest, performance.now() - since);
  }
  await stop();
  return longest;
}

if (!PTYS) say('skipped: there is no socat on this machine to make ptys');
else {
  const rows: [string, string, Faults, number, number | undefined][] = [
    ['clean', 'baud=115200', {}, 160_000, 0.95], ['bit errors 1e-5', 'baud=115200', { bitErrors: 1e-5 }, 100_000, 0.9], ['bit errors 1e-4', 'baud=115200', { bitErrors: 1e-4 }, 100_000, 0.7],
    ['byte drops 1e-4', 'baud=115200', { drops: 1e-4 }, 100_000, 0.75], ['clean, half duplex', 'baud=115200&mode=half', {}, 100_000, undefined], ['bit errors 1e-4', 'baud=9600', { bitErrors: 1e-4 }, 10_000, undefined],
  ];
  for (const [name, url, faults, events, reach] of rows) {
    const { share, perSecond, eventBytes } = await level(name, url, faults, events);
    tell({
      what: `serial at ${Number.parseInt(url.slice(5), 10)}, ${name}: segment bytes`, value: Math.round(share * Number.parseInt(url.slice(5), 10) / 10), unit: 'B/s', baseline: { what: 'line rate', value: Number.parseInt(url.slice(5), 10) / 10 },
      ratio: share, reach: reach === undefined ? undefined : `>= ${reach}`, ok: reach === undefined ? undefined : share >= reach, note: `${Math.round(perSecond)} events/s, ${eventBytes.toFixed(2)} bytes an event on the wire`,
    });
  }
  const longest = await urgent('baud=9600', 40_000);
  tell({ what: 'serial at 9600: an urgent event among a long transfer, longest of 8', value: Math.round(longest), unit: 'ms', reach: '< 2000', ok: longest < 2_000 });
}
