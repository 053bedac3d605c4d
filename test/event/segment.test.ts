// Segments: sealed, carried, checked and opened; everything that an author, a relay or the line may do to them.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, hex } from '../../src/event/bytes.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import type { Opening } from '../../src/event/chain.ts';
import { Chain, chainStart, logId, logKey, sortTips } from '../../src/event/chain.ts';
import type { EventFields } from '../../src/event/event.ts';
import { encodeEvent } from '../../src/event/event.ts';
import type { Header } from '../../src/event/header.ts';
import { encodeHeader, lastOf, understood } from '../../src/event/header.ts';
import { packColumns } from '../../src/event/columns.ts';
import { runOf, sliceRun } from '../../src/event/run.ts';
import type { Segment } from '../../src/event/segment.ts';
import { checkSegment, encodeSegment, eraseSegment, openSegment, parseSegment, sealSegment, signedBytes } from '../../src/event/segment.ts';
import type { Value } from '../../src/event/value.ts';
import { code, crypto, events, fixed, fixedRandom, fleet, openingIn, runs, same, seed, series, streamKey, values } from './samples.ts';

const test = suite('segment');
const clock = { quality: 2 as const, uptime: 1234 };
const keyIn = (stream: string) => (stream.startsWith('$') ? null : streamKey);

function seal(stream: string, list: EventFields[], more: Partial<Opening> = {}): Segment {
  const opening = openingIn(stream, more);
  return sealSegment(crypto, fixedRandom('salt'), { seed, opening, streamKey: keyIn(stream), first: 1, before: chainStart(crypto, opening), run: runOf(list.map(encodeEvent)), clock });
}

/** The same segment with some fields of its header changed and signed anew, as only its author could. */
function forge(segment: Segment, change: Partial<Header>, payload = segment.payload): Uint8Array {
  const headerBytes = encodeHeader({ ...segment.header, ...(payload ? { length: payload.length, hash: crypto.sha256(payload) } : {}), ...change });
  return encodeSegment(headerBytes, crypto.sign(seed, signedBytes(fleet, headerBytes)), payload);
}

const cites = sortTips([1, 2].map((i) => ({ log: fixed(`log ${i}`, 16), position: i, e: fixed(`e ${i}`) })));

for (const stream of ['telemetry', '$fleet']) {
  test(`${stream}: sealed, parsed, checked, opened`, () => {
    const list = series(100), sealed = seal(stream, list, { cites });
    const parsed = parseSegment(sealed.bytes);
    checkSegment(crypto, fleet, parsed);
    same(parsed, sealed);
    assert.is(hex(parsed.log), hex(logId(crypto, openingIn(stream))));
    assert.equal([parsed.header.first, parsed.header.count, lastOf(parsed.header)], [1, 100, 100]);
    assert.equal([parsed.header.stampFirst, parsed.header.stampLast], [list[0]!.stamp, list[99]!.stamp]);
    assert.equal([parsed.header.timeMin, parsed.header.timeMax], [list[0]!.time, list[99]!.time]);
    const opened = openSegment(crypto, parsed, keyIn(stream));
    assert.ok(opened);
    same(opened.run, runOf(list.map(encodeEvent)));
    const chain = new Chain(crypto, logKey(crypto, keyIn(stream), parsed.header.incarnation), parsed.header.before);
    assert.is(hex(opened.hashes), hex(chain.all(opened.run)));
    assert.is(hex(opened.hashes.slice(-32)), hex(parsed.header.after));
  });
}

test('runs of any events come back', () => {
  fc.assert(fc.property(fc.array(events, { minLength: 1, maxLength: 20 }), fc.constantFrom('telemetry', '$x'), (list, stream) => {
    const rising = list.map((e, i) => ({ ...e, stamp: { ...e.stamp, generation: i }, joined: e.joined && i < list.length - 1 }));
    const parsed = parseSegment(seal(stream, rising).bytes);
    checkSegment(crypto, fleet, parsed);
    same(openSegment(crypto, parsed, keyIn(stream))?.run, runOf(rising.map(encodeEvent)));
  }), runs(150));
});

