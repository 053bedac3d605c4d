// The fan-out's messages one by one: topics, seal, heads, what is refused and what it costs, queues, and calls.

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, hex } from '../../src/event/bytes.ts';
import type { Bytes } from '../../src/ports.ts';
import { IDLE_MESSAGES, OUTBOX_SEGMENTS, SEAL_BYTES } from '../../src/sync/fanout-bounds.ts';
import { isSigned, makeHead, readHead, showHeld, type Head } from '../../src/sync/fanout-head.ts';
import { envelopeOf } from '../../src/sync/fanout-seal.ts';
import { topicsOf } from '../../src/sync/fanout-topics.ts';
import { PostOffice } from './post-office.ts';
import { bytesOf, crypto, FLEET, ToyHost } from './toy-host.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const test = suite('fan-out');
const random = new ToyHost('chance').random;

test('topics: short, below the own level, seven slashes at most, and read back', () => {
  const node = bytesOf('a', 32), instance = bytesOf('i', 8);
  for (const prefix of ['hf', 'plant/hall-7/line/hf']) {
    const topics = topicsOf(crypto, FLEET, node, prefix);
    for (const topic of [topics.segments('telemetry'), topics.head(instance), topics.to(instance)]) {
      assert.ok(topic.startsWith(`${topics.own}/`));
      assert.ok(topic.split('/').length <= 8);
      assert.is(topics.read(topic)?.level, topics.level);
      for (const level of topic.slice(prefix.length + 1).split('/').filter((part) => part.length > 2)) assert.match(level, /^[A-Za-z0-9_-]{11,12}$/);
    }
    assert.is(topics.levelOf(node), topics.level);
    assert.is(topics.read(topics.segments('x'))?.last, topics.streamLevel('x'));
    for (const wrong of ['hf/x', `${prefix}x/${topics.segments('x').slice(prefix.length + 1)}`, `${topics.segments('x')}/more`, `${topics.own}/z/AAAAAAAAAAAA`, '', '/', topics.own]) assert.is(topics.read(wrong), undefined, wrong);
  }
  for (const prefix of ['', 'a/b/c/d/e', 'a//b', '+', 'a/#', '$SYS', 'a b', 'x'.repeat(65)]) assert.throws(() => topicsOf(crypto, FLEET, node, prefix), (e: { code: string }) => e.code === 'bad-argument');
  const levels = new Set(['a', 'b', 'c'].flatMap((name) => [FLEET, bytesOf('other', 32)].map((fleet) => topicsOf(crypto, fleet, bytesOf(name, 32), 'hf').own)));
  assert.is(levels.size, 6);
});

test('the seal opens in its topic alone, and tells changes', () => {
  const envelope = envelopeOf(crypto, random, FLEET), other = envelopeOf(crypto, random, bytesOf('other fleet', 32));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (plain, at) => {
    const sealed = envelope.seal('t/1', plain);
    assert.is(sealed.length, plain.length + SEAL_BYTES);
    assert.equal(envelope.open('t/1', sealed), plain);
    assert.is(envelope.open('t/2', sealed), undefined);
    assert.is(other.open('t/1', sealed), undefined);
    const changed = sealed.slice();
    changed[at % changed.length]! ^= 1;
    assert.is(envelope.open('t/1', changed), undefined);
    assert.is(envelope.open('t/1', sealed.subarray(0, at % sealed.length)), undefined);
  }), { seed: SEED });
});

test('heads are read back, refuse nonsense, and fold what is too much', () => {
  const host = new ToyHost('a');
  const head: Head = {
    node: host.node, instance: bytesOf('i', 8), sequence: 7, interest: ['config'], held: [{ stream: '$fleet', items: 3, sum: bytesOf('s', 8) }, { stream: 'config', items: 1, sum: bytesOf('t', 8) }],
    tips: [{ stream: 'config', log: bytesOf('l', 16), position: 9, e: bytesOf('e', 32) }],
  };
  const bytes = makeHead(FLEET, (m) => host.sign(m), head), read = readHead(bytes);
  assert.equal(read.head, head);
  assert.ok(isSigned(crypto, FLEET, read));
  assert.not(isSigned(crypto, bytesOf('other', 32), read));
  fc.assert(fc.property(fc.nat(), fc.nat(255), (at, to) => {
    const changed = bytes.slice();
    changed[at % bytes.length] = to;
    let ok: boolean;
    try { const again = readHead(changed); ok = isSigned(crypto, FLEET, again) && hex(changed) !== hex(bytes); } catch (error) { ok = (error as { code?: string }).code !== 'bad-encoding'; }
    assert.not(ok);
  }), { seed: SEED, numRuns: 400 });
  const prints = new Map(Array.from({ length: 200 }, (_, i) => [`s${i}`, { items: 1, sum: Uint32Array.of(i, 1, 2, 3) }] as const));
  const shown = showHeld(crypto, prints, null);
  assert.is(shown.length, 64);
  assert.is(shown.reduce((n, one) => n + one.items, 0), 200);
  prints.get('s99')!.sum[0]!++;
  assert.not.equal(showHeld(crypto, prints, null)[63], shown[63]);
});

