// What admins do to their fleet: invite, revoke, release. None of it needs a connection.
import type { Bytes } from './ports.ts';
import type { Tip } from './event/chain.ts';
import type { Rights } from './fleet/rights.ts';
import type { Node } from './node.ts';
import { Fault } from './fault.ts';
import { FLEET_TIPS } from './limits.ts';
import { equal, hex } from './event/bytes.ts';
import { sortTips } from './event/chain.ts';
import { parseSegment } from './event/segment.ts';
import { inviteDraft, keyDraft, releaseDraft, revokeDraft } from './fleet/acts.ts';
import { makeInvite } from './fleet/invite.ts';
import { encodeToken } from './fleet/token.ts';
import { itemsIn, pages, recordOf } from './log/archive.ts';
import { TIP } from './log/item.ts';
import { prefixEnd } from './log/place.ts';
import { olderKeys, readsAll } from './node-fleet.ts';
import { segmentsOf } from './node-host.ts';

/** Logs that a revocation names beside the tips. */
const NAMED_ENDS = 64;

/** Whom to invite: `name` of the invitation; rights as patterns (`*` for all streams, none by default for `read` means a relay that carries what it cannot read). */
export interface Invitation { name?: string; admin?: boolean; read?: string[]; write?: string[]; addresses?: string[]; root?: Bytes }

/** Makes a token that lets one node in. It is signed by this node as an admin, or by the root key when its seed is given. Faults: `not-admin`, `unsupported` (reading some streams only), `no-key`, those of `Node.append`. */
export async function invite(node: Node, o: Invitation): Promise<string> {
  const { crypto, random } = node.options;
  const { membership, identity, keyring } = node.desk;
  const rights: Rights = { admin: o.admin === true, read: o.read ?? ['*'], write: o.write ?? ['*'] };
  if (rights.read.length && !readsAll(rights.read)) throw new Fault('unsupported', 'a member reads all streams (read: *) or none; streams with readers of their own are not there yet');
  const issuerSeed = o.root ?? identity.seed;
  const issuer = crypto.signer(issuerSeed);
  const context = membership.context(issuer);
  if (!context) throw new Fault('not-admin', o.root ? 'this is not the root key of the fleet' : 'only an admin invites; run this on an admin node, or give the root key');
  const seed = random.bytes(32);
  const signed = makeInvite(crypto, { issuerSeed, fleet: node.fleet, inviteKey: crypto.signer(seed), rights, name: o.name ?? 'node', nonce: random.bytes(16) });
  if (membership.member(node.id)?.state === 'live') await node.appendFleet(inviteDraft({ author: node.id, signed, seen: membership.seen(node.fleetLog()) }));
  await node.checkpoint();
  const current = membership.currentKey('-', (n) => keyring.has(n));
  const keys = readsAll(rights.read) ? sortKeys(node, current) : [];
  return encodeToken({ genesis: identity.genesis, signed, seed, keys, addresses: o.addresses ?? [], context: await segmentsOf(node, context) });
}

function sortKeys(node: Node, current: string | undefined): Bytes[] {
  const { keyring, identity } = node.desk;
  const keys = keyring.list();
  const first = (current !== undefined && keyring.get(current)) || identity.keys[0];
  return first ? [first, ...keys.filter((k) => !equal(k, first))].slice(0, 16) : keys;
}

/** Revokes a node: what this node holds of it stays valid, everything else of it is quarantined everywhere; a new key starts. Faults: `not-admin`, `not-found`, `too-many`. */
export async function revoke(node: Node, target: Bytes, why: string): Promise<void> {
  const { crypto, random } = node.options;
  const { membership, keyring } = node.desk;
  const self = membership.member(node.id);
  if (self?.state !== 'live' || !self.rights.admin) throw new Fault('not-admin', 'only an admin revokes; run this on an admin node');
  if (!membership.member(target)) throw new Fault('not-found', `there is no node ${hex(target)} in this fleet`);
  node.seal();
  const tips = itemsIn(node.archive, () => true).filter((i) => i.kind === TIP && equal(i.node, target)).map((i): Tip => ({ log: i.log, position: i.to, e: i.after }));
  if (tips.length > FLEET_TIPS) throw new Fault('too-many', `node ${hex(target)} has ${tips.length} tips here, more than the ${FLEET_TIPS} that a revocation can cite; let it be repaired by one more start of the node`);
  await node.appendFleet(revokeDraft({ author: node.id, node: target, cut: sortTips([...tips, ...await recentEnds(node, target, tips)]), why, seen: membership.seen(node.fleetLog()) }));
  if (!membership.rotationDue()) return;
  const members = membership.members().filter((m) => m.state === 'live' && readsAll(m.rights.read));
  await node.appendFleet(keyDraft(crypto, random, { author: node.id, key: random.bytes(32), members, before: olderKeys(membership, keyring), seen: membership.seen(node.fleetLog()) }));
}

/**
 * Ends of a node's latest logs that others of its logs cite, as many as fit beside its tips: a cut reaches them anyway, but where several admins revoke at
 * once, naming them keeps what all had seen (FORMAT section 6, rule 4).
 */
async function recentEnds(node: Node, target: Bytes, tips: Tip[]): Promise<Tip[]> {
  const ends: { height: number; tip: Tip }[] = [];
  for await (const row of pages(node.archive.store, 'lineage', target, prefixEnd(target), 256)) {
    const record = await recordOf(node.archive, row.key.slice(-16));
    for (const span of record?.spans ?? []) ends.push({ height: record!.height, tip: { log: record!.log, position: span.to, e: span.after } });
    if (ends.length > 4 * NAMED_ENDS) ends.sort((a, b) => b.height - a.height).splice(NAMED_ENDS);
  }
  const fresh = ends.filter(({ tip }) => !tips.some((other) => equal(other.log, tip.log)));
  return fresh.sort((a, b) => b.height - a.height).slice(0, Math.max(0, Math.min(NAMED_ENDS, FLEET_TIPS - tips.length))).map(({ tip }) => tip);
}

/** Gives back what lies in quarantine of a revoked node here. Faults: `not-admin`, `not-found` (nothing lies there). */
export async function release(node: Node, target: Bytes): Promise<void> {
  const { membership } = node.desk;
  const self = membership.member(node.id);
  if (self?.state !== 'live' || !self.rights.admin) throw new Fault('not-admin', 'only an admin releases; run this on an admin node');
  const ends = new Map<string, Tip>();
  for await (const row of pages(node.archive.store, 'quarantine', target, prefixEnd(target), 64)) {
    const { header } = parseSegment(row.value);
    const log = row.key.slice(32, 48), position = header.first + header.count - 1;
    const old = ends.get(hex(log));
    if (!old || old.position < position) ends.set(hex(log), { log, position, e: header.after });
  }
  if (!ends.size) throw new Fault('not-found', `nothing of node ${hex(target)} lies in quarantine here`);
  await node.appendFleet(releaseDraft({ author: node.id, node: target, tips: sortTips([...ends.values()].slice(0, FLEET_TIPS)), seen: membership.seen(node.fleetLog()) }));
}
