// The golden files: what every release has written is read by this one, to the same values and the same hashes.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex, unhex } from '../../src/event/bytes.ts';
import { decode, encode, scan } from '../../src/event/cbor.ts';
import type { Opening } from '../../src/event/chain.ts';
import { Chain, chainStart, encodeOpening, eventId, logId, logKey, readOpening } from '../../src/event/chain.ts';
import type { EventFields } from '../../src/event/event.ts';
import { decodeEvent, encodeEvent } from '../../src/event/event.ts';
import { encodeHeader, understood } from '../../src/event/header.ts';
import { Reader } from '../../src/event/reader.ts';
import { eventAt, runOf } from '../../src/event/run.ts';
import { checkSegment, encodeSegment, keyHash, openSegment, parseSegment } from '../../src/event/segment.ts';
import type { Stamp } from '../../src/event/stamp.ts';
import { nextStamp } from '../../src/event/stamp.ts';
import type { Value } from '../../src/event/value.ts';
import { encodeValue } from '../../src/event/value.ts';
import { untag } from '../golden/tagged.ts';
import { code, crypto, same } from './samples.ts';

const test = suite('golden v1');
const golden = <T>(name: string): T[] => {
  const list = JSON.parse(readFileSync(`test/golden/v1/${name}.json`, 'utf8')) as T[];
  assert.ok(list.length > 0);
  return list;
};
const unhexOrNull = (digits: string | null) => (digits === null ? null : unhex(digits));

test('values', () => {
  for (const { value, cbor } of golden<{ value: unknown; cbor: string }>('values')) {
    const bytes = unhex(cbor);
    same(decode(bytes), untag(value));
    assert.is(hex(encodeValue(untag(value))), cbor);
    assert.is(hex(encode(decode(bytes))), cbor);
    assert.is(scan(bytes), bytes.length);
  }
});

test('refused', () => {
  for (const { why, cbor } of golden<{ why: string; cbor: string }>('refused')) assert.is(code(() => decode(unhex(cbor))), 'bad-encoding', why);
});

test('events', () => {
  for (const { fields, bytes } of golden<{ fields: EventFields; bytes: string }>('events')) {
    const e = { ...fields, body: untag(fields.body) as Value };
    assert.is(hex(encodeEvent(e)), bytes);
    same(decodeEvent(unhex(bytes)), e);
  }
});

test('stamps', () => {
  for (const { last, now, trusted, next } of golden<{ last: Stamp; now: number; trusted: boolean; next: Stamp }>('stamps')) assert.equal(nextStamp(last, now, trusted), next);
});

interface ShownLog {
  opening: Record<'fleet' | 'node' | 'incarnation' | 'stream' | 'grant' | 'boot', string> & { keyHash: string | null; cites: { log: string; position: number; e: string }[] };
  bytes: string; logId: string; start: string; streamKey: string | null; keyHash: string | null; logKey: string; events: { bytes: string; e: string; id: string }[];
}

test('logs', () => {
  for (const log of golden<ShownLog>('logs')) {
    const { opening: s } = log;
    const o: Opening = {
      fleet: unhex(s.fleet), node: unhex(s.node), incarnation: unhex(s.incarnation), stream: s.stream, grant: unhex(s.grant), keyHash: unhexOrNull(s.keyHash), boot: unhex(s.boot),
      cites: s.cites.map((t) => ({ log: unhex(t.log), position: t.position, e: unhex(t.e) })),
    };
    const streamKey = unhexOrNull(log.streamKey), key = logKey(crypto, streamKey, o.incarnation);
    assert.is(hex(encodeOpening(o)), log.bytes);
    same(readOpening(new Reader(unhex(log.bytes))), o);
    assert.is(hex(logId(crypto, o)), log.logId);
    assert.is(hex(chainStart(crypto, o)), log.start);
    assert.is(streamKey && hex(keyHash(crypto, streamKey)), log.keyHash);
    assert.is(hex(key), log.logKey);
    const chain = new Chain(crypto, key, unhex(log.start));
    log.events.forEach(({ bytes, e, id }, i) => {
      assert.is(hex(chain.next(unhex(bytes))), e);
      assert.is(eventId(o.incarnation, i + 1, unhex(e)), id);
    });
  }
});

test('segments', () => {
  for (const s of golden<{ name: string; fleet: string; streamKey: string | null; log: string; first: number; count: number; after: string; bytes: string; events: string[] | null }>('segments')) {
    const segment = parseSegment(unhex(s.bytes)), { header } = segment;
    checkSegment(crypto, unhex(s.fleet), segment);
    assert.is(hex(segment.log), s.log, s.name);
    assert.equal([header.first, header.count, hex(header.after)], [s.first, s.count, s.after], s.name);
    assert.is(hex(encodeSegment(segment.headerBytes, segment.signature, segment.payload)), s.bytes, s.name);
    if (s.name !== 'more header items') assert.is(hex(encodeHeader(header)), hex(segment.headerBytes), s.name);
    assert.is(understood(header), !['unknown codec', 'version 2'].includes(s.name), s.name);
    const opened = openSegment(crypto, segment, unhexOrNull(s.streamKey));
    if (s.events === null) assert.is(opened, undefined, s.name);
    else {
      assert.ok(opened, s.name);
      assert.equal(s.events, s.events.map((_, i) => hex(eventAt(opened.run, i))), s.name);
      assert.equal(opened.run.ends, runOf(s.events.map(unhex)).ends, s.name);
      assert.is(hex(opened.hashes.slice(-32)), s.after, s.name);
    }
  }
});

test.run();
