// What a member writes into `$fleet`: drafts of its events, split so that each fits (event/FORMAT.md section 6).
import type { Tip } from '../event/chain.ts';
import type { Value } from '../event/value.ts';
import type { Bytes, Crypto, Random } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import { sortTips } from '../event/chain.ts';
import { keyHash } from '../event/segment.ts';
import { Fault } from '../fault.ts';
import { FLEET_TIPS, FLEET_WRAPS } from '../limits.ts';
import { makeJoinBody } from './body.ts';
import { readInvite } from './invite.ts';
import { tipItems } from './shape.ts';
import { sealBefore, wrapKey } from './wrap.ts';

/** An event to append to `$fleet`; the drafts of one act are appended in their order, in one call. */
export interface FleetDraft { key: string; type: string; body: { [key: string]: Value } }

/** A member to wrap a key for. */
export interface Recipient { node: Bytes; box: Bytes }

/** Older keys that a new one seals. */
const BEFORE = 64;

/** The act's drafts with `seen` in the first; what does not fit goes before it into events of its own. `author` is the writing node, `seen` comes from `Membership.seen`. */
function spread(author: Bytes, seen: Tip[], drafts: { key: string; type: string; body: { [key: string]: Value } }[]): FleetDraft[] {
  const lots: Tip[][] = [];
  for (let i = 0; i < seen.length; i += FLEET_TIPS) lots.push(seen.slice(i, i + FLEET_TIPS));
  const last = lots.pop() ?? [];
  const ahead = lots.map((lot) => ({ key: hex(author), type: 'seen', body: { seen: tipItems(lot) } }));
  return [...ahead, ...drafts.map((draft, i) => ({ ...draft, body: { seen: i === 0 ? tipItems(last) : [], ...draft.body } }))];
}

/** This node joins: `signed` and `inviteSeed` of its token, `box` its X25519 public key, `seen` the issuer's context at least. The first join of a node must be
 * the first event of its log, so its `seen` has 256 tips at most. */
export function joinDraft(crypto: Crypto, o: { fleet: Bytes; node: Bytes; box: Bytes; name: string; signed: Bytes; inviteSeed: Bytes; seen: Tip[] }): FleetDraft[] {
  return spread(o.node, o.seen, [{ key: hex(o.node), type: 'join', body: makeJoinBody(crypto, o) }]);
}

/** Announces an invitation, so that it outlives the grant of its issuer. */
export function inviteDraft(o: { author: Bytes; signed: Bytes; seen: Tip[] }): FleetDraft[] {
  return spread(o.author, o.seen, [{ key: hex(readInvite(o.signed).invite.inviteKey), type: 'invite', body: { invite: o.signed } }]);
}

/** Revokes a node: `cut` the tips of all its streams that stay valid with their ancestry. Fault `too-many` above 256 tips. */
export function revokeDraft(o: { author: Bytes; node: Bytes; cut: Tip[]; why: string; seen: Tip[] }): FleetDraft[] {
  return spread(o.author, o.seen, [{ key: hex(o.node), type: 'revoke', body: { cut: tipItems(bounded(o.cut)), why: o.why } }]);
}

/** Gives events of a revoked node back: the ancestry of `tips`. Fault `too-many` above 256 tips. */
export function releaseDraft(o: { author: Bytes; node: Bytes; tips: Tip[]; seen: Tip[] }): FleetDraft[] {
  return spread(o.author, o.seen, [{ key: hex(o.node), type: 'release', body: { tips: tipItems(bounded(o.tips)) } }]);
}

function bounded(tips: Tip[]): Tip[] {
  if (tips.length > FLEET_TIPS) throw new Fault('too-many', `At most ${FLEET_TIPS} tips fit one event; this one has ${tips.length}.`);
  return sortTips(tips);
}

/** Starts a new fleet key (or one for `stream` alone), 32 random bytes: wrapped for all `members` but those of `except`, with the `before` keys sealed under it. */
export function keyDraft(crypto: Crypto, random: Random, o: { author: Bytes; key: Bytes; members: Recipient[]; except?: Bytes[]; before: Bytes[]; stream?: string; seen: Tip[] }): FleetDraft[] {
  if (o.before.length > BEFORE) throw new Fault('too-many', `A key seals at most ${BEFORE} older ones.`);
  const left = new Set((o.except ?? []).map(hex));
  const lots = wrapLots(crypto, random, o.key, o.members.filter((m) => !left.has(hex(m.node))));
  const before = o.before.map((older): Value => [keyHash(crypto, older), sealBefore(crypto, o.key, older)]);
  const name = hex(keyHash(crypto, o.key));
  const first = { key: name, type: 'key', body: { wraps: lots[0] ?? {}, before, ...(o.stream === undefined ? {} : { stream: o.stream }) } };
  return spread(o.author, o.seen, [first, ...lots.slice(1).map((wraps) => ({ key: name, type: 'wrap', body: { wraps } }))]);
}

/** Wraps a key for members that came later; nothing when there are none. */
export function wrapDraft(crypto: Crypto, random: Random, o: { author: Bytes; key: Bytes; members: Recipient[]; seen: Tip[] }): FleetDraft[] {
  const name = hex(keyHash(crypto, o.key));
  const drafts = wrapLots(crypto, random, o.key, o.members).map((wraps) => ({ key: name, type: 'wrap', body: { wraps } }));
  return drafts.length > 0 ? spread(o.author, o.seen, drafts) : [];
}

/** The key wrapped for each member, in lots that fit one event. A box key that nobody can hold gets none: its owner shut itself out, the others go on. */
function wrapLots(crypto: Crypto, random: Random, key: Bytes, members: Recipient[]): { [node: string]: Bytes }[] {
  const pairs: [string, Bytes][] = [];
  for (const member of members) {
    try {
      pairs.push([hex(member.node), wrapKey(crypto, random, member.box, key)]);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }
  const lots: { [node: string]: Bytes }[] = [];
  for (let i = 0; i < pairs.length; i += FLEET_WRAPS) lots.push(Object.fromEntries(pairs.slice(i, i + FLEET_WRAPS)));
  return lots;
}
