// The bodies of `$fleet` events: reading what strangers wrote, totally, and making our own (event/FORMAT.md section 6).
import type { Tip } from '../event/chain.ts';
import { isStream } from '../event/event.ts';
import type { Value } from '../event/value.ts';
import { Fault } from '../fault.ts';
import type { Bytes, Crypto } from '../ports.ts';
import type { SignedInvite } from './invite.ts';
import { inviteHolds, joinProof, proofHolds, readInvite } from './invite.ts';
import { isBytes, isMap, isName, readTips } from './shape.ts';
import { BEFORE_BYTES, WRAP_BYTES } from './wrap.ts';

/** A join as its body says, before any signature is checked: `signed` the invite's bytes as embedded, `box` an X25519 public key. */
export interface JoinBody { signed: Bytes; read: SignedInvite; proof: Bytes; box: Bytes; name: string }
/** A key's body: `wraps` by node id in hex, `before` the older keys sealed under it, `stream` null for the fleet's key. */
export interface KeyBody { wraps: Map<string, Bytes>; before: { hash: Bytes; sealed: Bytes }[]; stream: string | null }

const NODE = /^[0-9a-f]{64}$/, HASH = /^[0-9a-f]{32}$/;

/** True for a node id or an invite key in lower-case hex. */
export function isKeyHex(text: unknown): text is string {
  return typeof text === 'string' && NODE.test(text);
}

/** True for a key hash in lower-case hex. */
export function isHashHex(text: unknown): text is string {
  return typeof text === 'string' && HASH.test(text);
}

/** The tips in a body's `seen`; none when they do not read. */
export function seenOf(body: Value): Tip[] {
  return (isMap(body) && readTips(body['seen'])) || [];
}

/** A join's body, undefined when it does not read. */
export function readJoin(body: Value): JoinBody | undefined {
  if (!isMap(body)) return undefined;
  const { invite, proof, box, name } = body;
  if (!isBytes(invite) || !isBytes(proof, 64) || !isBytes(box, 32) || !isName(name)) return undefined;
  const read = readSigned(invite);
  return read && { signed: invite, read, proof, box, name };
}

/** An announced invitation, undefined when it does not read. */
export function readAnnounced(body: Value): { signed: Bytes; read: SignedInvite } | undefined {
  if (!isMap(body) || !isBytes(body['invite'])) return undefined;
  const read = readSigned(body['invite']);
  return read && { signed: body['invite'], read };
}

function readSigned(signed: Bytes): SignedInvite | undefined {
  try {
    return readInvite(signed);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** The cut of a revocation and why, undefined when they do not read. */
export function readRevoke(body: Value): { cut: Tip[]; why: string } | undefined {
  const cut = isMap(body) ? readTips(body['cut']) : undefined;
  const why = isMap(body) ? body['why'] : undefined;
  return cut && typeof why === 'string' ? { cut, why } : undefined;
}

/** The tips of a release, undefined when they do not read. */
export function readRelease(body: Value): Tip[] | undefined {
  return isMap(body) ? readTips(body['tips']) : undefined;
}

/** The wraps of a `key` or `wrap` event by node id in hex, undefined when they do not read. */
export function readWraps(body: Value): Map<string, Bytes> | undefined {
  if (!isMap(body) || !isMap(body['wraps'])) return undefined;
  const wraps = new Map<string, Bytes>();
  for (const [node, sealed] of Object.entries(body['wraps'])) {
    if (!isKeyHex(node) || !isBytes(sealed, WRAP_BYTES)) return undefined;
    wraps.set(node, sealed);
  }
  return wraps;
}

/** The body of a `key` event, undefined when it does not read. */
export function readKey(body: Value): KeyBody | undefined {
  const wraps = readWraps(body);
  if (!wraps || !isMap(body)) return undefined;
  const { before: list, stream } = body;
  if (!Array.isArray(list) || (stream !== undefined && !isStream(stream))) return undefined;
  const before: KeyBody['before'] = [];
  for (const item of list) {
    if (!Array.isArray(item) || item.length !== 2 || !isBytes(item[0], 16) || !isBytes(item[1], BEFORE_BYTES)) return undefined;
    before.push({ hash: item[0], sealed: item[1] });
  }
  return { wraps, before, stream: stream ?? null };
}

/** The body of a join without its `seen`: `inviteSeed` is the token's seed, `box` the node's X25519 public key. */
export function makeJoinBody(crypto: Crypto, o: { fleet: Bytes; node: Bytes; box: Bytes; name: string; signed: Bytes; inviteSeed: Bytes }): { [key: string]: Value } {
  return { invite: o.signed, proof: joinProof(crypto, o.inviteSeed, o.fleet, o.node, o.box), box: o.box, name: o.name };
}

/** True when both signatures of a join hold for this node. */
export function joinHolds(crypto: Crypto, fleet: Bytes, node: Bytes, join: JoinBody): boolean {
  return inviteHolds(crypto, join.read) && proofHolds(crypto, join.read.invite.inviteKey, fleet, node, join.box, join.proof);
}
