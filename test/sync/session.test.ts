// Two sessions on a quiet line: they come to hold the same, whoever had what.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Line } from './line.ts';
import { ToyHost } from './toy-host.ts';

const session = suite('session');

session('two empty nodes agree', () => {
  const line = new Line(new ToyHost('a'), new ToyHost('b')).run();
  assert.ok(line.a.synced && line.a.equal && line.b.synced && line.b.equal, String(line.a.fault ?? line.b.fault));
});

session('an empty node gets all, whichever side opens', () => {
  for (const full of ['a', 'b'] as const) {
    const a = new ToyHost('a'), b = new ToyHost('b');
    const host = full === 'a' ? a : b;
    for (let i = 0; i < 5; i++) host.write('telemetry', 3);
    host.write('$fleet');
    host.write('config', 2);
    const line = new Line(a, b).run();
    assert.is(line.a.fault, undefined);
    assert.is(a.frontier(), b.frontier());
    assert.ok(line.a.equal && line.b.equal);
    assert.is(line[full === 'a' ? 'b' : 'a'].session.report.received, 17);
    assert.is(line[full].session.report.sent, 17);
  }
});

session.run();
