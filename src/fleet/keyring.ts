// The fleet keys that a node holds, by hash: learning them from wraps and from newer keys, and the stream keys that they give.
import { equal, hex } from '../event/bytes.ts';
import { keyHash } from '../event/segment.ts';
import type { Value } from '../event/value.ts';
import { Fault } from '../fault.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { isHashHex, readKey, readWraps } from './body.ts';
import { isBytes } from './shape.ts';
import { openBefore, streamKey, unwrapKey } from './wrap.ts';

/** A stream's key and its public name. */
export interface StreamKey { key: Bytes; hash: Bytes }

/** Streams whose keys are kept derived. */
const STREAMS = 1024;

/** Fleet keys are named by the hex of their hash. A keyring only grows: a key that opens old segments is never given up. */
export interface Keyring {
  /** Adds a key of 32 bytes; false when it was there. */
  add(key: Bytes): boolean;
  has(name: string): boolean;
  get(name: string): Bytes | undefined;
  /** Takes `key` and `wrap` events of any members, in any order and any number of times; true when a key was new. What is learnt must have the hash
   * that names it, so that a wrong wrap does nothing. */
  learn(events: { type: string; key: string; body: Value }[]): boolean;
  /** The key of a stream under the named fleet key, if that is held. */
  streamKey(name: string, stream: string): StreamKey | undefined;
  /** The key of a stream that has this hash, under whichever fleet key. */
  find(stream: string, hash: Bytes): Bytes | undefined;
  /** All keys in the order of their hashes: what the key file keeps. */
  list(): Bytes[];
}

/** A keyring of the node `node` (32 bytes), whose wraps are for `boxSecret`. Fault `bad-argument` for a key that has not 32 bytes. */
export function makeKeyring(crypto: Crypto, own: { node: Bytes; boxSecret: Bytes }, keys: Bytes[]): Keyring {
  const held = new Map<string, Bytes>();
  /** What waits for a key to be known: the older keys sealed under it. */
  const sealed = new Map<string, { hash: Bytes; sealed: Bytes }[]>();
  const streams = new Map<string, Map<string, StreamKey>>();
  const self = hex(own.node);

  function add(key: Bytes): boolean {
    if (!isBytes(key, 32)) throw new Fault('bad-argument', 'A fleet key has 32 bytes.');
    const waiting: Bytes[] = [key.slice()];
    let grown = false;
    for (let one = waiting.pop(); one; one = waiting.pop()) {
      const name = hex(keyHash(crypto, one));
      if (held.has(name)) continue;
      held.set(name, one);
      grown = true;
      for (const before of sealed.get(name) ?? []) {
        const older = openBefore(crypto, one, before.hash, before.sealed);
        if (older) waiting.push(older);
      }
      sealed.delete(name);
    }
    if (grown) streams.clear();
    return grown;
  }

  function learnOne(event: { type: string; key: string; body: Value }): boolean {
    const name = event.key;
    if ((event.type !== 'key' && event.type !== 'wrap') || !isHashHex(name)) return false;
    const body = event.type === 'key' ? readKey(event.body) : undefined;
    const wraps = body?.wraps ?? readWraps(event.body);
    let grown = false;
    for (const before of body?.before ?? []) {
      const key = held.get(name);
      const older = key && openBefore(crypto, key, before.hash, before.sealed);
      if (older) grown = add(older) || grown;
      else if (!key) wait(name, before);
    }
    const wrap = held.has(name) ? undefined : wraps?.get(self);
    const key = wrap && unwrapKey(crypto, own.boxSecret, wrap);
    if (key && hex(keyHash(crypto, key)) === name) grown = add(key) || grown;
    return grown;
  }

  function wait(name: string, before: { hash: Bytes; sealed: Bytes }): void {
    const list = sealed.get(name) ?? [];
    if (!list.some((one) => equal(one.sealed, before.sealed))) sealed.set(name, [...list, before]);
  }

  function under(stream: string): Map<string, StreamKey> {
    let known = streams.get(stream);
    if (!known) {
      if (streams.size >= STREAMS) streams.clear();
      known = new Map();
      for (const [name, fleetKey] of held) {
        const key = streamKey(crypto, fleetKey, stream);
        known.set(name, { key, hash: keyHash(crypto, key) });
      }
      streams.set(stream, known);
    }
    return known;
  }

  for (const key of keys) add(key);
  return {
    add,
    has: (name) => held.has(name),
    get: (name) => held.get(name),
    learn: (events) => events.reduce((grown, event) => learnOne(event) || grown, false),
    streamKey: (name, stream) => under(stream).get(name),
    find(stream, hash) {
      for (const one of under(stream).values()) if (equal(one.hash, hash)) return one.key;
      return undefined;
    },
    list: () => [...held].map(([name, key]) => ({ name, key })).sort((a, b) => (a.name < b.name ? -1 : 1)).map((one) => one.key),
  };
}
