// The node's desk for its fleet: identity, membership and keys, as the log, the sessions and the commands need them.
import type { Admitted, Bytes } from './ports.ts';
import type { Tip } from './event/chain.ts';
import type { Alarm } from './log/change.ts';
import type { Archive } from './log/archive.ts';
import type { Authority, FleetFact, Judgement } from './log/authority.ts';
import type { Author } from './log/writer.ts';
import type { FleetDraft } from './fleet/acts.ts';
import type { Identity } from './fleet/identity.ts';
import type { Keyring } from './fleet/keyring.ts';
import type { Standing } from './sync/host.ts';
import type { NodeOptions } from './node-options.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';
import { decodeEvent } from './event/event.ts';
import { keyHash } from './event/segment.ts';
import { keyDraft, wrapDraft } from './fleet/acts.ts';
import { fleetId, parseGenesis } from './fleet/genesis.ts';
import { decodeIdentity, encodeIdentity } from './fleet/identity.ts';
import { makeKeyring } from './fleet/keyring.ts';
import type { Member } from './fleet/membership.ts';
import { Membership } from './fleet/membership.ts';
import { mayWrite } from './fleet/rights.ts';
import { fleetFacts } from './log/fleet-facts.ts';

const ZERO_GRANT = new Uint8Array(8);
/** Older keys that a new one seals. */
const SEALED_KEYS = 64;

export interface FleetDesk {
  readonly fleet: Bytes;
  readonly node: Bytes;
  readonly name: string;
  readonly fleetName: string;
  readonly identity: Identity;
  readonly membership: Membership;
  readonly keyring: Keyring;
  readonly authority: Authority;
  readonly author: Author;
  /** Feeds the fold with what the store holds. */
  load(archive: Archive): Promise<void>;
  /** Hashes of the stream keys held, for the streams known here. */
  keyHashes(streams: string[]): Bytes[];
  judgePeer(node: Bytes): Standing;
  /** True while there are keys that the key file does not hold. */
  unsaved(): boolean;
  /** Names of all fleet keys held. */
  keyNames(): string[];
  /** Which of the live admins this node is (0: the first), when something is due that any of them could do; undefined otherwise. */
  dutyRank(): number | undefined;
  /** What is due. */
  duties(log: Bytes | undefined): FleetDraft[];
  /** Saves keys and grant. */
  save(grant?: Bytes): Promise<void>;
  alarms(): Alarm[];
}

/** Opens the desk from the key file. Faults: `no-fleet`, `bad-encoding` (the key file is damaged). */
export async function openDesk(options: NodeOptions): Promise<FleetDesk> {
  const bytes = await options.keys.load();
  if (!bytes) throw new Fault('no-fleet', 'this node belongs to no fleet yet; found one with `init` or enter one with `join`');
  return deskOf(options, decodeIdentity(bytes));
}

