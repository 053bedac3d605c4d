// How a node comes to belong to a fleet: by founding one, or by joining with a token. Neither needs a connection.
import type { Bytes } from './ports.ts';
import type { NodeOptions } from './node-options.ts';
import { Fault } from './fault.ts';
import { joinDraft, keyDraft } from './fleet/acts.ts';
import { makeGenesis } from './fleet/genesis.ts';
import { decodeIdentity, encodeIdentity } from './fleet/identity.ts';
import { makeInvite } from './fleet/invite.ts';
import { decodeToken } from './fleet/token.ts';
import { Node } from './node.ts';

/**
 * Founds a fleet with this node as its first member and admin. `rootSeed` (32 bytes) is returned once and kept nowhere: it can invite new admins
 * when all are lost, so it belongs off the device; `keepRoot` may make it durable before there is a fleet that depends on it.
 * Faults: `fleet-exists`, those of the store and the key file.
 */
export async function createFleet(options: NodeOptions, names: { name: string; nodeName: string }, keepRoot?: (rootSeed: Bytes, fleet: Bytes) => Promise<void>): Promise<{ rootSeed: Bytes; node: Node }> {
  await refuseExisting(options);
  const { crypto, random } = options;
  const rootSeed = random.bytes(32), seed = random.bytes(32), boxSecret = random.bytes(32), inviteSeed = random.bytes(32), fleetKey = random.bytes(32);
  const genesis = makeGenesis(names.name, [crypto.signer(rootSeed)], random.bytes(16));
  await options.keys.save(encodeIdentity({ seed, boxSecret, genesis, name: names.nodeName, grant: null, keys: [fleetKey], context: [] }));
  const node = await Node.open(options, true);
  await keepRoot?.(rootSeed, node.fleet);
  const signed = makeInvite(crypto, {
    issuerSeed: rootSeed, fleet: node.fleet, inviteKey: crypto.signer(inviteSeed), rights: { admin: true, read: ['*'], write: ['*'] }, name: names.nodeName, nonce: random.bytes(16),
  });
  await node.appendFleet(joinDraft(crypto, { fleet: node.fleet, node: node.id, box: crypto.boxKey(boxSecret), name: names.nodeName, signed, inviteSeed, seen: [] }));
  await node.appendFleet(keyDraft(crypto, random, { author: node.id, key: fleetKey, members: [{ node: node.id, box: crypto.boxKey(boxSecret) }], before: [], seen: node.desk.membership.seen(node.fleetLog()) }));
  await entered(node);
  return { rootSeed, node };
}

/** Joins the fleet of a token. Faults: `bad-token`, `fleet-exists`, those of the store and the key file. */
export async function joinFleet(options: NodeOptions, token: string, names: { nodeName: string }): Promise<Node> {
  const { crypto, random } = options;
  const read = decodeToken(crypto, token);
  await refuseExisting(options);
  const seed = random.bytes(32), boxSecret = random.bytes(32);
  await options.keys.save(encodeIdentity({ seed, boxSecret, genesis: read.genesis, name: names.nodeName, grant: null, keys: read.keys, context: read.context }));
  const node = await Node.open(options, true);
  await node.admit(read.context);
  await node.appendFleet(joinDraft(crypto, {
    fleet: node.fleet, node: node.id, box: crypto.boxKey(boxSecret), name: names.nodeName, signed: read.signed, inviteSeed: read.seed, seen: node.desk.membership.seen(),
  }));
  await entered(node);
  return node;
}

async function refuseExisting(options: NodeOptions): Promise<void> {
  const there = await options.keys.load();
  // An identity without a grant is a setup that was interrupted before its join: it may be begun again.
  if (there && decodeIdentity(there).grant) throw new Fault('fleet-exists', 'this directory holds a node of a fleet already; choose another directory for a new one');
}

/** The last step: with its grant in the key file the node is set up, and has duties. */
async function entered(node: Node): Promise<void> {
  const member = node.desk.membership.member(node.id);
  if (member?.state !== 'live') throw new Fault('bad-token', 'this invitation does not make a member: its issuer was revoked, or what shows it to be an admin is missing; ask for a new one');
  await node.desk.save(member.grant);
}
