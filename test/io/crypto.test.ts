// The primitives against published vectors, and the strictness of Ed25519.
import { createHmac } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex, unhex, utf8 } from '../../src/event/bytes.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';

const test = suite('crypto');
const crypto = createCrypto();

test('SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 4231 case 2)', () => {
  assert.is(hex(crypto.sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assert.is(hex(crypto.mac(utf8('Jefe'), utf8('what do ya want for nothing?'))), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  for (const key of [0, 1, 32, 63, 64, 65, 200]) {
    for (const data of [0, 1, 64, 1000]) {
      const k = new Uint8Array(key).fill(7), d = new Uint8Array(data).fill(9);
      assert.is(hex(crypto.mac(k, d)), createHmac('sha256', k).update(d).digest('hex'));
    }
  }
});

test('Ed25519 (RFC 8032 section 7.1, test 2)', () => {
  const seed = unhex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'), key = unhex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'), message = unhex('72');
  const signature = '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00';
  assert.equal(crypto.signer(seed), key);
  assert.is(hex(crypto.sign(seed, message)), signature);
  assert.ok(crypto.verify(key, message, unhex(signature)));
  assert.not.ok(crypto.verify(key, unhex('73'), unhex(signature)));
});

test('a signature whose S is not reduced is refused', () => {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n;
  const seed = crypto.sha256(utf8('seed')), key = crypto.signer(seed), message = utf8('m'), signature = crypto.sign(seed, message);
  const little = (bytes: Uint8Array) => BigInt('0x' + hex(bytes.slice().reverse()));
  const more = little(signature.subarray(32)) + L;
  const other = signature.slice();
  other.set(unhex(more.toString(16).padStart(64, '0')).reverse(), 32);
  assert.ok(crypto.verify(key, message, signature));
  assert.not.ok(crypto.verify(key, message, other));
});

// Points of small order, as the standard and laxer decoders read them: y of 0, 1, -1, the four of order 8, those above p, each with both signs.
const p = 2n ** 255n - 19n;
const power = (base: bigint, exponent: bigint): bigint => {
  let out = 1n;
  for (let b = base % p, e = exponent; e > 0n; e >>= 1n, b = (b * b) % p) if (e & 1n) out = (out * b) % p;
  return out;
};
const encoded = (y: bigint, sign: bigint) => unhex((y | (sign << 255n)).toString(16).padStart(64, '0')).reverse();

/** y of the points of order 8: doubling must give a point with y = 0, so y^2 = -x^2, and on the curve that is d y^4 + 2 y^2 - 1 = 0. */
function orderEight(): bigint[] {
  const d = ((p - 121665n) * power(121666n, p - 2n)) % p;
  const root = (n: bigint): bigint | undefined => {
    let r = power(n, (p + 3n) / 8n);
    if ((r * r) % p !== n) r = (r * power(2n, (p - 1n) / 4n)) % p;
    return (r * r) % p === n ? r : undefined;
  };
  const inner = root((1n + d) % p)!;
  return [inner, p - inner].flatMap((s) => {
    const y = root((((s - 1n + p) % p) * power(d, p - 2n)) % p);
    return y === undefined ? [] : [y, p - y];
  });
}

test('keys of small order and keys above p are refused', () => {
  const eight = orderEight();
  assert.is(eight.length, 2);
  for (const y of [0n, 1n, p - 1n, p, p + 1n, p + 2n, p + 18n, ...eight]) {
    for (const sign of [0n, 1n]) {
      const key = encoded(y, sign);
      // S = 0 and R = the point itself or the identity: OpenSSL alone takes some of these, for messages that the key's owner never saw.
      for (const r of [key, encoded(1n, 0n)]) {
        for (let i = 0; i < 16; i++) {
          const signature = new Uint8Array(64), message = utf8(`message ${i}`);
          signature.set(r);
          assert.not.ok(crypto.verify(key, message, signature), hex(key));
        }
      }
    }
  }
});

test('malformed input to verify is false', () => {
  for (const [key, signature] of [[0, 64], [31, 64], [33, 64], [32, 0], [32, 63], [32, 65]] as const) assert.not.ok(crypto.verify(new Uint8Array(key).fill(7), utf8('m'), new Uint8Array(signature)));
  assert.not.ok(crypto.verify(new Uint8Array(32).fill(0xff), utf8('m'), new Uint8Array(64)));
});

test('X25519 (RFC 7748 section 6.1), and nothing shared with a point of small order', () => {
  const alice = unhex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'), b = unhex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
  assert.is(hex(crypto.boxKey(alice)), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  assert.is(hex(crypto.agree(alice, crypto.boxKey(b))!), '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  const secret = crypto.sha256(utf8('a'));
  assert.equal(crypto.agree(secret, crypto.boxKey(b)), crypto.agree(b, crypto.boxKey(secret)));
  for (const bad of [new Uint8Array(32), Uint8Array.from({ length: 32 }, (_, i) => +(i === 0)), unhex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'), new Uint8Array(31)]) assert.is(crypto.agree(secret, bad), undefined);
  assert.is(crypto.agree(new Uint8Array(31), crypto.boxKey(b)), undefined);
});

test('ChaCha20-Poly1305 (RFC 8439 section 2.8.2 has additional data; there and back, and nothing for a changed bit)', () => {
  const key = crypto.sha256(utf8('key')), nonce = new Uint8Array(12), plain = utf8('Ladies and Gentlemen');
  const sealed = crypto.seal(key, nonce, plain);
  assert.is(sealed.length, plain.length + 16);
  assert.equal(crypto.open(key, nonce, sealed), plain);
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(crypto.open(key, nonce, changed), undefined);
  }
  assert.is(crypto.open(key, nonce, new Uint8Array(15)), undefined);
  assert.equal(crypto.open(key, nonce, crypto.seal(key, nonce, new Uint8Array(0))), new Uint8Array(0));
});

test('deflate and inflate, within bounds', () => {
  const data = utf8('abc'.repeat(1000)), packed = crypto.deflate(data);
  assert.ok(packed.length < 100);
  assert.equal(crypto.inflate(packed, 3000), data);
  assert.is(crypto.inflate(packed, 2999), undefined);
  assert.is(crypto.inflate(packed.subarray(0, packed.length - 1), 3000), undefined);
  assert.is(crypto.inflate(Uint8Array.from([...packed, 0]), 3000), undefined);
  for (const bad of [new Uint8Array(0), Uint8Array.of(255, 255), utf8('not deflate at all')]) assert.is(crypto.inflate(bad, 1000), undefined);
  assert.equal(crypto.inflate(crypto.deflate(new Uint8Array(0)), 0) ?? new Uint8Array(0), new Uint8Array(0));
});

test('results are plain arrays of their own', () => {
  const random = createRandom();
  const key = crypto.sha256(utf8('k')), nonce = new Uint8Array(12);
  for (const bytes of [crypto.sha256(key), crypto.mac(key, key), crypto.sign(key, key), crypto.signer(key), crypto.boxKey(key), crypto.seal(key, nonce, key), crypto.deflate(key), random.bytes(7), crypto.open(key, nonce, crypto.seal(key, nonce, key))!, crypto.inflate(crypto.deflate(key), 99)!]) {
    assert.is(Object.getPrototypeOf(bytes), Uint8Array.prototype);
    const copy = bytes.slice();
    copy.fill(0);
    assert.ok(bytes.some((b) => b !== 0));
  }
  const first = crypto.signer(key);
  first.fill(0);
  assert.ok(crypto.signer(key).some((b) => b !== 0), 'a kept key is not handed out for writing');
  assert.is(random.bytes(7).length, 7);
});

test.run();
