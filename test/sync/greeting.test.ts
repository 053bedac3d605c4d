// Who may talk: members do, strangers introduce themselves, the revoked and other fleets are turned away; nothing is told before that.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { Line } from './line.ts';
import { ToyHost, bytesOf } from './toy-host.ts';

const greeting = suite('greeting');

/** Hosts of which each knows the other only if said so; each can introduce itself by a segment of its own. */
function pair(aKnowsB: boolean, bKnowsA: boolean): { a: ToyHost; b: ToyHost } {
  const a = new ToyHost('a'), b = new ToyHost('b');
  for (const [host, other, knows] of [[a, b, aKnowsB], [b, a, bKnowsA]] as const) {
    host.intro = [host.write('$fleet').bytes];
    host.write('telemetry', 2);
    if (!knows) host.standings.set(hex(other.node), 'stranger');
  }
  return { a, b };
}

for (const [aKnowsB, bKnowsA] of [[true, true], [true, false], [false, true], [false, false]] as const) {
  greeting(`opener knows accepter: ${aKnowsB}, accepter knows opener: ${bKnowsA}`, () => {
    const { a, b } = pair(aKnowsB, bKnowsA);
    const line = new Line(a, b).run();
    assert.is(line.a.fault, undefined, String(line.a.fault));
    assert.is(line.b.fault, undefined, String(line.b.fault));
    assert.is(a.frontier(), b.frontier());
    assert.ok(line.a.equal && line.b.equal);
    assert.equal(line.a.peer, b.node);
    assert.equal(line.b.peer, a.node);
  });
}

greeting('a stranger who cannot show anything is told so and nothing else', () => {
  for (const empty of [true, false]) {
    const { a, b } = pair(true, false);
    b.onIntro = 'stranger';
    if (empty) a.intro = [];
    const line = new Line(a, b).run();
    assert.is(line.b.fault?.code, 'not-a-member');
    assert.is(line.a.fault?.code, 'not-a-member');
    assert.is(b.asked['items'], undefined);
    assert.is(b.asked['introduction'], undefined);
    // Handshake, STRANGER and BYE.
    assert.ok(line.b.bytes < 260, `${line.b.bytes} bytes told to a stranger`);
  }
});

greeting('a revoked peer is turned away, before and in the middle of a session', () => {
  const { a, b } = pair(true, true);
  b.standings.set(hex(a.node), 'revoked');
  const line = new Line(a, b).run();
  assert.is(line.b.fault?.code, 'revoked');
  assert.is(line.a.fault?.code, 'revoked');
  assert.is(b.asked['items'], undefined);

  const two = pair(true, true);
  const live = new Line(two.a, two.b);
  live.later(2000, () => {
    two.b.standings.set(hex(two.a.node), 'revoked');
    two.b.write('$fleet');
  });
  live.run();
  assert.is(live.b.fault?.code, 'revoked');
  assert.is(live.a.fault?.code, 'revoked');
});

greeting('a node of another fleet is not even answered', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  Object.defineProperty(a, 'fleet', { value: bytesOf('another fleet', 32) });
  const line = new Line(a, b).run(60_000, 60_000);
  assert.is(line.b.fault?.code, 'bad-handshake');
  assert.is(line.b.bytes, 0);
  assert.is(line.a.fault?.code, 'timeout');
});

greeting('a clone talks to its twin', () => {
  const a = new ToyHost('a'), twin = new ToyHost('a');
  a.write('telemetry', 2);
  // The twin was copied when the machine ran on with other random numbers.
  twin.random.bytes(16);
  twin.random.bytes(16);
  twin.write('config', 3);
  const line = new Line(a, twin).run();
  assert.ok(line.a.equal && line.b.equal, String(line.a.fault));
  assert.is(a.frontier(), twin.frontier());
});

greeting('interests meet: only streams that both want are exchanged', () => {
  for (const [mine, theirs] of [[['telemetry', 'config'], null], [null, ['telemetry', 'config']], [['telemetry', 'x', 'config'], ['config', 'telemetry', 'y']]] as const) {
    const a = new ToyHost('a'), b = new ToyHost('b');
    for (const host of [a, b]) for (const stream of ['$fleet', 'telemetry', 'config', 'alarms']) host.write(stream, 2);
    const line = new Line(a, b, { a: { interest: mine as string[] | null }, b: { interest: theirs as string[] | null } });
    line.later(3000, () => {
      a.write('telemetry');
      b.write('alarms');
    });
    line.run();
    assert.ok(line.a.equal && line.b.equal, String(line.a.fault ?? line.b.fault));
    const shared = (stream: string): boolean => stream !== 'alarms';
    assert.is(a.frontier(shared), b.frontier(shared));
    assert.is.not(a.frontier(), b.frontier());
    assert.is(line.a.session.report.received, 4);
  }
});

greeting.run();
