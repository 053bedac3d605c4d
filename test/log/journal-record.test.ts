// The records of the journal: what FORMAT.md says they are, and what is none.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Opening } from '../../src/event/chain.ts';
import { codeOf } from '../../src/fault.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import { written } from '../../src/event/writer.ts';
import { headAppend, openRecord, readRecord, sealedRecord } from '../../src/log/journal-record.ts';

const records = suite('records of the journal');
const bytes = (length: number, with_: number): Uint8Array => new Uint8Array(length).fill(with_);
const log = bytes(16, 7), e = bytes(32, 8);
const opening: Opening = {
  fleet: bytes(32, 1), node: bytes(32, 2), incarnation: bytes(16, 3), stream: 'telemetry', grant: bytes(8, 4), keyHash: bytes(16, 5), boot: bytes(8, 6),
  cites: [{ log, position: 300, e }],
};
const items = [opening.fleet, opening.node, opening.incarnation, opening.stream, opening.grant, opening.keyHash, opening.boot, [[log, 300, e]]];
const append = written(128, (w) => { headAppend(w, log, 70_000, e, 3); w.raw(Uint8Array.of(1, 2, 3)); });
const code = (work: () => unknown): string => { try { work(); return 'ok'; } catch (error) { return codeOf(error); } };

records('are the arrays of the format', () => {
  assert.equal(decode(openRecord(opening)), [1, items]);
  assert.equal(decode(openRecord({ ...opening, keyHash: null })), [1, items.map((item) => (item === opening.keyHash ? null : item))]);
  assert.equal(decode(append), [2, log, 70_000, e, Uint8Array.of(1, 2, 3)]);
  assert.equal(decode(sealedRecord(log, 9)), [3, log, 9]);
});

records('are read as they were written', () => {
  assert.equal(readRecord(openRecord(opening)), { kind: 'open', opening });
  assert.equal(readRecord(openRecord({ ...opening, keyHash: null, cites: [] })), { kind: 'open', opening: { ...opening, keyHash: null, cites: [] } });
  assert.equal(readRecord(append), { kind: 'append', log, first: 70_000, before: e, events: Uint8Array.of(1, 2, 3) });
  assert.equal(readRecord(sealedRecord(log, 9)), { kind: 'sealed', log, last: 9 });
});

records('anything else is none', () => {
  const whole = openRecord(opening);
  for (let length = 0; length < whole.length; length++) assert.is(code(() => readRecord(whole.subarray(0, length))), 'bad-encoding', `${length}`);
  for (const item of [[1], [1, items, 1], [2, log, 1, e], [3, log], [3, log.subarray(1), 1], [3, log, -1], [4, log, 1], [1, items.slice(1)], 'open']) assert.is(code(() => readRecord(encode(item as never))), 'bad-encoding');
  assert.is(code(() => readRecord(Uint8Array.of(...append, 0))), 'bad-encoding');
});

records.run();
