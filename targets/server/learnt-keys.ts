// The secrets of a server: its key file, which every process of it has and none writes to, and what was learnt since, sealed in the database for all of them.

import { concat, equal, utf8 } from '../../src/event/bytes.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import { Fault } from '../../src/fault.ts';
import { decodeIdentity, encodeIdentity, type Identity } from '../../src/fleet/identity.ts';
import type { KeyFile } from '../../src/node-options.ts';
import type { Bytes, Crypto, Random } from '../../src/ports.ts';

/** Under what the key that seals is derived from the node's. */
const DOMAIN = utf8('holdfast server secrets 1');
const NONCE_BYTES = 12;

/** A document of the database. `save` replaces what `load` gave (`before`), and says false when it is something else by now. */
export interface Document { load(): Promise<Bytes | undefined>; save(next: Bytes, before: Bytes | undefined): Promise<boolean> }

/**
 * The key file `file` as a node sees it: with what `document` holds besides. Until the node is a member of a fleet the file itself is written; from then on it may lie on a medium that is read-only, and what
 * is learnt (later keys of the fleet, a new grant) goes into the document: sealed with ChaCha20-Poly1305 under HMAC-SHA-256(seed, domain), as nonce ‖ ciphertext of the item [1, grant, keys].
 * Faults: those of the file, `store-damaged` (the document does not open), `unsupported` (a later version wrote it).
 */
export function learntKeys(file: KeyFile, document: Document, { crypto, random }: { crypto: Crypto; random: Random }): KeyFile {
  const sealing = (identity: Identity): Bytes => crypto.mac(identity.seed, DOMAIN);
  const own = async (): Promise<Identity | undefined> => {
    const bytes = await file.load();
    return bytes === undefined ? undefined : decodeIdentity(bytes);
  };
  const learnt = (identity: Identity, sealed: Bytes | undefined): Pick<Identity, 'grant' | 'keys'> | undefined => {
    if (sealed === undefined) return undefined;
    const plain = crypto.open(sealing(identity), sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES));
    if (plain === undefined) throw new Fault('store-damaged', 'What this server has learnt (document `keys` of its database) cannot be opened with its key: it is damaged, or of another server. Restore the database, or delete that row; the keys come back from the fleet as far as others hold them.');
    const [version, grant, keys] = decode(plain) as [number, Bytes | null, Bytes[]];
    if (version !== 1) throw new Fault('unsupported', 'A later version of Holdfast runs on this database: use that one.');
    return { grant, keys };
  };
  return {
    async load() {
      const identity = await own();
      if (identity === undefined) return undefined;
      const more = identity.grant === null ? undefined : learnt(identity, await document.load());
      return encodeIdentity(more === undefined ? identity : { ...identity, grant: more.grant ?? identity.grant, keys: union(more.keys, identity.keys) });
    },
    async save(bytes) {
      const whole = decodeIdentity(bytes), before = await own();
      if (before?.grant == null) return file.save(bytes);
      if (!equal(before.seed, whole.seed)) throw new Fault('fleet-exists', 'The key file is that of another node by now; stop this process.');
      for (;;) {
        // Another process may have learnt something meanwhile.
        const sealed = await document.load(), keys = union(whole.keys, learnt(before, sealed)?.keys ?? []), nonce = random.bytes(NONCE_BYTES);
        if (await document.save(concat(nonce, crypto.seal(sealing(before), nonce, encode([1, whole.grant, keys]))), sealed)) return;
      }
    },
  };
}

function union(first: Bytes[], second: Bytes[]): Bytes[] {
  return [...first, ...second.filter((key) => !first.some((each) => equal(each, key)))];
}

/** The name of the document. */
export const KEYS = 'keys';
