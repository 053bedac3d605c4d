// Invitations: what an admin signs so that somebody may join without a connection, and the proof of who was invited (event/FORMAT.md section 6).
import { concat, equal } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { domain } from '../event/chain.ts';
import { Fault } from '../fault.ts';
import type { Bytes, Crypto } from '../ports.ts';
import type { Rights } from './rights.ts';
import { checkRights, readRights } from './rights.ts';
import { isBytes, isName } from './shape.ts';

/** Who may join with which rights: `fleet` 32 bytes, `inviteKey` and `issuer` Ed25519 public keys, `nonce` 16 bytes. */
export interface Invite { fleet: Bytes; inviteKey: Bytes; rights: Rights; issuer: Bytes; name: string; nonce: Bytes }

/** An invite with the bytes that its issuer signed. */
export interface SignedInvite { invite: Invite; bytes: Bytes; signature: Bytes }

const INVITE = domain('invite'), JOIN = domain('join');

/** A signed invite. `issuerSeed` is of a root key or of an admin node; `inviteKey` the public key of the seed that the token will carry. Fault `bad-argument`. */
export function makeInvite(crypto: Crypto, o: { issuerSeed: Bytes; fleet: Bytes; inviteKey: Bytes; rights: Rights; name: string; nonce: Bytes }): Bytes {
  checkRights(o.rights);
  if (!isBytes(o.fleet, 32) || !isBytes(o.inviteKey, 32) || !isBytes(o.nonce, 16) || !isName(o.name)) {
    throw new Fault('bad-argument', 'An invitation needs a fleet and a key of 32 bytes, a nonce of 16 bytes and a name of 1 to 255 bytes.');
  }
  const rights = { admin: o.rights.admin, read: o.rights.read, write: o.rights.write };
  const bytes = encode([1, o.fleet, o.inviteKey, rights, crypto.signer(o.issuerSeed), o.name, o.nonce]);
  return encode([bytes, crypto.sign(o.issuerSeed, concat(INVITE, bytes))]);
}

/** Reads a signed invite without checking its signature. Faults: `bad-encoding`, `unsupported` (a later version's). */
export function readInvite(signed: Bytes): SignedInvite {
  const pair = decode(signed);
  if (!Array.isArray(pair) || pair.length !== 2 || !isBytes(pair[0]) || !isBytes(pair[1], 64)) throw new Fault('bad-encoding', 'This is not a signed invitation.');
  const [bytes, signature] = pair as [Bytes, Bytes];
  const item = decode(bytes);
  if (!Array.isArray(item) || item.length < 7) throw new Fault('bad-encoding', 'This is not an invitation.');
  const [version, fleet, inviteKey, given, issuer, name, nonce] = item;
  if (version !== 1) throw new Fault('unsupported', 'This invitation was made by another version: update this node.');
  const rights = readRights(given);
  if (!isBytes(fleet, 32) || !isBytes(inviteKey, 32) || !rights || !isBytes(issuer, 32) || !isName(name) || !isBytes(nonce, 16)) throw new Fault('bad-encoding', 'A part of this invitation cannot be.');
  return { invite: { fleet, inviteKey, rights, issuer, name, nonce }, bytes, signature };
}

/** True when the issuer signed these bytes. */
export function inviteHolds(crypto: Crypto, signed: SignedInvite): boolean {
  return crypto.verify(signed.invite.issuer, concat(INVITE, signed.bytes), signed.signature);
}

/** The invite in `signed`, for this fleet and signed by its issuer; whether the issuer may invite is for the fold to say.
 * Faults: `bad-encoding`, `unsupported`, `other-fleet`, `bad-signature`. */
export function checkInvite(crypto: Crypto, fleet: Bytes, signed: Bytes): Invite {
  const read = readInvite(signed);
  if (!equal(read.invite.fleet, fleet)) throw new Fault('other-fleet', 'This invitation is for another fleet.');
  if (!inviteHolds(crypto, read)) throw new Fault('bad-signature', 'The signature of this invitation is not of its issuer.');
  return read.invite;
}

/** What the invited node shows: the invite key's signature over fleet, node id and box key, 64 bytes. */
export function joinProof(crypto: Crypto, inviteSeed: Bytes, fleet: Bytes, node: Bytes, box: Bytes): Bytes {
  return crypto.sign(inviteSeed, concat(JOIN, fleet, node, box));
}

/** True when the holder of the invite key's seed let this node join with this box key. */
export function proofHolds(crypto: Crypto, inviteKey: Bytes, fleet: Bytes, node: Bytes, box: Bytes, proof: Bytes): boolean {
  return crypto.verify(inviteKey, concat(JOIN, fleet, node, box), proof);
}
