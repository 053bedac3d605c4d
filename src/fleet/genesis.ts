// The genesis of a fleet: its name, salt and root keys, whose hash is the fleet's id (event/FORMAT.md section 6).
import { compare, concat, equal } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { domain } from '../event/chain.ts';
import { Fault } from '../fault.ts';
import { ROOTS } from '../limits.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { isBytes, isName } from './shape.ts';

/** What the members of a fleet share: `salt` 16 bytes, `roots` 1 to 16 Ed25519 public keys, sorted. */
export interface Genesis { name: string; salt: Bytes; roots: Bytes[] }

const FLEET = domain('fleet');

/** The canonical bytes of a new genesis. Fault `bad-argument` for a name, salt or key that cannot stand in one. */
export function makeGenesis(name: string, rootPublicKeys: Bytes[], salt: Bytes): Bytes {
  const roots = [...rootPublicKeys].sort(compare);
  const bytes = encode([1, name, salt, 1, roots]);
  try {
    parseGenesis(bytes);
  } catch (error) {
    throw new Fault('bad-argument', 'A genesis needs a name of 1 to 255 bytes, a salt of 16 bytes and 1 to 16 different root keys of 32 bytes.', { cause: error });
  }
  return bytes;
}

/** A genesis from bytes that nobody vouches for. Faults: `bad-encoding`; `unsupported` for another version or threshold. */
export function parseGenesis(bytes: Bytes): Genesis {
  const item = decode(bytes);
  if (Array.isArray(item) && Number.isInteger(item[0]) && (item[0] as number) > 1) throw new Fault('unsupported', `This fleet was founded by a newer version (genesis version ${String(item[0])}): update this node.`);
  if (!Array.isArray(item) || item.length !== 5 || item[0] !== 1) throw new Fault('bad-encoding', 'This is not the genesis of a fleet.');
  const [, name, salt, threshold, roots] = item;
  if (threshold !== 1) throw new Fault('unsupported', 'This fleet asks for several root signatures at once, which this version cannot do.');
  if (!isName(name) || !isBytes(salt, 16) || !Array.isArray(roots) || roots.length < 1 || roots.length > ROOTS) throw new Fault('bad-encoding', 'The genesis has a name, a salt or roots that cannot be.');
  for (let i = 0; i < roots.length; i++) {
    if (!isBytes(roots[i], 32) || (i > 0 && compare(roots[i - 1] as Bytes, roots[i] as Bytes) >= 0)) throw new Fault('bad-encoding', 'The roots of a genesis are sorted and different keys of 32 bytes.');
  }
  return { name, salt, roots: roots as Bytes[] };
}

/** The id of the fleet with this genesis, 32 bytes. */
export function fleetId(crypto: Crypto, genesis: Bytes): Bytes {
  return crypto.sha256(concat(FLEET, genesis));
}

/** True when `key` is one of the root keys. */
export function isRoot(genesis: Genesis, key: Bytes): boolean {
  return genesis.roots.some((root) => equal(root, key));
}
