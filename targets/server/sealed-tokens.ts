// The tokens of the HTTP API in the database: with a code of the node's key before them, so that whoever may only write to the database makes no token.

import { concat, equal, utf8 } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { decodeIdentity } from '../../src/fleet/identity.ts';
import type { KeyFile } from '../../src/node-options.ts';
import type { Bytes, Crypto } from '../../src/ports.ts';
import type { Document } from './learnt-keys.ts';

/** Under what the key of the code is derived from the node's. */
const DOMAIN = utf8('holdfast server tokens 1');
const MAC_BYTES = 32;

/** The name of the document. */
export const TOKENS = 'http-tokens';

/**
 * A document whose bytes follow HMAC-SHA-256(HMAC-SHA-256(seed, domain), bytes). It tells what another wrote, not that somebody put back what once stood there. Faults: `bad-config` (the code does not fit:
 * nobody is let in by what stands there), `no-fleet` (there is no key), those of the document.
 */
export function sealedTokens(document: Document, keys: Pick<KeyFile, 'load'>, crypto: Crypto): Document {
  let key: Bytes | undefined;
  const coded = async (plain: Bytes): Promise<Bytes> => {
    if (key === undefined) {
      const identity = await keys.load();
      if (identity === undefined) throw new Fault('no-fleet', 'There is no node yet, and so no tokens.');
      key = crypto.mac(decodeIdentity(identity).seed, DOMAIN);
    }
    return concat(crypto.mac(key, plain), plain);
  };
  return {
    async load() {
      const bytes = await document.load();
      if (bytes === undefined) return undefined;
      const plain = bytes.subarray(MAC_BYTES);
      if (!equal(await coded(plain), bytes)) {
        throw new Fault('bad-config', `The tokens of the HTTP API (document \`${TOKENS}\` of the database) were not written by this server, so none of them is taken. Find out who else writes to its database; then DELETE FROM holdfast.document WHERE name = '${TOKENS}', and make new ones with holdfast token.`);
      }
      return plain;
    },
    save: async (next, before) => document.save(await coded(next), before && await coded(before)),
  };
}
