// Actors for the tests of the fleet: nodes that write real `$fleet` events, honestly or not, and hand them around.
import type { Tip } from '../../src/event/chain.ts';
import { Chain, chainStart, logId, sortTips } from '../../src/event/chain.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { hex } from '../../src/event/bytes.ts';
import type { Value } from '../../src/event/value.ts';
import type { FleetDraft } from '../../src/fleet/acts.ts';
import { joinDraft } from '../../src/fleet/acts.ts';
import type { FleetEvent } from '../../src/fleet/ancestry.ts';
import { fleetId, makeGenesis } from '../../src/fleet/genesis.ts';
import { makeInvite } from '../../src/fleet/invite.ts';
import { Membership } from '../../src/fleet/membership.ts';
import type { Rights } from '../../src/fleet/rights.ts';
import type { Crypto, Random } from '../../src/ports.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';

export const ZERO = new Uint8Array(8);
export const ALL: Rights = { admin: false, read: ['*'], write: ['*'] };
export const ADMIN: Rights = { admin: true, read: ['*'], write: ['*'] };

/** Bytes from a name: the same ones each time. */
export function fixed(label: string, length = 32): Uint8Array {
  return fakeCrypto.sha256(new TextEncoder().encode(label)).slice(0, length);
}

/** A Random port that gives the same bytes each time. */
export function fixedRandom(label: string): Random {
  let i = 0;
  return { bytes: (length) => fixed(`${label} ${i++}`, length) };
}

export interface Ticket { signed: Uint8Array; seed: Uint8Array; issuer: Uint8Array }

/** One process of a node: an open `$fleet` log, what it has and what it makes of that. */
export interface Actor {
  name: string; seed: Uint8Array; id: Uint8Array; boxSecret: Uint8Array; box: Uint8Array; view: Membership; has: Map<string, FleetEvent>;
  log: Uint8Array; position: number; before: Uint8Array; cites: Tip[]; incarnations: number; last: Tip | undefined;
}

/** A fleet with a root key and as many actors as wanted. */
export class Fleet {
  readonly crypto: Crypto;
  readonly rootSeed = fixed('root seed');
  readonly genesis: Uint8Array;
  readonly id: Uint8Array;
  readonly actors: Actor[] = [];
  readonly events: FleetEvent[] = [];
  clock = 0;
  #tickets = 0;

  constructor(crypto: Crypto = fakeCrypto) {
    this.crypto = crypto;
    this.genesis = makeGenesis('test', [crypto.signer(this.rootSeed)], fixed('salt', 16));
    this.id = fleetId(crypto, this.genesis);
  }

  /** A node that is no member yet. */
  actor(name: string): Actor {
    const seed = fixed(`seed ${name}`), boxSecret = fixed(`box ${name}`);
    const actor: Actor = {
      name, seed, id: this.crypto.signer(seed), boxSecret, box: this.crypto.boxKey(boxSecret), view: new Membership(this.crypto, this.genesis), has: new Map(),
      log: ZERO, position: 0, before: ZERO, cites: [], incarnations: 0, last: undefined,
    };
    this.open(actor);
    this.actors.push(actor);
    return actor;
  }

  /** A new incarnation, which cites the last log unless it is told otherwise. */
  open(actor: Actor, cites = actor.last ? [actor.last] : []): void {
    const opening = {
      fleet: this.id, node: actor.id, incarnation: fixed(`incarnation ${actor.name} ${actor.incarnations++}`, 16), stream: '$fleet', grant: ZERO, keyHash: null, boot: ZERO, cites: sortTips(cites),
    };
    Object.assign(actor, { log: logId(this.crypto, opening), position: 0, before: chainStart(this.crypto, opening), cites: opening.cites });
  }

  /** The actor writes drafts and has them at once. `ms` sets the stamp, otherwise time goes on. */
  write(actor: Actor, drafts: FleetDraft[], ms?: number): FleetEvent[] {
    const written = drafts.map((draft) => {
      const stamp = { generation: 0, ms: ms ?? ++this.clock, counter: actor.position };
      const e = new Chain(this.crypto, new Uint8Array(0), actor.before).next(encodeEvent({ ...draft, stamp, time: 0, joined: false }));
      const event: FleetEvent = { ...draft, node: actor.id, log: actor.log, position: ++actor.position, before: actor.before, e, stamp, cites: actor.position === 1 ? actor.cites : [] };
      actor.before = e;
      actor.last = tipOf(event);
      return event;
    });
    this.events.push(...written);
    this.give(actor, written);
    return written;
  }

  give(to: Actor, events: FleetEvent[]): void {
    for (const event of events) to.has.set(hex(event.e), event);
    to.view.add(events);
  }

  /** Everything that `from` has. */
  sync(from: Actor, ...to: Actor[]): void {
    for (const one of to) this.give(one, [...from.has.values()]);
  }

  /** Everybody gets everything. */
  meet(): void {
    for (const one of this.actors) this.give(one, this.events);
  }

  /** An invitation by an actor, or by the root key when there is none. */
  ticket(issuer: Actor | undefined, rights: Rights = ALL): Ticket {
    const n = this.#tickets++;
    const seed = fixed(`ticket ${n}`);
    const issuerSeed = issuer?.seed ?? this.rootSeed;
    const signed = makeInvite(this.crypto, { issuerSeed, fleet: this.id, inviteKey: this.crypto.signer(seed), rights, name: `ticket ${n}`, nonce: fixed(`nonce ${n}`, 16) });
    return { signed, seed, issuer: this.crypto.signer(issuerSeed) };
  }

  join(actor: Actor, ticket: Ticket, seen = actor.view.seen(actor.log)): FleetEvent {
    return this.write(actor, joinDraft(this.crypto, { fleet: this.id, node: actor.id, box: actor.box, name: actor.name, signed: ticket.signed, inviteSeed: ticket.seed, seen })).at(-1)!;
  }

  /** Founds the fleet with an admin. */
  found(name = 'founder'): Actor {
    const founder = this.actor(name);
    this.join(founder, this.ticket(undefined, ADMIN));
    return founder;
  }

  /** A new member that has seen what its inviter has. */
  invited(name: string, by: Actor, rights: Rights = ALL): Actor {
    const actor = this.actor(name);
    this.sync(by, actor);
    this.join(actor, this.ticket(by, rights));
    this.sync(actor, by);
    return actor;
  }

  /** A membership of exactly these events. */
  fold(events: FleetEvent[]): Membership {
    const view = new Membership(this.crypto, this.genesis);
    view.add(events);
    return view;
  }
}

export function tipOf(event: FleetEvent): Tip {
  return { log: event.log, position: event.position, e: event.e };
}

/** Some event with a body of its own. */
export function draftOf(type: string, key: string, body: Value): FleetDraft {
  return { type, key, body: body as FleetDraft['body'] };
}

export function grantOf(join: FleetEvent): Uint8Array {
  return join.e.slice(0, 8);
}
