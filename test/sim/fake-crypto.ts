// Crypto for most simulated worlds: real SHA-256, everything else cheap, deterministic and honest towards anyone who does not cheat on purpose.

import { hash } from 'node:crypto';
import type { Bytes, Crypto } from '../../src/ports.ts';

/** Digests one after another, in one buffer. */
function digest(...parts: Bytes[]): Bytes {
  const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  const raw = hash('sha256', all, 'buffer');
  return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength).slice();
}

const name = (text: string): Bytes => new TextEncoder().encode(text);
const PUBLIC = name('public'), SIGN = name('sign'), SIGN_B = name('sign b'), AGREE = name('agree'), BOX = name('box'), TAG = name('tag'), MAC = name('mac'), PAD = name('pad');

function same(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Signature of a public key over a message. Anyone could compute it; in the simulator nobody does, except `sign`. */
function signature(publicKey: Bytes, message: Bytes): Bytes {
  const half = digest(SIGN, publicKey, message);
  const out = new Uint8Array(64);
  out.set(half);
  out.set(digest(SIGN_B, half), 32);
  return out;
}

function masked(key: Bytes, nonce: Bytes, data: Bytes): Bytes {
  const pad = digest(PAD, key, nonce);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = data[i]! ^ pad[i & 31]!;
  return out;
}

/** The whole port. Deflate keeps the data as it is behind one byte, so sizes are those of uncompressed columns. */
export const fakeCrypto: Crypto = {
  sha256: (data) => digest(data),
  mac: (key, data) => digest(MAC, Uint8Array.of(key.length), key, data),
  signer: (seed) => digest(PUBLIC, seed),
  sign: (seed, message) => signature(digest(PUBLIC, seed), message),
  verify: (publicKey, message, given) => publicKey.length === 32 && same(signature(publicKey, message), given),
  boxKey: (secret) => digest(BOX, secret),
  agree(secret, publicKey) {
    if (secret.length !== 32 || publicKey.length !== 32 || publicKey.every((byte) => byte === 0)) return undefined;
    const own = digest(BOX, secret);
    return Buffer.compare(own, publicKey) < 0 ? digest(AGREE, own, publicKey) : digest(AGREE, publicKey, own);
  },
  seal(key, nonce, plain) {
    const cipher = masked(key, nonce, plain);
    const out = new Uint8Array(cipher.length + 16);
    out.set(cipher);
    out.set(digest(TAG, key, nonce, cipher).subarray(0, 16), cipher.length);
    return out;
  },
  open(key, nonce, sealed) {
    if (sealed.length < 16) return undefined;
    const cipher = sealed.subarray(0, sealed.length - 16);
    if (!same(digest(TAG, key, nonce, cipher).subarray(0, 16), sealed.subarray(cipher.length))) return undefined;
    return masked(key, nonce, cipher);
  },
  deflate(data) {
    const out = new Uint8Array(data.length + 1);
    out[0] = 0x5a;
    out.set(data, 1);
    return out;
  },
  inflate(data, most) {
    if (data[0] !== 0x5a || data.length - 1 > most) return undefined;
    return data.slice(1);
  },
};
