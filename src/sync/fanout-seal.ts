// The seal around what a broker carries: who does not know the fleet's id learns sizes and times only.

import type { Bytes, Crypto, Random } from '../ports.ts';
import { concat, utf8 } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { TOPIC_KEYS } from './fanout-bounds.ts';

const NONCE = 12;

/** Seals and opens payloads by the topic that they stand in (FANOUT §2). */
export interface Envelope {
  seal(topic: string, plain: Bytes): Bytes;
  /** Undefined when it is not of this fleet, or was sealed for another topic. */
  open(topic: string, payload: Bytes): Bytes | undefined;
}

/** The envelope of a fleet; topics are those without the prefix. */
export function envelopeOf(crypto: Crypto, random: Random, fleet: Bytes): Envelope {
  const keys = new Map<string, Bytes>();
  const keyOf = (topic: string): Bytes => {
    let key = keys.get(topic);
    if (key === undefined) {
      // A map iterates in order of insertion: the oldest goes first.
      if (keys.size >= TOPIC_KEYS) keys.delete(keys.keys().next().value!);
      keys.set(topic, key = crypto.mac(fleet, concat(domain('broker seal'), utf8(topic))));
    }
    return key;
  };
  return {
    seal(topic, plain) {
      const nonce = random.bytes(NONCE);
      return concat(nonce, crypto.seal(keyOf(topic), nonce, plain));
    },
    open: (topic, payload) => (payload.length < NONCE ? undefined : crypto.open(keyOf(topic), payload.subarray(0, NONCE), payload.subarray(NONCE))),
  };
}
