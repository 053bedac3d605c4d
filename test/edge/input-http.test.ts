// Posts: what an answer says is durable is durable; a reading that is wrong does not spoil the others; hostile bodies cost what they weigh.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Encoder } from 'cbor-x';
import { Fault } from '../../src/fault.ts';
import { jsonItems, POST_BYTES, POST_READINGS } from '../../targets/program/input-http.ts';
import type { Inputs } from '../../targets/program/input-runner.ts';
import { fakeLog, pause, run, until } from './input-sources.ts';

const HTTP = '[[input]]\nkind = "http"\nname = "web"\nkey = "{id}"';
const bytes = (text: string) => Buffer.from(text, 'utf8');
const cbor = new Encoder({ useRecords: false, variableMapSize: true });

async function started(inputs: Inputs): Promise<Inputs> {
  await until(() => inputs.report()[0]!.words === 'waits for posts');
  return inputs;
}

async function fault(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => { throw new Error('it was taken'); }, (each: unknown) => each);
  assert.instance(error, Fault);
  return `${(error as Fault).code}: ${(error as Fault).message}`;
}

test('JSON, lines and CBOR: what was accepted is durable when the answer comes', async () => {
  const log = fakeLog();
  const inputs = await started(run(HTTP, log));
  const posts: [string, Uint8Array, number][] = [
    ['application/json', bytes('{"id":"a","t":1}'), 1],
    ['Application/JSON; charset="UTF-8"', bytes('\ufeff [ {"id":"b","t":1} , {"id":"b","t":"],[{\\""} ] '), 2],
    ['application/x-ndjson', bytes('{"id":"c","t":1}\r\n\n{"id":"c","t":2}'), 2],
    ['application/cbor', cbor.encode({ id: 'd', t: 1 }), 1],
    ['application/cbor', cbor.encode([{ id: 'd', t: 2 }, { id: 7, t: new Uint8Array([1]) }]), 2],
    ['application/cbor-seq', Buffer.concat([cbor.encode({ id: 'e' }), cbor.encode({ id: 'f' })]), 2],
    ['application/json', bytes('[]'), 0],
  ];
  let sum = 0;
  for (const [type, body, accepted] of posts) {
    assert.equal(await inputs.acceptPost('web', type, body), { accepted, refused: 0, reasons: [] }, type);
    assert.is(log.all().length, sum += accepted);
  }
  assert.equal(log.all()[7]!.body, { t: new Uint8Array([1]) });
  assert.is(log.all()[7]!.key, '7');
  await inputs.stop();
});

test('readings that are wrong are named by their number, the others go in', async () => {
  const log = fakeLog();
  const inputs = await started(run(HTTP, log));
  const json = await inputs.acceptPost('web', 'application/json', bytes('[{"id":"a"},{"t":1},{"id":"b","n":12345678901234567890},nonsense,{"id":"c"},,{"id":"d","x":"\\u0000"}]'));
  assert.equal([json.accepted, json.refused], [2, 5]);
  assert.equal(json.reasons.map(({ index, code }) => [index, code]).sort(), [[1, 'bad-event'], [2, 'bad-value'], [3, 'bad-encoding'], [5, 'bad-encoding'], [6, 'bad-value']]);
  assert.match(json.reasons.find(({ index }) => index === 1)!.reason, /no "id"/);
  const lines = await inputs.acceptPost('web', 'application/jsonl', bytes('{"id":"a"}\nnonsense\n{"id":"b"}'));
  assert.equal([lines.accepted, lines.refused, lines.reasons[0]!.index], [2, 1, 1]);
  const items = await inputs.acceptPost('web', 'application/cbor', cbor.encode([{ id: 'a' }, { id: 'b', n: NaN }, { id: 'c', n: 2n ** 63n }, 5]));
  assert.equal([items.accepted, items.refused], [1, 3]);
  assert.match(items.reasons[1]!.reason, /cannot be kept exactly/);
  const many = await inputs.acceptPost('web', 'application/json', bytes(`[${'0,'.repeat(99)}0]`));
  assert.equal([many.refused, many.reasons.length], [100, 10]);
  assert.is(inputs.report()[0]!.refused, 109);
  await inputs.stop();
});

