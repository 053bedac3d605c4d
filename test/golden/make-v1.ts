// Writes the golden files of version 1, each only if it does not exist: what stands there was written for ever. `node build/go.mjs run test/golden/make-v1.ts`
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { concat, hex } from '../../src/event/bytes.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import type { Opening, Tip } from '../../src/event/chain.ts';
import { Chain, chainStart, encodeOpening, eventId, logId, logKey, sortTips } from '../../src/event/chain.ts';
import { packColumns } from '../../src/event/columns.ts';
import type { EventFields } from '../../src/event/event.ts';
import { encodeEvent } from '../../src/event/event.ts';
import type { Header } from '../../src/event/header.ts';
import { encodeHeader } from '../../src/event/header.ts';
import { eventAt, runOf, sliceRun } from '../../src/event/run.ts';
import type { Segment } from '../../src/event/segment.ts';
import { encodeSegment, eraseSegment, keyHash, sealSegment, signedBytes } from '../../src/event/segment.ts';
import type { Stamp } from '../../src/event/stamp.ts';
import { nextStamp } from '../../src/event/stamp.ts';
import { encodeValue } from '../../src/event/value.ts';
import { crypto, events, fixed, fixedRandom, fleet, openingIn, seed, series, streamKey, values } from '../event/samples.ts';
import { tag } from './tagged.ts';

const FOLDER = 'test/golden/v1';
const hexOrNull = (bytes: Uint8Array | null) => bytes && hex(bytes);

function file(name: string, make: () => unknown[]): void {
  const path = `${FOLDER}/${name}.json`;
  if (existsSync(path)) return;
  writeFileSync(path, `[\n${make().map((item) => JSON.stringify(item)).join(',\n')}\n]\n`);
  process.stdout.write(`${path}\n`);
}

mkdirSync(FOLDER, { recursive: true });

file('values', () => {
  let deep: unknown = 0;
  for (let i = 0; i < 32; i++) deep = i % 2 ? [deep] : { d: deep };
  const list: unknown[] = [
    null, true, false, 0, 1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1, -24, -25, -256, -257, -65_536, -65_537, -(2 ** 32), -(2 ** 32) - 1, 1 - 2 ** 53,
    2 ** 53, -(2 ** 53), 1e300, 0.1, -0.5, 1.5, 5e-324, 1.7976931348623157e308, '', 'a', 'x'.repeat(23), 'x'.repeat(24), 'x'.repeat(47), 'x'.repeat(48), 'x'.repeat(255), 'x'.repeat(256), 'ü', '€', '𝒳', '\ufeffbom', '\u{10ffff}',
    new Uint8Array(0), new Uint8Array(23), new Uint8Array(24).fill(1), new Uint8Array(256).fill(2), [], [1, [2, [3]]], {}, { b: 1, a: 2, aa: 3, '': 4 }, { '\uffee': 1, '\u{1f600}': 2, z: 3, 'é': 4 }, { 10: 'x', 9: 'y', __proto__x: 1 },
    JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as unknown, Array.from({ length: 24 }, (_, i) => i), deep, { celsius: 21.5, at: [52.52, 13.4], ok: true, note: null },
  ];
  return [...list, ...fc.sample(values, { numRuns: 60, seed: 1 })].map((value) => ({ value: tag(value), cbor: hex(encodeValue(value)) }));
});