test('garbage, strangers, other levels and forged heads are counted and cost little', () => {
  const office = new PostOffice(), a = office.process('a'), b = office.process('b'), stranger = office.process('s', { fleet: bytesOf('other', 32) });
  for (const p of [a, b, stranger]) p.up();
  office.wait(2_000);
  const { topics } = a.fanout.options, envelope = envelopeOf(crypto, random, FLEET), verified = b.verified, members = b.fanout.members.size;
  const tell = (topic: string, plain: Bytes): void => b.deliver({ topic, payload: envelope.seal(topics.inner(topic), plain) });
  const segment = b.host.write('config'), foreign = new ToyHost('c').write('telemetry');
  const before = { ...b.fanout.intake.counts };
  b.deliver({ topic: topics.segments('telemetry'), payload: bytesOf('noise', 500) });
  tell(topics.segments('telemetry'), bytesOf('noise', 500));
  tell(topics.segments('telemetry'), segment.bytes); // of another stream, and another node
  tell(topics.segments('telemetry'), foreign.bytes); // of another node than the level's
  tell(topics.head(bytesOf('i', 8)), bytesOf('noise', 100));
  const forged: Head = { node: a.host.node, instance: bytesOf('i', 8), sequence: 1, interest: null, held: [], tips: [] };
  tell(topics.head(bytesOf('i', 8)), makeHead(FLEET, (m) => b.host.sign(m), forged)); // not signed by a
  tell(topics.head(bytesOf('j', 8)), makeHead(FLEET, (m) => a.host.sign(m), forged)); // of another instance than the topic's
  tell(b.fanout.options.topics.head(bytesOf('i', 8)), makeHead(FLEET, (m) => a.host.sign(m), forged)); // of another level
  assert.is(b.fanout.intake.counts.refused - before.refused, 8);
  assert.is(b.verified - verified, 1, 'one signature was looked at');
  assert.is(b.fanout.members.size, members);
  assert.is(b.admitted.length, 0);
  assert.ok(![...b.fanout.members.all()].some((m) => hex(m.head.node) === hex(stranger.host.node)));
});

test('a replayed segment costs a hash; a member who floods has a budget, and others are not slowed', () => {
  const office = new PostOffice(), a = office.process('a'), b = office.process('b'), c = office.process('c');
  for (const p of [a, b, c]) p.up();
  office.wait(2_000);
  a.write();
  office.deliver();
  const letter = office.log.find((l) => l.topic.includes('/s/'))!, { counts } = b.fanout.intake;
  assert.is(counts.received, 1);
  const { verified } = b, admitted = b.admitted.length;
  for (let i = 0; i < 50; i++) b.deliver(letter);
  const envelope = envelopeOf(crypto, random, FLEET), { topics } = a.fanout.options, plain = envelope.open(topics.inner(letter.topic), letter.payload)!;
  for (let i = 0; i < 50; i++) b.deliver({ topic: letter.topic, payload: envelope.seal(topics.inner(letter.topic), plain) }); // sealed anew
  assert.is(counts.repeated, 100);
  assert.is(b.verified, verified);
  assert.is(b.admitted.length, admitted);
  // Old segments that were not told here lately: each is held already.
  const old = Array.from({ length: 3 * IDLE_MESSAGES }, () => a.host.write('telemetry'));
  b.host.take(old);
  for (const segment of old) b.deliver({ topic: letter.topic, payload: envelope.seal(topics.inner(letter.topic), segment.bytes) });
  assert.ok(b.admitted.length - admitted <= IDLE_MESSAGES, `${b.admitted.length - admitted} went to the door`);
  assert.ok(counts.dropped >= old.length - IDLE_MESSAGES);
  const received = counts.received;
  c.write();
  office.deliver();
  assert.is(counts.received, received + 1, 'another level is heard');
  office.now += 120_000;
  a.write();
  office.deliver();
  assert.is(counts.received, received + 2, 'and the flooding one again, later');
});

