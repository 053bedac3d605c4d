// Logs: their ids, their first hash, the chain, tips and event ids.
import fc from 'fast-check';
import { createHash, createHmac } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { decode } from '../../src/event/cbor.ts';
import { Chain, chainStart, compareTips, decodeTip, encodeOpening, encodeTip, eventId, logId, logKey, parseEventId, readOpening, sortTips } from '../../src/event/chain.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { Reader } from '../../src/event/reader.ts';
import { eventAt, runOf } from '../../src/event/run.ts';
import { keyHash } from '../../src/event/segment.ts';
import { encodeValue } from '../../src/event/value.ts';
import { code, crypto, fixed, openingIn, runs, same, series, streamKey } from './samples.ts';

const test = suite('chain');
const sha = (...parts: (string | Uint8Array)[]) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest('hex');
const cites = sortTips([1, 2, 300].map((position) => ({ log: fixed(`log ${position}`, 16), position, e: fixed(`e ${position}`) })));

test('log id, e(0) and log key are what the page says', () => {
  for (const o of [openingIn('telemetry'), openingIn('telemetry', { cites }), openingIn('$fleet')]) {
    const items = [o.fleet, o.node, o.incarnation, o.stream, o.grant, o.keyHash];
    assert.is(hex(logId(crypto, o)), sha('holdfast/1 log id\0', encodeValue(items)).slice(0, 32));
    const whole = encodeValue([...items, o.boot, o.cites.map((t) => [t.log, t.position, t.e])]);
    assert.is(hex(chainStart(crypto, o)), sha('holdfast/1 log\0', whole));
    assert.is(hex(encodeOpening(o)), hex(whole));
    same(readOpening(new Reader(whole)), o);
  }
  const o = openingIn('telemetry');
  assert.is(hex(logKey(crypto, streamKey, o.incarnation)), createHmac('sha256', streamKey).update('holdfast/1 log key\0').update(o.incarnation).digest('hex'));
  assert.is(logKey(crypto, null, o.incarnation).length, 0);
  assert.is(hex(keyHash(crypto, streamKey)), sha('holdfast/1 key\0', streamKey).slice(0, 32));
});

test('each e covers the log key, the one before and the event', () => {
  const run = runOf([...series(5).map(encodeEvent), encodeEvent({ ...series(1)[0]!, body: 'x'.repeat(5000) })]);
  for (const key of [new Uint8Array(0), fixed('log key')]) {
    let before = fixed('before');
    const all = new Chain(crypto, key, before).all(run), one = new Chain(crypto, key, before);
    for (let i = 0; i < run.ends.length; i++) {
      const wants = sha(key, before, eventAt(run, i));
      before = one.next(eventAt(run, i));
      assert.is(hex(before), wants);
      assert.is(hex(all.subarray(32 * i, 32 * i + 32)), wants);
      assert.is(one.before, before);
    }
  }
});

test('tips go there and back and sort by their bytes', () => {
  const tips = fc.record({ log: fc.uint8Array({ minLength: 16, maxLength: 16 }), position: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.maxSafeNat().map((n) => n || 1)), e: fc.uint8Array({ minLength: 32, maxLength: 32 }) }, { noNullPrototype: true });
  fc.assert(fc.property(tips, tips, fc.boolean(), (a, b, alike) => {
    if (alike) b.log = a.log;
    same(decodeTip(decode(encodeTip(a))), a);
    assert.is(Math.sign(compareTips(a, b)), Buffer.compare(encodeTip(a), encodeTip(b)));
  }), runs(500));
  for (const bad of [null, [], [fixed('x', 16), 0, fixed('e')], [fixed('x', 15), 1, fixed('e')], [fixed('x', 16), 1.5, fixed('e')], [fixed('x', 16), 1, fixed('e'), 1]]) assert.is(code(() => decodeTip(bad)), 'bad-encoding');
});

test('an opening cites at most 64 tips, sorted, each once', () => {
  const many = sortTips(Array.from({ length: 65 }, (_, i) => ({ log: fixed(`l${i}`, 16), position: i + 1, e: fixed(`e${i}`) })));
  assert.is(code(() => encodeOpening(openingIn('a', { cites: many }))), 'bad-argument');
  assert.is(code(() => encodeOpening(openingIn('a', { cites: many.slice(1) }))), 'ok');
  assert.is(code(() => encodeOpening(openingIn('a', { cites: [many[1]!, many[0]!] }))), 'bad-argument');
  assert.is(code(() => encodeOpening(openingIn('a', { cites: [many[0]!, many[0]!] }))), 'bad-argument');
  assert.equal(sortTips([many[1]!, many[0]!, many[1]!]), [many[0]!, many[1]!]);
});

test('ids of events', () => {
  const incarnation = fixed('incarnation', 16), e = fixed('e');
  const id = eventId(incarnation, 2 ** 53 - 1, e);
  assert.is(id, `${hex(incarnation)}-9007199254740991-${hex(e).slice(0, 32)}`);
  assert.equal(parseEventId(id), { incarnation, position: 2 ** 53 - 1, e: e.slice(0, 16) });
  for (const bad of ['', id + '0', id.toUpperCase(), id.replace('9007199254740991', '0'), id.replace('9007199254740991', '9007199254740992'), id.replace('9007199254740991', '01')]) assert.is(code(() => parseEventId(bad)), 'bad-argument', bad);
});

test.run();
