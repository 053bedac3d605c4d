// Bytes an event on the wire, everything included: live from one node at two rates, and the whole trace as a repacked catch-up.

import { gzipSync } from 'node:zlib';
import type { Clock } from '../../src/ports.ts';
import { CLOCK_SYNCED } from '../../src/ports.ts';
import { invite } from '../../src/node-acts.ts';
import { openBenchNode, storeAll, type BenchNode } from './bench-node.ts';
import { linkPair } from './memory-link.ts';
import { freshFolder, say, tell } from './rows.ts';
import { readings, traceCsv } from './trace.ts';

const all = readings();
const csv = Buffer.from(traceCsv());
const zipped = gzipSync(csv, { level: 9 }).length / all.length;

/** A clock that stands until it is moved. */
function simulated(): Clock & { ms: number } {
  const clock: Clock & { ms: number } = { ms: 0, now: () => 1_700_000_000_000 + clock.ms, uptime: () => clock.ms, quality: () => CLOCK_SYNCED, boot: new Uint8Array(8).fill(3) };
  return clock;
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** Until nothing has been sent for some turns of the event loop and neither node has anything under way. */
async function quiet(nodes: BenchNode[], sent: () => number): Promise<void> {
  for (let still = 0, before = -1; still < 8; still++) {
    await turn();
    for (const { node } of nodes) await node.turn(async () => undefined);
    if (sent() !== before) { before = sent(); still = 0; }
  }
}

/** Bytes an event over `events` events that one node appends one at a time, `perSecond` a second, to a peer that holds all before. */
async function live(perSecond: number, events: number): Promise<{ bytes: number; back: number; writes: number }> {
  const clock = simulated();
  const author = await openBenchNode(freshFolder('author'), { clock });
  const reader = await openBenchNode(freshFolder('reader'), { clock, invitation: await invite(author.node, {}) });
  const { a, b, traffic } = linkPair();
  reader.node.connect(b, 'accept');
  author.node.connect(a, 'open');
  const sent = (): number => traffic.fromA + traffic.fromB;
  const step = async (ms: number): Promise<void> => {
    clock.ms += ms;
    for (const { node } of [author, reader]) node.tick();
    await quiet([author, reader], sent);
  };
  const append = async (from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i++) {
      await author.node.append('telemetry', [all[i]!]);
      await step(1_000 / perSecond);
    }
  };
  for (let i = 0; i < 10; i++) await step(1_000);
  await append(0, 20 * perSecond);
  const before = { ...traffic };
  await append(20 * perSecond, events);
  const result = { bytes: (sent() - before.fromA - before.fromB) / events, back: (traffic.fromB - before.fromB) / events, writes: (traffic.writes - before.writes) / events };
  const held = reader.node.streams().find((s) => s.stream === 'telemetry')?.events ?? 0;
  if (held < 20 * perSecond + events - 3 * perSecond) throw new Error(`the peer holds only ${held} events`);
  await reader.stop();
  await author.stop();
  return result;
}

/** Bytes an event of the whole trace, repacked by its author, to a node that holds nothing of it. */
async function catchUp(): Promise<{ bytes: number; seconds: number }> {
  const author = await openBenchNode(freshFolder('author'));
  for (let i = 0; i < all.length; i += 256) await author.node.append('telemetry', all.slice(i, i + 256));
  await storeAll(author.node);
  const reader = await openBenchNode(freshFolder('reader'), { invitation: await invite(author.node, {}) });
  const { a, b, traffic } = linkPair();
  const since = performance.now();
  const served = author.node.connect(b, 'accept');
  const report = await reader.node.connect(a, 'open', { once: true }).done;
  const seconds = (performance.now() - since) / 1_000;
  await served.done.catch(() => undefined);
  if (!report.equal || reader.node.digest().digest !== author.node.digest().digest) throw new Error('the nodes do not hold the same');
  await reader.stop();
  await author.stop();
  return { bytes: (traffic.fromA + traffic.fromB) / all.length, seconds };
}

for (const [rate, events] of [[1, 600], [10, 2_000]] as const) {
  say(`live, ${rate} a second`);
  const { bytes, back, writes } = await live(rate, events);
  tell({
    what: `on the wire, live at ${rate} event${rate > 1 ? 's' : ''}/s`, value: bytes, unit: 'bytes/event', baseline: { what: 'gzip -9 of the CSV', value: zipped }, reach: 'report',
    note: `simulated clock, default windows; frames and encryption included, ${back.toFixed(1)} of it from the peer; TCP and IP would add about ${Math.round(writes * 52)} in headers`,
  });
}
say('catch-up of the whole trace');
const { bytes } = await catchUp();
tell({ what: `on the wire, catch-up of ${all.length} events`, value: bytes, unit: 'bytes/event', baseline: { what: 'gzip -9 of the CSV', value: zipped }, reach: '< 7', ok: bytes < 7, note: 'both directions' });
