// Thin segments: what is left out comes back byte by byte, in every form, and what cannot be restored is asked for whole.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { Reader } from '../../src/event/reader.ts';
import { Writer } from '../../src/event/writer.ts';
import { keyHash, type Segment } from '../../src/event/segment.ts';
import { concat, hex } from '../../src/event/bytes.ts';
import type { Bytes } from '../../src/ports.ts';
import { ItemHash } from '../../src/sync/itemid.ts';
import { ItemSet } from '../../src/sync/itemset.ts';
import { PeerView } from '../../src/sync/peerview.ts';
import { Restorer } from '../../src/sync/restore.ts';
import { Thinner, logOf } from '../../src/sync/thin.ts';
import { readThin, writeThin, type Thin } from '../../src/sync/thinform.ts';
import { Line } from './line.ts';
import { KEY, ToyHost, bytesOf, crypto } from './toy-host.ts';

const thin = suite('thin');
const HASH = new ItemHash(bytesOf('item key', 16));

/** Both halves of one channel, with what each side knows. */
function channel(from: ToyHost, to: ToyHost, o: { reads: boolean; packs: boolean }) {
  const view = new PeerView();
  if (o.reads) view.setKeys(keyHash(crypto, KEY).slice(0, 8));
  view.packsAlike = o.packs;
  const set = new ItemSet(HASH);
  for (const item of to.items()) set.add(item);
  const thinner = new Thinner(from, view, HASH), restorer = new Restorer(to, (short) => set.find(short)?.item);
  return {
    view,
    /** Segments through the wire: restored, and the bytes that it took. */
    pass(segments: Segment[]): { restored: (Segment | Bytes | undefined)[]; bytes: number; thin: number } {
      const columns: Bytes[] = [], w = new Writer();
      const entries = segments.map((s) => {
        const log = logOf(crypto, from.fleet, s), made = thinner.thin(s);
        if (made?.columns) columns.push(made.columns);
        if (made) writeThin(w, made.thin);
        else w.bytes(s.bytes);
        view.holds(log, s.header.first + s.header.count - 1, s.header.after);
        return made !== undefined;
      });
      const r = new Reader(w.copy());
      const read: (Bytes | Thin)[] = entries.map((isThin) => (isThin ? readThin(r) : r.view()));
      r.finish();
      const packed = columns.length > 0 ? crypto.deflate(concat(...columns)) : null;
      const resolving = restorer.resolve(read, packed);
      const answers = to.answer({ kind: 'logs', logs: resolving.ask }) as never;
      return { restored: restorer.restore(resolving, answers), bytes: w.at + (packed?.length ?? 0), thin: entries.filter(Boolean).length };
    },
  };
}

for (const reads of [true, false]) for (const packs of [true, false]) {
  thin(`every segment comes back as it was (receiver holds the key: ${reads}, deflates alike: ${packs})`, () => {
    fc.assert(fc.property(fc.array(fc.record({ stream: fc.constantFrom('$fleet', 'telemetry', 'config'), count: fc.integer({ min: 1, max: 40 }), restart: fc.boolean(), known: fc.boolean() }), { minLength: 1, maxLength: 25 }), (acts) => {
      const from = new ToyHost('from'), to = new ToyHost('to');
      if (!reads) to.keys.clear();
      const segments: Segment[] = [], known: Segment[] = [];
      acts.forEach((act, i) => {
        if (act.restart) from.restart(act.stream);
        const segment = from.write(act.stream, act.count, 1_700_000_000_000 + 10_000_000 * i);
        (act.known ? known : segments).push(segment);
      });
      to.take(known);
      const c = channel(from, to, { reads, packs });
      // What the sender may know of the receiver: its tips.
      for (const i of to.items()) if (i.kind === 0) c.view.holds(i.log, i.to, i.after);
      for (let i = 0; i < segments.length; i += 4) {
        const part = segments.slice(i, i + 4);
        const { restored, thin: thinned } = c.pass(part);
        assert.is(thinned, part.length);
        part.forEach((s, k) => assert.ok(Buffer.from((restored[k] as Segment).bytes).equals(Buffer.from(s.bytes))));
      }
    }), { numRuns: 60 });
  });
}