/** The desk of an identity. */
export function deskOf(options: NodeOptions, given: Identity): FleetDesk {
  const { crypto, random } = options;
  let identity = given;
  const fleet = fleetId(crypto, identity.genesis);
  const node = crypto.signer(identity.seed);
  const membership = new Membership(crypto, identity.genesis);
  const keyring = makeKeyring(crypto, { node, boxSecret: identity.boxSecret }, identity.keys);

  // Nothing is written under a key that the key file does not hold yet: after a crash nobody here could read it.
  let saving: Promise<void> = Promise.resolve();
  let saved = new Set(identity.keys.map((k) => hex(keyHash(crypto, k))));
  const key = (stream: string): { key: Bytes; hash: Bytes } | null => {
    const first = identity.keys[0];
    // Before any key event is known, the key that came with the token is the current one.
    const name = membership.currentKey(stream, (n) => saved.has(n)) ?? (first && hex(keyHash(crypto, first)));
    return (name !== undefined && keyring.streamKey(name, stream)) || null;
  };

  const current = (): string | undefined => membership.currentKey('-', (n) => keyring.has(n));
  /** Members that read and for whom no admin has wrapped the current key. */
  const unwrapped = (): Member[] => {
    const name = current();
    return name === undefined ? [] : membership.lacking(name).filter((m) => readsAll(m.rights.read) && !equal(m.node, node));
  };

  /** A new key is due after a revocation, and where keys were started at the same time: it leads whoever gets it to all of them. */
  const rotationDue = (): boolean => {
    const newest = membership.currentKey('-', () => true);
    return membership.rotationDue() || (newest !== undefined && keyring.has(newest) && membership.strayKeys(null, SEALED_KEYS).some((name) => keyring.has(name)));
  };

  const judge = (author: Bytes, grant: Bytes, stream: string): Judgement => {
    const standing = membership.standing(author, stream === '$fleet' ? ZERO_GRANT : grant);
    if (standing.state === 'unknown') return { state: 'waiting', why: 'unknown' };
    if (!mayWrite(standing.rights, stream)) return { state: 'waiting', why: 'no-right' };
    return standing.state === 'live' ? { state: 'live' } : { state: 'killed', cuts: standing.cuts, releases: standing.releases };
  };

  const authority: Authority = {
    judge,
    wouldJoin: (fact: FleetFact) => membership.wouldJoin(fact),
    learn(facts) {
      keyring.learn(facts);
      return membership.add(facts);
    },
    keyOf: (stream, hash) => (hash === null ? null : keyring.find(stream, hash)),
  };

  return {
    fleet, node, membership, keyring, authority,
    name: identity.name,
    fleetName: parseGenesis(identity.genesis).name,
    get identity() { return identity; },
    author: {
      seed: identity.seed, node, key,
      grant: (stream) => (stream === '$fleet' ? ZERO_GRANT : membership.member(node)?.grant ?? identity.grant ?? ZERO_GRANT),
      check(stream) {
        const member = membership.member(node);
        if (member?.state === 'live' && !mayWrite(member.rights, stream)) throw new Fault('no-right', `this node may not write stream ${stream}: its grant allows ${member.rights.write.join(', ') || 'none'}; an admin can invite it with more`);
      },
    },
    async load(archive) {
      for await (const facts of fleetFacts(archive)) authority.learn(facts);
    },
    keyHashes: (streams) => streams.filter((s) => !s.startsWith('$')).flatMap((s) => keyring.list().map((k) => keyring.streamKey(hex(keyHash(crypto, k)), s)!.hash)),
    judgePeer(peer) {
      const member = membership.member(peer);
      return !member ? 'stranger' : member.state === 'live' ? 'member' : 'revoked';
    },
    unsaved: () => keyring.list().some((k) => !saved.has(hex(keyHash(crypto, k)))),
    keyNames: () => keyring.list().map((k) => hex(keyHash(crypto, k))),
    dutyRank() {
      const self = membership.member(node);
      if (self?.state !== 'live' || !self.rights.admin || (!rotationDue() && !unwrapped().length)) return undefined;
      return membership.members().filter((m) => m.state === 'live' && m.rights.admin).findIndex((m) => equal(m.node, node));
    },
    duties(log) {
      if (rotationDue()) {
        const members = membership.members().filter((m) => m.state === 'live' && readsAll(m.rights.read));
        return keyDraft(crypto, random, { author: node, key: random.bytes(32), members, before: olderKeys(membership, keyring), seen: membership.seen(log) });
      }
      const members = unwrapped();
      const name = current();
      return members.length ? wrapDraft(crypto, random, { author: node, key: keyring.get(name!)!, members, seen: membership.seen(log) }) : [];
    },
    save(grant) {
      // One after the other: each begins with what the last one left, so that none writes over what another learnt.
      const mine = saving.catch(() => undefined).then(async () => {
        const first = identity.keys[0];
        const rest = keyring.list().filter((k) => !first || !equal(k, first));
        const name = current();
        const keys = first ? [first, ...rest] : rest;
        const now = name === undefined ? undefined : keyring.get(name);
        const whole = { ...identity, grant: grant ?? identity.grant, keys: now ? [now, ...keys.filter((k) => !equal(k, now))] : keys };
        await options.keys.save(encodeIdentity(whole));
        identity = whole;
        saved = new Set(whole.keys.map((k) => hex(keyHash(crypto, k))));
      });
      saving = mine;
      mine.catch(() => undefined); // whoever asked for it awaits it
      return mine;
    },
    alarms: () => membership.alarms().map((a) => ({ code: a.code, node: a.node, log: null, text: a.text })),
  };
}

/** The events of an own run of `$fleet` as facts; `before` is e(first-1). */
export function factsIn(run: Admitted, log: Bytes, before: Bytes, cites: Tip[]): FleetFact[] {
  return Array.from(run.ends, (end, i) => ({
    ...decodeEvent(run.bytes.subarray(i ? run.ends[i - 1]! : 0, end)), node: run.node, log, position: run.first + i,
    before: i ? run.hashes.slice(i * 32 - 32, i * 32) : before, e: run.hashes.slice(i * 32, i * 32 + 32), cites: run.first + i === 1 ? cites : [],
  }));
}

/** The keys that a new one seals: those in effect, the latest 64, so that who gets the new one can read on. */
export function olderKeys(membership: Membership, keyring: Keyring): Bytes[] {
  return membership.keys(null).map((name) => keyring.get(name)).filter((key) => key !== undefined).slice(-SEALED_KEYS);
}

/** True for rights that reach every ordinary stream: who has them gets the fleet's key. */
export function readsAll(read: string[]): boolean {
  return read.includes('*');
}