test('live segments: urgent first, bounded, the rest is left to repair; own ones that come back are nothing', () => {
  const office = new PostOffice(), a = office.process('a');
  a.write(); // while down
  assert.is(a.fanout.outbox.left, 1);
  a.up(4_096);
  office.wait(2_000);
  a.room = false;
  a.host.priorities.set('alarms', -1);
  for (let i = 0; i < OUTBOX_SEGMENTS + 10; i++) a.write();
  a.write('alarms');
  a.write('telemetry', 2_000); // larger than the broker takes
  assert.is(a.fanout.outbox.left, 1 + 10 + 1 + 1);
  office.log.length = 0;
  a.room = true;
  a.pump();
  const sent = office.log.filter((l) => l.topic.includes('/s/'));
  assert.is(sent[0]!.topic, a.fanout.options.topics.segments('alarms'));
  assert.is(sent.length, OUTBOX_SEGMENTS);
  assert.ok(sent.every((l) => l.payload.length <= 4_096));
  office.deliver();
  const { repeated, refused, received } = a.fanout.intake.counts;
  assert.equal([repeated, refused, received], [0, 0, 0]);
  a.fanout.gone();
  assert.is(a.fanout.next(), undefined);
});

test('two that call each other get one session; its datagrams pass; an old message opens nothing', () => {
  const office = new PostOffice(), a = office.process('a'), b = office.process('b');
  for (const p of [a, b]) { p.write(); p.up(); }
  office.wait(2_000);
  const [ma, mb] = [[...b.fanout.members.all()][0]!, [...a.fanout.members.all()][0]!];
  a.fanout.calls.call(mb.name, mb.level, office.now);
  b.fanout.calls.call(ma.name, ma.level, office.now);
  a.pump();
  b.pump();
  office.deliver();
  const opener = [a, b].find((p) => [...p.sessions.values()].some((s) => s.role === 'open'))!, accepter = opener === a ? b : a;
  assert.is(a.sessions.size + b.sessions.size, 1);
  const [session] = [...opener.sessions.keys()];
  opener.send(session!, bytesOf('first', 30));
  office.deliver();
  assert.equal(accepter.sessions.get(session!)?.got, [bytesOf('first', 30)]);
  accepter.send(session!, bytesOf('answer', 20));
  office.deliver();
  assert.equal(opener.sessions.get(session!)?.got, [bytesOf('answer', 20)]);
  const letters = office.log.filter((l) => l.topic.includes('/to/'));
  opener.over(session!, true);
  office.deliver();
  assert.equal(accepter.dropped, [session]);
  assert.is(a.sessions.size + b.sessions.size, 0);
  for (const letter of letters) { a.deliver(letter); b.deliver(letter); }
  office.deliver();
  assert.is(a.sessions.size + b.sessions.size, 0, 'what is replayed opens nothing');
});

test('who has no room says so, names others, and one level has but two places', () => {
  const office = new PostOffice(), hub = office.process('hub');
  const others = Array.from({ length: 10 }, (_, i) => office.process(`n${i}`)), copies = Array.from({ length: 3 }, (_, i) => office.process(`copy${i}`, { node: 'copied' }));
  for (const p of office.processes) p.up();
  office.wait(2_000);
  const call = (p: (typeof others)[number]): void => {
    const member = p.fanout.members.get(hex(hub.fanout.options.instance), hub.fanout.options.topics.level)!;
    p.fanout.calls.call(member.name, member.level, office.now);
    p.pump();
    office.deliver();
    for (const session of p.sessions.keys()) p.send(session, bytesOf('hello', 10));
    office.deliver();
  };
  copies.forEach(call);
  assert.is(hub.sessions.size, 2);
  others.forEach(call);
  assert.is(hub.sessions.size, 8);
  const refused = others.filter((p) => p.sessions.size === 0);
  assert.is(refused.length, 4);
  const member = refused[0]!.fanout.members.get(hex(hub.fanout.options.instance), hub.fanout.options.topics.level)!;
  assert.ok(member.notBefore > office.now + 5_000 && member.notBefore <= office.now + 300_000);
  const first = others.find((p) => p.sessions.size > 0)!;
  first.over([...first.sessions.keys()][0]!, true);
  office.deliver();
  call(refused[0]!);
  assert.is(refused[0]!.sessions.size, 1);
});