test('a later segment follows, with `after` given or computed, whole or repacked', () => {
  const opening = openingIn('telemetry'), run = runOf(series(30).map(encodeEvent)), start = chainStart(crypto, opening);
  const hashes = new Chain(crypto, logKey(crypto, streamKey, opening.incarnation), start).all(run);
  const e = (p: number) => (p === 0 ? start : hashes.slice(32 * (p - 1), 32 * p));
  for (const [from, to] of [[1, 30], [1, 1], [11, 30], [30, 30]] as const) {
    for (const after of [undefined, e(to)]) {
      const s = sealSegment(crypto, fixedRandom('salt'), { seed, opening, streamKey, first: from, before: e(from - 1), run: sliceRun(run, from - 1, to), clock, ...(after ? { after } : {}) });
      const parsed = parseSegment(s.bytes);
      checkSegment(crypto, fleet, parsed);
      assert.is(hex(parsed.header.after), hex(e(to)));
      assert.is(parsed.header.opening === null, from !== 1);
      assert.is(hex(openSegment(crypto, parsed, streamKey)!.hashes), hex(hashes.subarray(32 * (from - 1), 32 * to)));
    }
  }
});

test('an erased segment still verifies and opens to nothing', () => {
  const sealed = seal('telemetry', series(3)), erased = eraseSegment(sealed);
  const parsed = parseSegment(erased.bytes);
  checkSegment(crypto, fleet, parsed);
  assert.is(parsed.payload, null);
  assert.equal(parsed.headerBytes, sealed.headerBytes);
  assert.is(openSegment(crypto, parsed, streamKey), undefined);
});

test('unknown codecs, versions and header items are carried', () => {
  const sealed = seal('telemetry', series(3));
  for (const change of [{ codec: 9 }, { version: 2 }]) {
    const parsed = parseSegment(forge(sealed, change));
    checkSegment(crypto, fleet, parsed);
    assert.not.ok(understood(parsed.header));
    assert.is(openSegment(crypto, parsed, streamKey), undefined);
  }
  const items = decode(sealed.headerBytes) as unknown[];
  const headerBytes = encode([...items, { more: [1, 2] }, 'x']);
  const parsed = parseSegment(encodeSegment(headerBytes, crypto.sign(seed, signedBytes(fleet, headerBytes)), sealed.payload));
  checkSegment(crypto, fleet, parsed);
  assert.is(openSegment(crypto, parsed, streamKey)?.run.ends.length, 3);
});

test('another fleet, another key, another node: refused', () => {
  const sealed = seal('telemetry', series(3));
  assert.is(code(() => checkSegment(crypto, fixed('other fleet'), parseSegment(sealed.bytes))), 'bad-segment', 'e(0) covers the fleet');
  const second = sealSegment(crypto, fixedRandom('s'), { seed, opening: openingIn('telemetry'), streamKey, first: 4, before: sealed.header.after, run: runOf(series(2, 3).map(encodeEvent)), clock });
  assert.is(code(() => checkSegment(crypto, fixed('other fleet'), parseSegment(second.bytes))), 'bad-signature');
  assert.is(code(() => openSegment(crypto, sealed, fixed('other key'))), 'no-key');
  assert.is(code(() => openSegment(crypto, sealed, null)), 'no-key');
  assert.is(code(() => seal('telemetry', series(1), { node: fixed('other node') })), 'bad-argument');
});

test('every changed bit is noticed without the key', () => {
  const { bytes } = seal('telemetry', series(4), { cites });
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const found = code(() => checkSegment(crypto, fleet, parseSegment(changed)));
    assert.ok(found === 'bad-segment' || found === 'bad-signature', `bit ${bit}: ${found}`);
  }
});

