// The ciphers of a session: keys from one secret and a transcript, and units sealed under counters, one for each channel and direction.

import { Fault } from '../fault.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { concat } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { CHANNELS } from './bounds.ts';

const ONE = new Uint8Array([1]);
export const ZERO_NONCE = new Uint8Array(12);

/** HKDF (RFC 5869) with HMAC-SHA-256: the pseudorandom key from the shared secret, with the fleet's id as its salt. */
export function extract(crypto: Crypto, fleet: Bytes, secret: Bytes): Bytes {
  return crypto.mac(fleet, secret);
}

/** HKDF-Expand of one block (32 bytes) for a label and a transcript hash. */
export function expand(crypto: Crypto, prk: Bytes, label: string, transcript: Bytes): Bytes {
  return crypto.mac(prk, concat(domain(`session ${label}`), transcript, ONE));
}

/** One direction of a session's cipher. A (channel, number) pair is never used twice, so neither is a nonce. */
export class Cipher {
  readonly #crypto: Crypto;
  readonly #key: Bytes;
  readonly #numbers = new Float64Array(CHANNELS);

  constructor(crypto: Crypto, key: Bytes) {
    this.#crypto = crypto;
    this.#key = key;
  }

  /** The next unit of a channel: ciphertext and tag, 16 bytes longer than `plain`. */
  seal(channel: number, plain: Bytes): Bytes {
    return this.#crypto.seal(this.#key, this.#nonce(channel), plain);
  }

  /** The plain bytes of the next unit of a channel. Fault `bad-message` when it is not that unit, unchanged. */
  open(channel: number, sealed: Bytes): Bytes {
    const plain = sealed.length < 16 ? undefined : this.#crypto.open(this.#key, this.#nonce(channel), sealed);
    if (plain === undefined) throw new Fault('bad-message', 'A unit does not authenticate: it was changed, replayed, or something before it is missing.');
    return plain;
  }

  #nonce(channel: number): Bytes {
    const n = this.#numbers[channel]!++;
    const nonce = new Uint8Array(12);
    nonce[0] = channel;
    const view = new DataView(nonce.buffer);
    view.setUint32(4, Math.floor(n / 0x1_0000_0000));
    view.setUint32(8, n >>> 0);
    return nonce;
  }
}