test('who names another process as himself touches nothing of it: not its sessions, nor its head, nor the process itself', () => {
  const office = new PostOffice(), a = office.process('a'), b = office.process('b'), evil = office.process('evil');
  for (const p of [a, b]) p.up();
  office.wait(2_000);
  const instance = a.fanout.options.instance, name = hex(instance), seal = envelopeOf(crypto, random, FLEET), { topics } = evil.fanout.options;
  const say = (topic: string, plain: Bytes): void => { office.post({ from: 'evil', topic, payload: seal.seal(topics.inner(topic), plain), retain: false }); office.deliver(); };
  // A head of the liar's own with the instance of another, and a number that nobody outbids.
  const lie: Head = { node: evil.host.node, instance, sequence: 2 ** 50, interest: null, held: [], tips: [] };
  say(topics.head(instance), makeHead(FLEET, (m) => evil.host.sign(m), lie));
  assert.is(a.twins, 0, 'the process itself is not taken for a copy');
  a.write();
  office.wait(30_000);
  const real = [...b.fanout.members.all()].find((m) => m.name === name && m.level === a.fanout.options.topics.level);
  assert.ok(real && real.head.tips.length > 0, 'its heads are heard as before');
  const called = a.fanout.members.get(hex(b.fanout.options.instance), b.fanout.options.topics.level)!;
  a.fanout.calls.call(called.name, called.level, office.now);
  a.pump();
  office.deliver();
  const [session] = [...a.sessions.keys()];
  a.send(session!, bytesOf('first', 30));
  office.deliver();
  assert.is(b.sessions.size, 1);
  // A call in its name, taken up.
  const call = bytesOf('call', 8), from = office.log.length;
  say(topics.to(b.fanout.options.instance), concat(Uint8Array.of(0), call, instance));
  for (const letter of office.log.slice(from)) {
    const answer = letter.from === 'b' ? seal.open(topics.inner(letter.topic), letter.payload) : undefined;
    if (answer?.[0] === 1) say(topics.to(b.fanout.options.instance), concat(Uint8Array.of(3), answer.subarray(9, 17), bytesOf('data', 20)));
  }
  assert.equal(b.dropped, []);
  a.send(session!, bytesOf('second', 30));
  office.deliver();
  assert.equal(b.sessions.get(session!)?.got.length, 2);
});

test('a copy of the memory of a process is found by its heads', () => {
  const office = new PostOffice(), a = office.process('a'), copy = office.process('copy', { node: 'a', instance: a.fanout.options.instance });
  a.write('config');
  copy.write('telemetry');
  for (const p of [a, copy]) p.up();
  office.wait(30_000);
  assert.ok(a.twins + copy.twins > 0);
});

test('a process that finds its head cleared shows it again', () => {
  const office = new PostOffice(), a = office.process('a'), b = office.process('b');
  for (const p of [a, b]) p.up();
  office.wait(5_000);
  assert.is(b.fanout.members.size, 1);
  office.post({ from: 'b', topic: a.fanout.options.topics.head(a.fanout.options.instance), payload: new Uint8Array(0), retain: true });
  const [clear] = office.letters;
  b.deliver(clear!);
  assert.is(b.fanout.members.size, 0);
  office.wait(3_000);
  assert.is(b.fanout.members.size, 1);
});

test('any bytes at any topic harm nobody', () => {
  const office = new PostOffice(), a = office.process('a'), b = office.process('b');
  for (const p of [a, b]) p.up();
  office.wait(2_000);
  const { topics, instance } = b.fanout.options, envelope = envelopeOf(crypto, random, FLEET), from = a.fanout.options.topics;
  const places = [from.segments('telemetry'), from.head(bytesOf('i', 8)), `${from.own}/to/${topics.to(instance).split('/').pop()}`];
  const dealt = b.dealt;
  let count = 0;
  fc.assert(fc.property(fc.nat(2), fc.uint8Array({ maxLength: 200 }), fc.nat(6), (at, plain, kind) => {
    const topic = places[at]!, bytes = at === 2 ? concat(Uint8Array.of(kind), plain) : plain;
    b.deliver({ topic, payload: envelope.seal(from.inner(topic), bytes) });
    count++;
  }), { seed: SEED, numRuns: 500 });
  assert.is(b.dealt - dealt, count);
  assert.is(b.sessions.size, 0);
  office.wait(60_000);
});

test.run();
