// Sealing fleet keys: for a member's box key, under a newer key, and the keys of streams that are derived from them (event/FORMAT.md section 6).
import { concat, equal, utf8 } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { keyHash } from '../event/segment.ts';
import { Fault } from '../fault.ts';
import type { Bytes, Crypto, Random } from '../ports.ts';

/** Bytes of a key sealed for a member: ephemeral public 32, key 32, tag 16. */
export const WRAP_BYTES = 80;
/** Bytes of a key sealed under another key. */
export const BEFORE_BYTES = 48;

const WRAP = domain('wrap'), BEFORE = domain('before'), STREAM = domain('stream');
const NONCE = new Uint8Array(12);

/** A key sealed for the holder of `box` (X25519 public key). Fault `bad-argument` for a box key that nobody can hold. */
export function wrapKey(crypto: Crypto, random: Random, box: Bytes, key: Bytes): Bytes {
  const secret = random.bytes(32);
  const ephemeral = crypto.boxKey(secret);
  const shared = crypto.agree(secret, box);
  if (!shared) throw new Fault('bad-argument', 'This box key is not a usable X25519 key.');
  return concat(ephemeral, crypto.seal(crypto.mac(shared, concat(WRAP, ephemeral, box)), NONCE, key));
}

/** The key in a wrap made for `boxSecret`; undefined when it was made for another, or damaged. */
export function unwrapKey(crypto: Crypto, boxSecret: Bytes, sealed: Bytes): Bytes | undefined {
  if (sealed.length !== WRAP_BYTES) return undefined;
  const ephemeral = sealed.slice(0, 32);
  const shared = crypto.agree(boxSecret, ephemeral);
  return shared && crypto.open(crypto.mac(shared, concat(WRAP, ephemeral, crypto.boxKey(boxSecret))), NONCE, sealed.slice(32));
}

/** `plain`, an older key, sealed under `key`. */
export function sealBefore(crypto: Crypto, key: Bytes, plain: Bytes): Bytes {
  return crypto.seal(crypto.mac(key, concat(BEFORE, keyHash(crypto, plain))), NONCE, plain);
}

/** The older key named `hash` that was sealed under `key`; undefined when it does not open or is another. */
export function openBefore(crypto: Crypto, key: Bytes, hash: Bytes, sealed: Bytes): Bytes | undefined {
  const plain = sealed.length === BEFORE_BYTES ? crypto.open(crypto.mac(key, concat(BEFORE, hash)), NONCE, sealed) : undefined;
  return plain && equal(keyHash(crypto, plain), hash) ? plain : undefined;
}

/** The key of a stream under a fleet key, 32 bytes. */
export function streamKey(crypto: Crypto, fleetKey: Bytes, stream: string): Bytes {
  return crypto.mac(fleetKey, concat(STREAM, utf8(stream)));
}