test('bodies that cannot be read at all are refused whole', async () => {
  const log = fakeLog();
  const inputs = await started(run(HTTP, log));
  const posts: [string, Uint8Array, RegExp][] = [
    ['text/html', bytes('{}'), /^unsupported: The content type "text\/html"/], ['', bytes('{}'), /^unsupported/], ['application/json; charset=latin1', bytes('{}'), /^unsupported: The character set latin1/],
    ['application/json', bytes(''), /^bad-encoding: The body is empty/], ['application/json', bytes('[{"id":"a"}'), /no end/], ['application/json', bytes('[1] 2'), /something follows/],
    ['application/json', new Uint8Array([0x22, 0xff, 0x22]), /^bad-encoding: The body is not UTF-8/], ['application/json', new Uint8Array(POST_BYTES + 1), /^too-large/],
    ['application/json', bytes(`[${'0,'.repeat(POST_READINGS)}0]`), /^too-many/], ['application/x-ndjson', bytes('0\n'.repeat(POST_READINGS + 1)), /^too-many/],
    ['application/cbor', new Uint8Array(POST_READINGS + 1), /^too-many/], ['application/cbor', new Uint8Array([0x82, 1]), /^bad-encoding: not CBOR/],
  ];
  for (const [type, body, words] of posts) assert.match(await fault(inputs.acceptPost('web', type, body)), words);
  assert.is(log.all().length, 0);
  await inputs.stop();
});

test('bombs are refused', async () => {
  const log = fakeLog();
  const inputs = await started(run(HTTP, log));
  const deep = '['.repeat(400_000) + ']'.repeat(400_000);
  assert.equal((await inputs.acceptPost('web', 'application/json', bytes(deep))).refused, 1);
  assert.equal((await inputs.acceptPost('web', 'application/json', bytes(`{"id":"a","x":${deep}}`))).refused, 1);
  assert.match(await fault(inputs.acceptPost('web', 'application/json', bytes('['.repeat(1_000_000)))), /no end/);
  assert.equal((await inputs.acceptPost('web', 'application/x-ndjson', bytes(`{"id":"${'x'.repeat(1_000_000)}"}`))).refused, 1);
  assert.match(await fault(inputs.acceptPost('web', 'application/cbor', new Uint8Array(1_000_000).fill(0x81))), /^bad-encoding/);
  assert.ok(inputs.report()[0]!.samples.every(({ text }) => text.length <= 256));
  await inputs.stop();
});

test('what cannot be recorded is not said to be; too many at a time are turned away', async () => {
  const log = fakeLog();
  log.hang = true;
  const inputs = await started(run(HTTP, log));
  const posts = [1, 2, 3, 4].map((id) => inputs.acceptPost('web', 'application/json', bytes(`{"id":${id}}`)));
  assert.match(await fault(inputs.acceptPost('web', 'application/json', bytes('{"id":5}'))), /^busy/);
  log.hang = false;
  assert.equal((await Promise.all(posts)).map(({ accepted }) => accepted), [1, 1, 1, 1]);
  log.fail = new Fault('store-full', 'There is no room left.');
  const last = inputs.acceptPost('web', 'application/json', bytes('{"id":6}'));
  const answer = fault(last);
  await pause(20);
  await inputs.stop();
  assert.match(await answer, /^busy: Not all of it was recorded/);
  assert.match(await fault(inputs.acceptPost('web', 'application/json', bytes('{"id":7}'))), /^busy/);
});

test('the items of an array, whatever stands in their texts', () => {
  assert.equal(jsonItems('[1,"a,]\\"[",{"b":[2,3]},[4,5]]'), ['1', '"a,]\\"["', '{"b":[2,3]}', '[4,5]']);
  assert.equal(jsonItems(' {"a":[1,2]} '), ['{"a":[1,2]}']);
  assert.equal(jsonItems('[ ]'), []);
  assert.equal(jsonItems('[1,]'), ['1', '']);
});

test.run();
