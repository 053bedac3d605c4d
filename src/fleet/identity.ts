// What a node's key file holds: who it is, which fleet it belongs to, and its keys (event/FORMAT.md section 6).
import { decode, encode } from '../event/cbor.ts';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { parseGenesis } from './genesis.ts';
import { isBytes, isName } from './shape.ts';

/** `seed` of the node's Ed25519 key and `boxSecret` of its X25519 key, 32 bytes each; `grant` the first 8 bytes of e of its own join, null before that is
 * written; `keys` the fleet keys of its keyring; `context` the `$fleet` segments that came with its token. */
export interface Identity { seed: Bytes; boxSecret: Bytes; genesis: Bytes; name: string; grant: Bytes | null; keys: Bytes[]; context: Bytes[] }

/** The bytes of the key file. Fault `bad-argument` for an identity that could not be read again. */
export function encodeIdentity(identity: Identity): Bytes {
  const { seed, boxSecret, genesis, name, grant, keys, context } = identity;
  const bytes = encode([1, seed, boxSecret, genesis, name, grant, keys, context]);
  try {
    decodeIdentity(bytes);
  } catch (error) {
    throw new Fault('bad-argument', 'A part of this identity cannot be.', { cause: error });
  }
  return bytes;
}

/** The identity in a key file. Faults: `bad-encoding` (damaged, or not a key file), `unsupported` (a newer version wrote it). */
export function decodeIdentity(bytes: Bytes): Identity {
  const item = decode(bytes);
  if (Array.isArray(item) && Number.isInteger(item[0]) && (item[0] as number) > 1) throw new Fault('unsupported', 'The key file was written by a newer version: run that version, or restore the key file from a backup.');
  if (!Array.isArray(item) || item.length < 8 || item[0] !== 1) throw new Fault('bad-encoding', 'This is not a key file.');
  const [, seed, boxSecret, genesis, name, grant, keys, context] = item;
  if (!isBytes(seed, 32) || !isBytes(boxSecret, 32) || !isBytes(genesis) || !isName(name) || (grant !== null && !isBytes(grant, 8))
    || !Array.isArray(keys) || !keys.every((key) => isBytes(key, 32)) || !Array.isArray(context) || !context.every((segment) => isBytes(segment))) {
    throw new Fault('bad-encoding', 'A part of the key file cannot be.');
  }
  parseGenesis(genesis);
  return { seed, boxSecret, genesis, name, grant, keys: keys, context: context };
}
