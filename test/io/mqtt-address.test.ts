// URLs of brokers: what they mean, what is wrong with them in words, and that nobody is shown a password.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf, Fault } from '../../src/fault.ts';
import { parseBroker } from '../../src/io/mqtt-address.ts';
import { printableBroker } from '../../src/io/mqtt-url.ts';

const test = suite('broker addresses');

function fault(url: string): string {
  try {
    parseBroker(url);
  } catch (error) {
    assert.is(codeOf(error), 'bad-argument', url);
    return (error as Fault).message;
  }
  throw new Error(`${url} was accepted`);
}

test('URLs of brokers are read', () => {
  assert.equal(parseBroker('mqtt://broker.example'), { scheme: 'mqtt', host: 'broker.example', port: 1883, keepAlive: 30, extra: {} });
  assert.equal(parseBroker('MQTTS://[::1]/'), { scheme: 'mqtts', host: '::1', port: 8883, keepAlive: 30, extra: {} });
  assert.equal(parseBroker('mqtts://gate%40way:p%3Aw%2F%25@10.0.0.7:1884?ca=/etc/ca.pem&cert=c.pem&key=k%20k.pem&servername=broker&version=4&keepalive=60&topic=hf%2Fx&live=no&flag'), {
    scheme: 'mqtts', host: '10.0.0.7', port: 1884, user: 'gate@way', password: 'p:w/%', ca: '/etc/ca.pem', cert: 'c.pem', key: 'k k.pem', serverName: 'broker', version: 4, keepAlive: 60,
    extra: { topic: 'hf/x', live: 'no', flag: '' },
  });
  assert.equal(parseBroker('mqtt://u@h?password-file=p').passwordFile, 'p');
  assert.is(parseBroker('mqtt://u:@h').password, '');
  assert.is(parseBroker('mqtt://u:a:b@h').password, 'a:b');
});

test('what is wrong is said', () => {
  const wrong: [string, RegExp][] = [
    ['', /not the URL of a broker/], ['broker:1883', /not the URL of a broker/], ['http://x', /not the URL/], ['mqtt://', /not the URL/], ['mqtt://a b', /not the URL/], ['mqtt://::1', /brackets/],
    ['mqtt://h:0', /a port is/], ['mqtt://h:70000', /a port is/], ['mqtt://h/topic', /not the URL/], ['mqtt://h#x', /not the URL/], [`mqtt://${'a'.repeat(254)}`, /too long/], [`mqtt://h?a=${'b'.repeat(5000)}`, /too long/],
    ['mqtt://h?ca=x', /mqtts:\/\//], ['mqtt://h?servername=x', /mqtts:\/\//], ['mqtts://h?cert=x', /two files/], ['mqtts://h?ca=', /no value/], ['mqtts://h?insecure', /no way to trust every/],
    ['mqtt://h?password-file=x', /user name/], ['mqtt://u:p@h?password-file=x', /leave one out/], ['mqtt://u@h?password=geheim', /stands after the user name/], ['mqtt://@h', /user name/], ['mqtt://%zz@h', /hexadecimal/], ['mqtt://u:%e4@h', /hexadecimal/],
    ['mqtt://h?version=3', /version is a whole number from 4 to 5/], ['mqtt://h?keepalive=1', /keepalive is/], ['mqtt://h?keepalive=1e3', /keepalive is/], ['mqtt://h?a=1&a=2', /twice/], ['mqtt://h?A=1', /no name as it should/],
    ['mqtt://h?=1', /no name/], ['mqtt://h?a=%', /hexadecimal/], ['mqtts://h?ca=a%00b', /zero byte/], [`mqtt://u%00@h`, /cannot carry/],
  ];
  for (const [url, why] of wrong) {
    const message = fault(url);
    assert.match(message, why, url);
    assert.match(message, 'mqtts://user@broker.example');
  }
});

test('passwords are hidden, whatever the URL looks like', () => {
  assert.is(printableBroker('mqtt://u:geheim@h:1883?a=b'), 'mqtt://u:***@h:1883?a=b');
  assert.is(printableBroker('mqtt://u@h?a=b@c'), 'mqtt://u@h?a=b@c');
  assert.is(printableBroker('mqtt://h:1883?a=b@c'), 'mqtt://h:1883?a=b@c');
  const secret = 'geheim';
  for (const url of ['mqtt://u:ge@he/geheim@h', 'u:geheim@h', 'mqtt:u:geheim@h:1', ' mqtt://u:geheim@h', 'mqtt://u:geheim@', 'mqtt://u:geheim@h h', 'mqtts://u:x?geheim@h?ca=1', 'mqtt://u:%zzgeheim@h', 'mqtt://u:geheim@h:0', 'mqtt://u@h?password=geheim', 'mqtt://u:1\n@geheim@h']) {
    assert.not.match(printableBroker(url), secret, url);
    assert.not.match(fault(url), secret, url);
  }
});

test('any text is either a broker or a fault', () => {
  const piece = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('mqtt://', 'mqtts://', '@', ':', '?', '&', '=', '%', '%40', '[::1]', 'host', 'ca=', 'version=5', ':1883', '\u0000', '\ud800'));
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, prefixed) => {
    const url = (prefixed ? 'mqtt://' : '') + pieces.join('');
    assert.type(printableBroker(url), 'string');
    try {
      const address = parseBroker(url);
      assert.ok(address.host.length > 0 && address.port > 0);
    } catch (error) {
      assert.is(codeOf(error), 'bad-argument', `${JSON.stringify(url)}: ${String(error)}`);
    }
  }), { numRuns: 3_000 });
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }), (user, password) => {
    fc.pre(!/[\ud800-\udfff]/u.test(user + password) && !/\0/.test(user + password));
    const address = parseBroker(`mqtt://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h`);
    assert.is(address.user, user);
    assert.is(address.password, password);
  }));
});

test.run();
