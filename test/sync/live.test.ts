// After sets were compared: what is new goes out at once, in order of importance, once; and quiet sessions are quiet.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Line } from './line.ts';
import { ToyHost } from './toy-host.ts';

const live = suite('live');

live('a new event arrives after one way over the line', () => {
  for (const writer of ['a', 'b'] as const) {
    const a = new ToyHost('a'), b = new ToyHost('b');
    const host = writer === 'a' ? a : b, other = writer === 'a' ? b : a;
    host.write('telemetry');
    const line = new Line(a, b, { latency: 100 }).run();
    for (let i = 0; i < 20; i++) {
      const before = line[writer].bytes;
      host.write('telemetry', 1, 1_800_000_000_000 + i);
      const start = line.now;
      let arrived = 0;
      const listener = (): void => { arrived ||= line.now; };
      other.listeners.add(listener);
      line.run(20_000);
      other.listeners.delete(listener);
      assert.is(arrived - start, 100);
      assert.is(other.frontier(), host.frontier());
      assert.ok(i === 0 || line[writer].bytes - before < 500, `${line[writer].bytes - before} bytes for one event`);
    }
    assert.ok(line.a.equal && line.b.equal);
  }
});

live('in a ring of four each event crosses each node once', () => {
  const hosts = ['a', 'b', 'c', 'd'].map((name) => new ToyHost(name));
  // Four lines share the time: they are stepped in turn.
  const lines = hosts.map((host, i) => new Line(host, hosts[(i + 1) % 4]!, { latency: 5 }));
  const run = (ms: number): void => {
    const end = lines[0]!.now + ms;
    for (let t = lines[0]!.now; t <= end; t += 5) for (const line of lines) line.runUntil(t);
  };
  run(500);
  for (let i = 0; i < 30; i++) {
    hosts[i % 4]!.write('telemetry', 1, 1_800_000_000_000 + i);
    run(40);
  }
  run(8000);
  for (const host of hosts) assert.is(host.frontier(), hosts[0]!.frontier());
  for (const line of lines) assert.ok(line.a.equal && line.b.equal, String(line.a.fault ?? line.b.fault));
  // Each event needs three transfers; the fourth line may carry some of them twice when both ways take equally long.
  const sent = lines.reduce((n, line) => n + line.a.session.report.sent + line.b.session.report.sent, 0);
  assert.ok(sent <= 30 * 4, `${sent} events sent for 30`);
  const received = lines.reduce((n, line) => n + line.a.session.report.received + line.b.session.report.received, 0);
  assert.is(received, 90);
});

live('alarms overtake a backlog', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  a.priorities.set('alarms', -1);
  for (let i = 0; i < 400; i++) a.write('telemetry', 50, 1_800_000_000_000 + 1000 * i);
  a.write('alarms');
  const line = new Line(a, b, { latency: 10, rate: 10, a: { frameBytes: 1024 }, b: { frameBytes: 1024 } });
  const times: { [stream: string]: number } = {};
  b.listeners.add((change) => { for (const item of change.added) times[item.stream] ??= line.now; });
  let written = 0, alarmed = 0;
  line.later(2000, () => {
    assert.ok(b.frontier((s) => s === 'telemetry') !== a.frontier((s) => s === 'telemetry'), 'the backlog is over too soon');
    b.listeners.add((change) => { if (change.added.some((i) => i.stream === 'alarms' && i.to === 2)) alarmed ||= line.now; });
    a.write('alarms', 1, 1_900_000_000_000);
    written = line.now;
  });
  line.run();
  assert.ok(line.a.equal && line.b.equal, String(line.a.fault ?? line.b.fault));
  assert.ok(times['alarms']! <= times['telemetry']!, 'alarms come first');
  // Frames that were cut before it, and then its own.
  assert.ok(alarmed - written < 600, `${alarmed - written} ms`);
});