thin('one event more of a known log costs little more than its signature, salt and values', () => {
  const from = new ToyHost('from'), to = new ToyHost('to');
  const streams = Array.from({ length: 50 }, (_, i) => `telemetry-${i}`);
  to.take(streams.map((s) => from.write(s)));
  const c = channel(from, to, { reads: true, packs: true });
  for (const s of to.segments()) c.view.holds(s.log, 1, s.header.after);
  const { bytes, restored } = c.pass(streams.map((s, i) => from.write(s, 1, 1_800_000_000_000 + 99_991 * i)));
  assert.ok(restored.every((s) => s !== undefined));
  assert.ok(bytes / 50 < 115, `${bytes / 50} bytes each`);
});

thin('segments with a future in them, or without a payload, go whole', () => {
  const from = new ToyHost('from'), to = new ToyHost('to');
  const c = channel(from, to, { reads: true, packs: true });
  const segment = from.write('telemetry');
  assert.is(c.pass([{ ...segment, payload: null }]).thin, 0);
  assert.is(c.pass([{ ...segment, headerBytes: concat(Uint8Array.of(0x95), segment.headerBytes.subarray(1), Uint8Array.of(0)) }]).thin, 0);
});

thin('thin forms of any bytes are read or refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      readThin(new Reader(Uint8Array.from([0x80 | (6 + ((bytes[0] ?? 0) % 8)), ...bytes])));
    } catch (error) {
      assert.is((error as { code?: string }).code, 'bad-encoding');
    }
  }), { numRuns: 2000 });
});

thin('a session whose receiver cannot restore asks for whole segments, and both still agree', () => {
  for (const harm of ['logs', 'key', 'packer'] as const) {
    const a = new ToyHost('a'), b = new ToyHost('b'), writer = new ToyHost('w');
    for (let i = 0; i < 60; i++) {
      const segment = writer.write(`telemetry-${i}`);
      a.take([segment]);
      b.take([segment]);
    }
    for (let i = 0; i < 20; i++) a.take([writer.write(`telemetry-${3 * i}`, 2, 1_800_000_000_000 + i)]);
    if (harm === 'key') b.key = () => undefined;
    if (harm === 'logs') {
      const answer = b.answer.bind(b);
      b.answer = (question) => (question.kind === 'logs' ? question.logs.map(() => undefined) : answer(question));
    }
    if (harm === 'packer') Object.defineProperty(b, 'crypto', { value: { ...crypto, deflate: (data: Bytes) => (data.length > 5000 || data.length === 40 || data.length === 120 || data.length === 700 || data.length === 5000 ? crypto.deflate(data) : concat(Uint8Array.of(0, 0, 0, 0xff, 0xff), crypto.deflate(data))) } });
    const line = new Line(a, b, { a: { once: true } }).run();
    assert.is(line.a.fault, undefined, harm);
    assert.ok(line.a.equal, harm);
    assert.is(a.frontier(), b.frontier(), harm);
    assert.is(line.b.session.report.received, 40, harm);
    assert.ok(line.a.session.report.sent > 40, `${harm}: nothing had to be sent again`);
  }
});

thin('forged segments end the session after a few', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  for (let i = 0; i < 30; i++) a.write(`s${i}`, 1);
  const answer = a.answer.bind(a);
  a.answer = (question) => {
    const result = answer(question);
    if (question.kind !== 'supply') return result;
    const { segments, cursor } = result as { segments: Bytes[]; cursor: unknown };
    return { segments: segments.map((s) => { const bad = s.slice(); bad[bad.length - 30]! ^= 1; return bad; }), cursor };
  };
  const line = new Line(a, b).run();
  assert.is(line.b.fault?.code, 'bad-message');
  assert.is(b.segments().length, 0);
  assert.ok((b.asked['admit'] ?? 0) < 40);
  assert.ok(hex(a.node) !== hex(b.node));
});

thin.run();
