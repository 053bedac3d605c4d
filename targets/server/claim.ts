// Whose a database is: one node's, which is written down in it before anything else.

import { equal, hex } from '../../src/event/bytes.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import { Fault } from '../../src/fault.ts';
import { fleetId } from '../../src/fleet/genesis.ts';
import { decodeIdentity, type Identity } from '../../src/fleet/identity.ts';
import type { KeyFile } from '../../src/node-options.ts';
import { TABLES, type Bytes, type Crypto, type Op, type Store } from '../../src/ports.ts';
import type { Document } from './learnt-keys.ts';

/** The node that a database belongs to. */
interface Claim { node: Bytes; fleet: Bytes; name: string }

const claimOf = (crypto: Crypto, { seed, genesis, name }: Identity): Claim => ({ node: crypto.signer(seed), fleet: fleetId(crypto, genesis), name });
const bytesOf = ({ node, fleet, name }: Claim): Bytes => encode([1, node, fleet, name]);

function readClaim(bytes: Bytes | undefined): Claim | undefined {
  if (bytes === undefined) return undefined;
  const [version, node, fleet, name] = decode(bytes) as [number, Bytes, Bytes, string];
  if (version !== 1) throw new Fault('unsupported', 'A later version of Holdfast runs on this database: use that one.');
  return { node, fleet, name };
}

function taken({ node, fleet, name }: Claim, place: string): Fault {
  return new Fault('fleet-exists', `The database ${place} is that of node ${name} (${hex(node).slice(0, 12)}…) of fleet ${hex(fleet).slice(0, 12)}…. One more process of that server takes its key (--key-file FILE); another server takes another database.`);
}

/** Makes sure that a database is that of a node that is there; one that holds nothing becomes its own. Fault `fleet-exists`. */
export async function keepClaim(document: Document, crypto: Crypto, keys: KeyFile, place: string): Promise<void> {
  const bytes = await keys.load();
  if (bytes === undefined) return;
  const own = claimOf(crypto, decodeIdentity(bytes));
  for (;;) {
    const before = await document.load(), held = readClaim(before);
    if (held !== undefined && !equal(held.node, own.node)) throw taken(held, place);
    if (held !== undefined || await document.save(bytesOf(own), before)) return;
  }
}

/**
 * The key file of a node that is being made: a database is claimed as soon as its node has a key, before anything is stored. What a founding that was interrupted left there is removed first.
 * Fault `fleet-exists`: the database is another node's.
 */
export async function claiming(document: Document, store: Store, crypto: Crypto, keys: KeyFile, place: string): Promise<KeyFile> {
  const before = await keys.load(), held = readClaim(await document.load());
  const own = before && claimOf(crypto, decodeIdentity(before));
  if (held !== undefined && !(own && equal(own.node, held.node))) throw taken(held, place);
  return {
    load: () => keys.load(),
    async save(bytes) {
      const now = claimOf(crypto, decodeIdentity(bytes)), was = await document.load(), then = readClaim(was);
      if (then !== undefined && equal(then.node, now.node)) return keys.save(bytes);
      if (then !== undefined) {
        if (!(own && equal(then.node, own.node))) throw taken(then, place);
        await clear(store);
      }
      await keys.save(bytes);
      if (!await document.save(bytesOf(now), was)) throw taken(readClaim(await document.load()) ?? now, place);
    },
  };
}

/** Removes the few rows of a fleet that did not come to be. */
async function clear(store: Store): Promise<void> {
  for (const table of TABLES) {
    for (;;) {
      const rows = await store.scan(table, {});
      if (rows.length === 0) break;
      await store.commit(rows.map(({ key }): Op => ({ table, key })));
    }
  }
}

/** The name of the document that says whose a database is. */
export const CLAIM = 'node';