live('a peer that will not have a stream leaves the set settled, not busy', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  b.refuse.add('secret');
  for (let i = 0; i < 5; i++) {
    a.write('secret');
    a.write('telemetry');
  }
  const line = new Line(a, b).run();
  assert.ok(line.a.synced && line.b.synced && !line.a.equal && !line.b.equal, String(line.a.fault));
  assert.is(a.frontier((s) => s === 'telemetry'), b.frontier((s) => s === 'telemetry'));
  const before = line.a.bytes + line.b.bytes, compares = a.asked['items'];
  line.run(20_000, 100_000);
  assert.ok(line.a.bytes + line.b.bytes - before < 400, `${line.a.bytes + line.b.bytes - before} bytes in 20 s of quiet`);
  assert.is(a.asked['items'], compares);
  // New events of other streams still flow.
  a.write('telemetry', 1, 1_900_000_000_000);
  line.run(20_000);
  assert.is(a.frontier((s) => s === 'telemetry'), b.frontier((s) => s === 'telemetry'));
});

live('what a peer would not have at first, it is shown again later', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  b.refuse.add('secret');
  a.write('secret');
  const line = new Line(a, b).run(60_000);
  assert.ok(line.b.synced && !line.b.equal);
  b.refuse.clear();
  line.run(100_000, 100_000);
  assert.is(a.frontier(), b.frontier());
  assert.ok(line.a.equal && line.b.equal);
});

live('two quiet nodes say little, and notice when the other is gone', () => {
  const line = new Line(new ToyHost('a'), new ToyHost('b')).run();
  const before = line.a.bytes + line.b.bytes;
  line.run(3_600_000, 100_000);
  assert.is(line.a.fault, undefined);
  // A sign of life each 30 s.
  assert.ok(line.a.bytes + line.b.bytes - before < 2 * 120 * 2 * 21, `${line.a.bytes + line.b.bytes - before} bytes in an hour`);
  line.breakIt();
  line.run(200_000, 200_000);
  assert.is(line.a.fault?.code, 'timeout');
  assert.is(line.b.fault?.code, 'timeout');
});

live('receipts come now and then where it is never quiet', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  const line = new Line(a, b);
  for (let i = 0; i < 700; i++) line.later(200 * i, () => { a.write('telemetry', 1, 1_800_000_000_000 + i); });
  line.run(140_000);
  assert.ok(line.a.receipts.length >= 2 && line.a.receipts.length < 35, String(line.a.receipts.length));
  assert.is(line.a.fault, undefined);
  line.run();
  assert.ok(line.a.equal && line.b.equal);
});

live('after long quiet new events go out as before', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  const line = new Line(a, b).run();
  for (let i = 0; i < 6; i++) {
    line.run(400_000, 100_000);
    (i % 2 ? a : b).write('telemetry', 1, 1_800_000_000_000 + i);
    line.run(5000);
    assert.is(a.frontier(), b.frontier());
  }
  assert.ok(!line.a.closed && !line.b.closed, String(line.a.fault ?? line.b.fault));
});

live('what is written at any moment of the greeting holds nothing up', () => {
  for (const [early, late] of [['telemetry', '$fleet'], ['$fleet', 'telemetry'], ['telemetry', 'alarms']] as const) {
    for (let at = 0; at < 240; at++) {
      for (const [swap, thin] of [[false, false], [true, false], [false, true], [true, true]] as const) {
        const a = new ToyHost('a'), b = new ToyHost('b');
        const line = new Line(a, b, { latency: 30, thinking: 3, a: { thin }, b: { thin } });
        line.later(0, () => { (swap ? b : a).write(early, 1, 1_800_000_000_000); });
        line.later(at, () => { (swap ? a : b).write(late, 1, 1_800_001_000_000); });
        line.run(10_000);
        assert.ok(a.frontier() === b.frontier() && line.a.equal && line.b.equal, `${late} at ${at}${swap ? ', the other way round' : ''}${thin ? ', thin' : ''}`);
      }
    }
  }
});

live('closing says goodbye', () => {
  const line = new Line(new ToyHost('a'), new ToyHost('b')).run();
  line.close('b');
  line.run();
  assert.ok(line.a.closed && line.b.closed);
  assert.is(line.a.fault, undefined);
  assert.is(line.b.fault, undefined);
});

live.run();