test('any bytes give a segment or a Fault', () => {
  const { bytes } = seal('telemetry', series(4), { cites });
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.constantFrom('set', 'cut', 'insert', 'delete')), { minLength: 1, maxLength: 6 }), (changes) => {
    const list = [...bytes];
    for (const [at, to, how] of changes) {
      if (how === 'set') list[at] = to;
      else if (how === 'cut') list.length = Math.min(at, list.length);
      else if (how === 'insert') list.splice(at, 0, to);
      else list.splice(at, 1);
    }
    const found = code(() => parseSegment(Uint8Array.from(list, (x) => x ?? 0)));
    assert.ok(['ok', 'bad-segment'].includes(found), found);
  }), runs(2000));
  assert.is(code(() => parseSegment(new Uint8Array(131_073))), 'too-large');
  assert.is(code(() => parseSegment(new Uint8Array(0))), 'bad-segment');
});

test('any value in any place of a header gives a segment or a Fault', () => {
  const sealed = seal('telemetry', series(4), { cites }), items = decode(sealed.headerBytes) as Value[];
  fc.assert(fc.property(fc.nat(items.length), values, fc.boolean(), (at, value, nested) => {
    const changed = [...items], old = changed[at];
    changed[at] = nested && Array.isArray(old) && old.length > 0 ? [...old.slice(1), value] : value;
    const headerBytes = encode(changed), bytes = encodeSegment(headerBytes, sealed.signature, sealed.payload);
    const found = code(() => parseSegment(bytes));
    assert.ok(['ok', 'bad-segment'].includes(found), found);
    if (found !== 'ok') return;
    const checked = code(() => checkSegment(crypto, fleet, parseSegment(bytes)));
    assert.is(checked === 'ok', hex(headerBytes) === hex(sealed.headerBytes));
    assert.ok(['ok', 'bad-segment', 'bad-signature'].includes(checked), checked);
  }), runs(3000));
});

test('any columns, signed and sealed well, open to events or to nothing', () => {
  const list = series(12), sealed = seal('$x', list), columns = packColumns(runOf(list.map(encodeEvent)));
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(columns.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255))), { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, cut) => {
    let changed = columns.slice();
    for (const [at, to] of changes) changed[at] = to;
    if (cut) changed = changed.slice(0, changes[0]![0]);
    const payload = crypto.deflate(changed);
    const opened = openSegment(crypto, { ...sealed, payload, header: { ...sealed.header, length: payload.length, hash: crypto.sha256(payload) } }, null);
    if (opened) same(opened.run, runOf(list.map(encodeEvent)));
  }), runs(3000));
});

test('headers whose parts disagree are refused', () => {
  const sealed = seal('telemetry', series(3)), [a, b, c] = series(3).map((e) => e.stamp);
  const bad: Partial<Header>[] = [
    { version: 0 }, { stream: 'no spaces' }, { stream: '$clear' }, { keyHash: null }, { salt: null }, { first: 0 }, { first: 2 }, { opening: null }, { first: 2 ** 53 - 2, opening: null }, { count: 0 }, { count: 8193 },
    { stampLast: a! }, { stampFirst: c!, stampLast: b! }, { timeMin: sealed.header.timeMax + 1 }, { timeMax: 8.64e15 + 1 }, { length: 5 }, { clock: { quality: 3 as never, uptime: 0 } },
    { count: 1 }, { grant: new Uint8Array(7) }, { salt: new Uint8Array(11) }, { node: new Uint8Array(31) },
  ];
  for (const change of bad) assert.is(code(() => parseSegment(forge(sealed, change))), 'bad-segment', JSON.stringify(change));
  const system = seal('$fleet', series(3));
  for (const change of [{ keyHash: new Uint8Array(16) }, { salt: new Uint8Array(12) }]) assert.is(code(() => parseSegment(forge(system, change))), 'bad-segment');
  const begun = forge(sealed, { before: fixed('elsewhere') });
  assert.is(code(() => checkSegment(crypto, fleet, parseSegment(begun))), 'bad-segment');
});