file('refused', () => [
  ['empty', ''], ['not shortest', '1817'], ['not shortest', '1900ff'], ['not shortest', '1a0000ffff'], ['not shortest', '1b00000000ffffffff'], ['above 2^53 - 1', '1b0020000000000000'], ['below -(2^53 - 1)', '3b001fffffffffffff'],
  ['indefinite bytes', '5f40ff'], ['indefinite text', '7f60ff'], ['indefinite array', '9fff'], ['indefinite map', 'bfff'], ['tag', 'c001'], ['bignum', 'c249ffffffffffffffffff'], ['undefined', 'f7'], ['simple value', 'f0'], ['half float', 'f93e00'], ['single float', 'fa3f800000'],
  ['integer as float', 'fb3ff0000000000000'], ['negative zero', 'fb8000000000000000'], ['not a number', 'fb7ff8000000000000'], ['infinity', 'fb7ff0000000000000'], ['U+0000', '6100'], ['not UTF-8', '61ff'], ['overlong', '62c080'], ['surrogate', '63eda080'], ['above U+10FFFF', '64f4908080'],
  ['cut text', '62c3'], ['number as key', 'a10102'], ['key twice', 'a2616101616102'], ['keys out of order', 'a2616201616102'], ['longer key first', 'a262616101616202'], ['cut map', 'a16161'], ['bytes behind', '0000'], ['array longer than the input', '9a7fffffff'],
  ['map longer than the input', 'ba7fffffff'], ['33 deep', '81'.repeat(33) + '00'],
].map(([why, cbor]) => ({ why, cbor })));

const shown = (e: EventFields) => ({ ...e, body: tag(e.body) });

file('events', () => {
  const [plain] = series(1) as [EventFields], G = 0xffffffff;
  const list: EventFields[] = [
    plain, { ...plain, joined: true }, { ...plain, stamp: { generation: 0, ms: 0, counter: 0 }, time: 0 }, { ...plain, stamp: { generation: G, ms: 0xffff_ffff_ffff, counter: G } }, { ...plain, time: -8.64e15 }, { ...plain, time: 8.64e15 },
    { ...plain, key: 'k'.repeat(255), type: 't'.repeat(64) }, { ...plain, key: 'ключ', type: '型' }, { ...plain, body: null }, { ...plain, body: new Uint8Array(300).fill(9) },
  ];
  return [...list, ...fc.sample(events, { numRuns: 30, seed: 2 })].map((e) => ({ fields: shown(e), bytes: hex(encodeEvent(e)) }));
});

file('stamps', () => {
  const G = 0xffffffff, M = 0xffff_ffff_ffff, now = 1_700_000_000_000;
  const cases: [Stamp, number, boolean][] = [];
  for (const generation of [0, 7, G - 1, G]) {
    for (const ms of [0, now - 1, now, now + 1, now + 300_000, now + 300_001, 4_102_444_800_000, M - 1, M]) {
      for (const counter of [0, 1, G - 1, G]) for (const trusted of [true, false]) cases.push([{ generation, ms, counter }, now, trusted]);
    }
  }
  for (const clock of [-5, 0, 1.5, M, M + 1]) cases.push([{ generation: 0, ms: 5, counter: 1 }, clock, true]);
  return cases.map(([last, clock, trusted]) => ({ last, now: clock, trusted, next: nextStamp(last, clock, trusted) }));
});

const someCites = sortTips([1, 2, 24, 70_000, 2 ** 53 - 1].map((position) => ({ log: fixed(`log ${position}`, 16), position, e: fixed(`e ${position}`) })));
const shownTip = (t: Tip) => ({ log: hex(t.log), position: t.position, e: hex(t.e) });
const shownOpening = (o: Opening) => ({
  fleet: hex(o.fleet), node: hex(o.node), incarnation: hex(o.incarnation), stream: o.stream, grant: hex(o.grant), keyHash: hexOrNull(o.keyHash), boot: hex(o.boot), cites: o.cites.map(shownTip),
});
const keyIn = (stream: string) => (stream.startsWith('$') ? null : streamKey);

file('logs', () => [openingIn('telemetry'), openingIn('telemetry', { cites: someCites }), openingIn('$fleet'), openingIn('$fleet', { cites: someCites.slice(0, 1), incarnation: fixed('second', 16) })].map((o) => {
  const start = chainStart(crypto, o), key = logKey(crypto, keyIn(o.stream), o.incarnation), run = runOf(series(3).map(encodeEvent)), hashes = new Chain(crypto, key, start).all(run);
  return {
    opening: shownOpening(o), bytes: hex(encodeOpening(o)), logId: hex(logId(crypto, o)), start: hex(start), streamKey: hexOrNull(keyIn(o.stream)), keyHash: hexOrNull(keyIn(o.stream) && keyHash(crypto, streamKey)), logKey: hex(key),
    events: [0, 1, 2].map((i) => ({ bytes: hex(eventAt(run, i)), e: hex(hashes.slice(32 * i, 32 * i + 32)), id: eventId(o.incarnation, i + 1, hashes.slice(32 * i, 32 * i + 32)) })),
  };
}));

