// The primitives of the Crypto port and the Random port, on node:crypto and node:zlib.
import type { KeyObject } from 'node:crypto';
import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, diffieHellman, hash, randomFillSync, sign, verify } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Bytes, Crypto, Random } from '../ports.ts';

/** Key objects kept per kind: making one costs as much as a signature. */
const KEYS = 4096;
const TAG = 16;
/** Columns of numbers: a small symbol buffer starts a new Huffman code every 2,048 symbols, so about each column gets its own (5 % smaller than with the
 * default), and in noise short matches cost more than they save (3 %). Short columns are mostly names, which repeat. */
const SHORT_DEFLATE = { level: 6, memLevel: 5 }, LONG_DEFLATE = { ...SHORT_DEFLATE, strategy: constants.Z_FILTERED }, LONG = 4096;
const EMPTY = Buffer.alloc(0);

// The DER around a raw key (RFC 8410): PKCS #8 for secrets, SubjectPublicKeyInfo for public keys.
const ED_SECRET = Buffer.from('302e020100300506032b657004220420', 'hex');
const ED_PUBLIC = Buffer.from('302a300506032b6570032100', 'hex');
const X_SECRET = Buffer.from('302e020100300506032b656e04220420', 'hex');
const X_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex');

/** The same bytes as a plain array: a Buffer's `slice` does not copy, and the core must not see one. */
function plain(buffer: Buffer): Bytes {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** SHA-256. Asking for a latin-1 string and taking its codes takes half the time of asking for a Buffer, whose memory lies outside the heap. */
function sha256(data: Bytes): Bytes {
  const digest = hash('sha256', data, 'binary'), out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = digest.charCodeAt(i);
  return out;
}

const BLOCK = 64;

/** HMAC-SHA-256 (RFC 2104) from two one-shot hashes: for short messages a fifth of the time of an Hmac object. */
function mac(key: Bytes, data: Bytes): Bytes {
  const padded = key.length > BLOCK ? sha256(key) : key;
  const inner = new Uint8Array(BLOCK + data.length), outer = new Uint8Array(BLOCK + 32);
  for (let i = 0; i < BLOCK; i++) {
    const k = i < padded.length ? padded[i]! : 0;
    inner[i] = k ^ 0x36;
    outer[i] = k ^ 0x5c;
  }
  inner.set(data, BLOCK);
  outer.set(sha256(inner), BLOCK);
  return sha256(outer);
}

function keyed<T>(make: (key: Bytes) => T): (key: Bytes) => T {
  const kept = new Map<string, T>();
  return (key) => {
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
    const found = kept.get(name);
    if (found !== undefined) return found;
    const made = make(key);
    // A map iterates in order of insertion: the oldest goes first.
    if (kept.size >= KEYS) kept.delete(kept.keys().next().value!);
    kept.set(name, made);
    return made;
  };
}

function need(key: Bytes, length: number, what: string): void {
  if (key.length !== length) throw new RangeError(`${what} has ${key.length} bytes, not ${length}`);
}

const secretOf = (prefix: Buffer) => keyed((raw: Bytes): KeyObject => {
  need(raw, 32, 'a secret key');
  return createPrivateKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'pkcs8' });
});
const publicOf = (prefix: Buffer) => (raw: Bytes): KeyObject | null => {
  try {
    return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
};
const rawPublic = (secret: KeyObject): Bytes => plain(createPublicKey(secret as never).export({ format: 'der', type: 'spki' })).slice(-32);

// y of the points of small order, little-endian, sign bit off: 0, 1, and the two of order 8; p - 1 and what is not below p are found by their bytes.
const SMALL = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** False for a public key that is not the canonical encoding of y below p - 1, or whose point has a small order (and so belongs to nobody). */
function sound(raw: Bytes): boolean {
  if (raw.length !== 32) return false;
  const y = Buffer.from(raw);
  y[31]! &= 0x7f;
  // p - 1 = 2^255 - 20 is ec ff … ff 7f.
  if (y[31] === 0x7f && y[0]! >= 0xec && y.subarray(1, 31).every((b) => b === 0xff)) return false;
  return !SMALL.has(y.toString('hex'));
}

// The order of the group, little-endian: S must be below it or a second signature could be made from a first (RFC 8032 section 5.1.7).
const L = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');

function reduced(signature: Bytes): boolean {
  for (let i = 31; i >= 0; i--) {
    const d = signature[32 + i]! - L[i]!;
    if (d !== 0) return d < 0;
  }
  return false;
}

/** The Crypto port on Node's OpenSSL and zlib. */
export function createCrypto(): Crypto {
  const edSecret = secretOf(ED_SECRET), xSecret = secretOf(X_SECRET);
  const edPublic = keyed((raw: Bytes) => (sound(raw) ? publicOf(ED_PUBLIC)(raw) : null));
  const xPublic = publicOf(X_PUBLIC);
  const signers = keyed((seed: Bytes) => rawPublic(edSecret(seed)));
  return {
    sha256,
    mac,
    signer: (seed) => signers(seed).slice(),
    sign: (seed, message) => plain(sign(null, message, edSecret(seed))),
    verify(publicKey, message, signature) {
      if (signature.length !== 64 || !reduced(signature)) return false;
      const key = edPublic(publicKey);
      return key !== null && verify(null, message, key, signature);
    },
    boxKey: (secret) => rawPublic(xSecret(secret)),
    agree(secret, publicKey) {
      if (secret.length !== 32 || publicKey.length !== 32) return undefined;
      const other = xPublic(publicKey);
      if (other === null) return undefined;
      try {
        const shared = plain(diffieHellman({ privateKey: xSecret(secret), publicKey: other }));
        return shared.some((b) => b !== 0) ? shared : undefined;
      } catch {
        return undefined;
      }
    },
    seal(key, nonce, data) {
      const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
      const out = new Uint8Array(data.length + TAG);
      out.set(cipher.update(data));
      cipher.final();
      out.set(cipher.getAuthTag(), data.length);
      return out;
    },
    open(key, nonce, sealed) {
      if (sealed.length < TAG) return undefined;
      const cipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
      cipher.setAuthTag(sealed.subarray(sealed.length - TAG));
      const data = cipher.update(sealed.subarray(0, sealed.length - TAG));
      try {
        cipher.final();
      } catch {
        return undefined;
      }
      return plain(data);
    },
    deflate: (data) => plain(deflateRawSync(data, data.length < LONG ? SHORT_DEFLATE : LONG_DEFLATE)),
    inflate(data, most) {
      try {
        // `info` tells how much was read: bytes behind the end of the stream are refused.
        const { buffer, engine } = inflateRawSync(data.length === 0 ? EMPTY : data, { maxOutputLength: most, info: true } as object) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
        return engine.bytesWritten === data.length ? plain(buffer) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** The Random port on the system's generator. */
export function createRandom(): Random {
  return { bytes: (length) => randomFillSync(new Uint8Array(length)) };
}
