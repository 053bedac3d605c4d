// URLs of links: each kind is checked by its own rules before anything is tried, and shown without secrets.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { checkListenUrl, checkUrl, shownUrl } from '../../targets/program/link-url.ts';
import { openLinks } from '../../targets/program/links.ts';

const test = suite('link urls');
const refusal = (call: () => Promise<void>): Promise<string | undefined> => call().then(() => undefined, codeOf);

test('what is right passes, what is wrong says what', async () => {
  for (const url of ['tcp://a:1', 'tcp://[::1]', 'mqtt://broker', 'mqtts://u@b.example:8884?ca=%2Fetc%2Fca.pem&topic=site-1']) assert.is(await refusal(() => checkUrl(url)), undefined, url);
  for (const url of ['nonsense', 'tcp://', 'mqtt://', 'mqtt://broker?colour=red', 'http://a', '']) assert.ok(['bad-url', 'bad-argument', 'unsupported'].includes((await refusal(() => checkUrl(url)))!), url);
  assert.is(await refusal(() => checkListenUrl('mqtt://broker')), 'bad-url');
  assert.is(await refusal(() => checkListenUrl('tcp://127.0.0.1:0')), undefined);
});

test('a password is not shown', () => {
  assert.not.match(shownUrl('mqtt://user:secret@broker'), 'secret');
  assert.is(shownUrl('tcp://broker:1'), 'tcp://broker:1');
});

test('links refuse before anything is tried', async () => {
  const links = openLinks([]);
  for (const call of [() => links.keep({ url: 'nonsense' }), () => links.once('http://a', new AbortController().signal, () => {}), () => links.listen('tcp://'), () => links.keep({ url: 'tcp://a' })]) {
    assert.ok(['bad-url', 'unsupported'].includes(codeOf(await Promise.resolve().then(call).catch((error: unknown) => error))));
  }
  await links.close();
});

test.run();