file('segments', () => {
  const out: unknown[] = [];
  const clock = { quality: 2 as const, uptime: 86_400_000 };
  const add = (name: string, segment: Segment, list: EventFields[] | null) => out.push({
    name, fleet: hex(fleet), streamKey: hexOrNull(keyIn(segment.header.stream)), log: hex(segment.log), first: segment.header.first, count: segment.header.count, after: hex(segment.header.after), bytes: hex(segment.bytes),
    events: list && list.map((e) => hex(encodeEvent(e))),
  });
  const seal = (o: Opening, list: EventFields[], from = 1): Segment => {
    const run = runOf(list.map(encodeEvent)), start = chainStart(crypto, o), hashes = new Chain(crypto, logKey(crypto, keyIn(o.stream), o.incarnation), start).all(run);
    return sealSegment(crypto, fixedRandom(o.stream), {
      seed, opening: o, streamKey: keyIn(o.stream), first: from, before: from === 1 ? start : hashes.slice(32 * (from - 2), 32 * (from - 1)), run: sliceRun(run, from - 1, list.length), clock,
    });
  };
  /** Signed anew with another header, as a later release or a faulty author would. */
  const signed = (s: Segment, headerBytes: Uint8Array, payload = s.payload): Segment => ({ ...s, headerBytes, payload, bytes: encodeSegment(headerBytes, crypto.sign(seed, signedBytes(fleet, headerBytes)), payload) });
  const changed = (s: Segment, change: Partial<Header>, payload = s.payload!): Segment => {
    const header = { ...s.header, length: payload.length, hash: crypto.sha256(payload), ...change };
    return { ...signed(s, encodeHeader(header), payload), header };
  };
  const telemetry = openingIn('telemetry'), system = openingIn('$fleet');
  const varied = fc.sample(events, { numRuns: 40, seed: 3 }).map((e, i, all) => ({ ...e, stamp: { ...e.stamp, generation: i }, joined: e.joined && i < all.length - 1 }));
  for (const o of [telemetry, system]) {
    add(`${o.stream}, one event`, seal(o, series(1)), series(1));
    add(`${o.stream}, 100 alike`, seal(o, series(100)), series(100));
    add(`${o.stream}, 40 varied, some joined`, seal(o, varied), varied);
    add(`${o.stream}, positions 11 to 30`, seal(o, series(30), 11), series(30).slice(10));
  }
  add('with cites', seal(openingIn('telemetry', { cites: someCites }), series(5)), series(5));
  const large = [{ ...series(1)[0]!, body: fixed('large', 5000) }];
  add('bytes that do not compress', seal(telemetry, large), large);
  add('erased', eraseSegment(seal(telemetry, series(5))), null);
  const five = seal(telemetry, series(5));
  add('more header items', signed(five, encode([...(decode(five.headerBytes) as unknown[]), 'later', { x: [1] }])), series(5));
  add('unknown codec', changed(five, { codec: 200 }), null);
  add('version 2', changed(five, { version: 2 }), null);
  add('void: does not decrypt', changed(five, {}, five.payload!.map((b, i) => (i === 0 ? b ^ 1 : b))), null);
  const clear = seal(system, series(5));
  add('void: bytes behind the deflate stream', changed(clear, {}, concat(clear.payload!, new Uint8Array(1))), null);
  add('void: other events', changed(clear, {}, crypto.deflate(packColumns(runOf(series(5, 1).map(encodeEvent))))), null);
  add('void: does not lead to after', changed(clear, { after: fixed('elsewhere') }), null);
  return out;
});