test('void by its author: signed well, and yet not what it says', () => {
  const list = series(4), sealed = seal('$x', list), h = sealed.header;
  const deflate = (events: EventFields[]) => crypto.deflate(packColumns(runOf(events.map(encodeEvent))));
  const voids: [string, Uint8Array][] = [
    ['no deflate', forge(sealed, {}, fixed('noise', 100))],
    ['empty', forge(sealed, {}, new Uint8Array(0))],
    ['no columns', forge(sealed, {}, crypto.deflate(fixed('noise', 100)))],
    ['bytes behind', forge(sealed, {}, concat(sealed.payload!, new Uint8Array(1)))],
    ['too much', forge(sealed, {}, crypto.deflate(new Uint8Array(2 << 20)))],
    ['too few', forge(sealed, {}, deflate(list.slice(0, 3)))],
    ['too many', forge(sealed, {}, deflate(series(5)))],
    ['other events', forge(sealed, {}, deflate(series(4, 1)))],
    ['another chain', forge(sealed, { after: fixed('after') })],
    ['other stamps', forge(sealed, { stampLast: { ...h.stampLast, counter: 1 } })],
    ['other times', forge(sealed, { timeMin: h.timeMin - 1 })],
  ];
  const last = [...list.slice(0, 3), { ...list[3]!, joined: true }];
  voids.push(['a group past the end', rebuilt(last)]);
  voids.push(['stamps that fall', rebuilt([list[0]!, list[2]!, list[1]!, list[3]!])]);
  for (const [why, bytes] of voids) {
    const parsed = parseSegment(bytes);
    checkSegment(crypto, fleet, parsed);
    assert.is(openSegment(crypto, parsed, null), undefined, why);
  }
  const secret = seal('telemetry', list), cut = secret.payload!.slice();
  cut[0]! ^= 1;
  assert.is(openSegment(crypto, parseSegment(forge(secret, {}, cut)), streamKey), undefined, 'does not decrypt');

  /** Sealed by an author that follows every rule but the one in question. */
  function rebuilt(events: EventFields[]): Uint8Array {
    const run = runOf(events.map(encodeEvent));
    return forge(sealed, { after: new Chain(crypto, new Uint8Array(0), h.before).all(run).slice(-32) }, crypto.deflate(packColumns(run)));
  }
});

test('what breaks the rules is not sealed', () => {
  const list = series(3), opening = openingIn('telemetry');
  assert.is(code(() => seal('telemetry', [])), 'bad-argument');
  assert.is(code(() => seal('telemetry', [list[1]!, list[0]!])), 'bad-segment');
  assert.is(code(() => seal('telemetry', [{ ...list[0]!, joined: true }])), 'bad-segment');
  assert.is(code(() => seal('telemetry', series(8193))), 'too-large');
  assert.is(code(() => seal('telemetry', series(8192))), 'ok');
  assert.is(code(() => seal('telemetry', series(1025).map((e, i) => ({ ...e, joined: i < 1024 })))), 'bad-segment');
  assert.is(code(() => seal('telemetry', series(1024).map((e, i) => ({ ...e, joined: i < 1023 })))), 'ok');
  const big = series(3).map((e, i) => ({ ...e, body: fixed(`big ${i}`, 60_000) }));
  assert.is(code(() => seal('telemetry', big)), 'too-large');
  assert.is(code(() => seal('telemetry', big.slice(0, 2).map((e, i) => ({ ...e, joined: i === 0 })))), 'bad-segment', 'a group has at most 65,536 bytes');
  const run = runOf(list.map(encodeEvent));
  assert.is(code(() => sealSegment(crypto, fixedRandom('s'), { seed, opening, streamKey, first: 1, before: fixed('b'), run, clock })), 'bad-argument');
  assert.is(code(() => sealSegment(crypto, fixedRandom('s'), { seed, opening, streamKey: null, first: 1, before: chainStart(crypto, opening), run, clock })), 'bad-argument');
});

test('one random state gives one salt to one content, and another to another', () => {
  const salt = (list: EventFields[], more = {}) => hex(seal('telemetry', list, more).header.salt!);
  assert.is(salt(series(3)), salt(series(3)));
  assert.is.not(salt(series(3)), salt(series(3, 1)));
  assert.is.not(salt(series(3)), salt(series(3), { boot: fixed('another boot', 8) }));
});

test.run();
