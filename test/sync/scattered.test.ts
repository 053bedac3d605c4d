// The design's figure for scattered differences: 100 new segments in 100 of 10,000 logs cost less than 20 KB and at most 4 round trips, all included.
// timeout: 120s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Line } from './line.ts';
import { ToyHost, bytesOf } from './toy-host.ts';

const LOGS = 10_000, NEW = 100, LATENCY = 50;

/** Two nodes that hold the same 10,000 logs, written by 100 nodes, each log with an earlier one behind it; then 100 logs grow on one side. */
function fleet(): { old: ToyHost; fresh: ToyHost } {
  const old = new ToyHost('old'), fresh = new ToyHost('fresh');
  const writers = Array.from({ length: 100 }, (_, i) => new ToyHost(`writer ${i}`));
  const more: { writer: ToyHost; stream: string }[] = [];
  for (let i = 0; i < LOGS; i++) {
    const writer = writers[i % 100]!, stream = `telemetry-${Math.floor(i / 100) % 10}`;
    const before = { log: bytesOf(`earlier ${i}`, 16), position: 1 + (i % 900), e: bytesOf(`earlier e ${i}`, 32) };
    writer.restart(stream, [before]);
    for (const host of [old, fresh]) host.pretended.add(Buffer.from(before.log).toString('hex'));
    const segment = writer.write(stream, 1, 1_700_000_000_000 + 7919 * i);
    old.take([segment]);
    fresh.take([segment]);
    if (i % (LOGS / NEW) === 57 % (LOGS / NEW)) more.push({ writer, stream });
    if (more.length > 0 && more[more.length - 1]!.writer === writer && i % (LOGS / NEW) === 57) fresh.take([writer.write(stream, 1, 1_760_000_000_000 + 104_729 * i)]);
  }
  return { old, fresh };
}

const scattered = suite('scattered');
const { old, fresh } = fleet();

for (const opener of ['fresh', 'old'] as const) {
  scattered(`the side that opens is the ${opener} one`, () => {
    const copy = new ToyHost(`old for ${opener}`);
    for (const name of old.pretended) copy.pretended.add(name);
    copy.take(old.segments());
    assert.is(copy.items().length, LOGS);
    const line = new Line(opener === 'fresh' ? fresh : copy, opener === 'fresh' ? copy : fresh, { latency: LATENCY, a: { once: true } }).run();
    assert.is(line.a.fault, undefined);
    assert.is(line.b.fault, undefined);
    assert.ok(line.a.equal);
    if (process.env.TRACE) for (const o of line.outputs) if (o.kind !== "ask") console.log(o.at, o.from, o.kind, o.bytes);
    const receiver = opener === 'fresh' ? line.b : line.a;
    assert.is(receiver.session.report.received, NEW);
    assert.is(copy.frontier(), fresh.frontier());
    const bytes = line.a.bytes + line.b.bytes;
    // Until both sides have all, and until both know it.
    const trips = Math.max(line.a.syncedAt, line.b.syncedAt) - 1000;
    console.log(`${opener} opens: ${bytes} bytes (${line.a.bytes} + ${line.b.bytes}), ${trips / (2 * LATENCY)} round trips`);
    assert.ok(bytes < 20_000, `${bytes} bytes`);
    assert.ok(trips <= 4 * 2 * LATENCY, `${trips / (2 * LATENCY)} round trips`);
    assert.is(receiver.host.asked['supply'] ?? 0, 0);
  });
}

scattered.run();
