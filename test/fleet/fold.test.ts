// The fold of a fleet's history against the rules written down naively, and against itself: any order, any batches, any part that is not admitted left out.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { encode } from '../../src/event/cbor.ts';
import type { Tip } from '../../src/event/chain.ts';
import { inviteDraft, keyDraft, releaseDraft, revokeDraft } from '../../src/fleet/acts.ts';
import type { FleetEvent } from '../../src/fleet/ancestry.ts';
import type { Membership } from '../../src/fleet/membership.ts';
import { runs } from '../event/samples.ts';
import type { Actor, Ticket } from './actors.ts';
import { ADMIN, ALL, Fleet, ZERO, draftOf, fixed, fixedRandom, tipOf } from './actors.ts';
import { reference } from './reference.ts';

const test = suite('fold');

type Step = [kind: number, a: number, b: number, c: number];
const steps = fc.array(fc.tuple(fc.nat(19), fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 40 });
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length]!;

/** A history: honest and lying members, partial knowledge, back-dating, copies of a disk, forged joins. */
function history(script: Step[]): Fleet {
  const fleet = new Fleet(), founder = fleet.found();
  const people = [founder, fleet.invited('admin', founder, ADMIN), fleet.invited('member', founder), fleet.actor('guest'), fleet.actor('other guest')];
  fleet.meet();
  const tickets: Ticket[] = [fleet.ticket(founder)];
  const memories = [founder.view.seen()];
  const random = fixedRandom('keys');
  for (const [kind, a, b, c] of script) {
    const one = pick(people, a), other = pick(people, b);
    // Mostly a member cites what it has; a liar only what it had at some time, or next to nothing.
    const seen = c % 4 === 0 ? pick(memories, b) : c % 4 === 1 ? [] : one.view.seen(one.log);
    const cut = [...one.has.values()].filter((e) => hex(e.node) === hex(other.id) && e.position % 3 === c % 3).map(tipOf).slice(-2);
    if (kind < 2) fleet.give(other, parts([...one.has.values()], c));
    else if (kind < 5) fleet.sync(one, other);
    else if (kind === 5) tickets.push(fleet.ticket(c % 7 === 0 ? undefined : one, b % 2 ? ADMIN : ALL));
    else if (kind === 6) fleet.join(one, pick(tickets, b), seen);
    else if (kind < 9) {
      if (c % 5) fleet.sync(one, other);
      tickets.push(fleet.ticket(one, c % 2 ? ADMIN : ALL));
      if (c % 3 === 0) fleet.write(one, inviteDraft({ author: one.id, signed: tickets.at(-1)!.signed, seen }));
      if (c % 7) fleet.join(other, tickets.at(-1)!);
      if (c % 11 > 4) fleet.sync(other, one);
    } else if (kind < 12) fleet.write(one, revokeDraft({ author: one.id, node: other.id, cut, why: '', seen }));
    else if (kind === 12) fleet.write(one, inviteDraft({ author: one.id, signed: pick(tickets, b).signed, seen }), c % 2 ? 1 : undefined);
    else if (kind === 13) fleet.write(one, releaseDraft({ author: one.id, node: other.id, tips: cut, seen }));
    else if (kind === 14) fleet.open(one, c % 2 && one.last ? [one.last] : cut.slice(0, c % 3));
    else if (kind === 15) fleet.write(one, keyDraft(fleet.crypto, random, { author: one.id, key: fixed(`key ${c}`), members: [], before: [], seen }), c % 3 ? 5 : undefined);
    else if (kind === 16) fork(fleet, one, seen);
    else if (kind === 17) forge(fleet, one, other, pick(tickets, b), c);
    else memories.push(one.view.seen());
  }
  return fleet;
}

/** A join that is not what it seems. */
function forge(fleet: Fleet, one: Actor, other: Actor, ticket: Ticket, n: number): void {
  const seen = one.view.seen(one.log), false_ = n % 5;
  const strange = new Fleet();
  Object.assign(strange, { id: fixed('another fleet') });
  const honest = fleet.events.filter((e) => e.type === 'join');
  if (false_ === 0) fleet.join(one, { ...ticket, seed: fixed('no') }, seen);
  else if (false_ === 1) fleet.join(one, strange.ticket(other, ADMIN), seen);
  else if (false_ === 2) fleet.write(one, [draftOf('join', hex(one.id), pick(honest, n).body)]);
  else if (false_ === 3) fleet.write(one, [draftOf('join', hex(other.id), pick(honest, n).body)]);
  else fleet.write(one, [draftOf('invite', hex(fixed('no')), { invite: ticket.signed, seen: [] })]);
}

function parts(events: FleetEvent[], n: number): FleetEvent[] {
  return events.filter((_, i) => (n >>> (i % 20)) % 2 === 0);
}

/** Two events at one position, as of a machine that was copied while it ran. */
function fork(fleet: Fleet, one: Actor, seen: Tip[]): void {
  const { position, before, last } = one;
  const body = { seen: seen.map((t) => [t.log, t.position, t.e]) };
  fleet.write(one, [draftOf('one way', 'x', body)]);
  Object.assign(one, { position, before, last });
  fleet.write(one, [draftOf('the other way', 'x', body)]);
}

const grants = (fleet: Fleet): [Uint8Array, Uint8Array][] =>
  [...fleet.actors.map((a): [Uint8Array, Uint8Array] => [a.id, ZERO]), ...fleet.events.filter((e) => e.type === 'join').map((e): [Uint8Array, Uint8Array] => [e.node, e.e.slice(0, 8)])];

/** All answers of a membership as text. */
function answers(fleet: Fleet, view: Membership): string {
  const standings = grants(fleet).map(([node, grant]) => view.standing(node, grant));
  return hex(encode([standings, view.summary(), view.members(), view.heads(), view.alarms(), view.keys(null), view.currentKey('telemetry', () => true) ?? null, view.rotationDue(), view.waiting].map(plain)));
}

function plain(item: unknown): unknown {
  return item;
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  const keyed = list.map((item, i) => ({ item, by: hex(fixed(`${seed} ${i}`, 4)) }));
  return keyed.sort((a, b) => (a.by < b.by ? -1 : 1)).map((k) => k.item);
}

test('says what the rules say', () => {
  fc.assert(fc.property(steps, (script) => {
    const fleet = history(script);
    const told = reference(fleet.crypto, fleet.id, [fleet.crypto.signer(fleet.rootSeed)], fleet.events);
    const view = fleet.fold(fleet.events);
    const live = fleet.events.filter((e) => e.type === 'join' && view.wouldJoin(e)).map((e) => hex(e.e)).sort();
    assert.equal(live, told.live);
    const { keys, releases } = view.summary() as { keys: Uint8Array[]; releases: Uint8Array[] };
    assert.equal([...keys, ...releases].map(hex).sort(), told.inEffect);
    for (const actor of fleet.actors) {
      const standing = view.standing(actor.id, ZERO);
      const mine = fleet.events.filter((e) => hex(e.node) === hex(actor.id));
      const admitted = mine.filter((e) => told.admitted.includes(hex(e.e)));
      assert.is(standing.state === 'live', mine.some((e) => told.live.includes(hex(e.e))), actor.name);
      if (standing.state !== 'killed') continue;
      // In `$fleet` the releases name all that is admitted.
      const tips = new Set(standing.releases.map((t) => hex(t.e)));
      for (const event of admitted) if (!mine.some((e) => e !== event && told.admitted.includes(hex(e.e)) && hex(e.before) === hex(event.e))) assert.ok(tips.has(hex(event.e)) || admitted.some((e) => e.cites.some((t) => hex(t.e) === hex(event.e))), 'admitted');
    }
    const heads = new Set(view.heads().map((t) => hex(t.e)));
    const seen = new Set(fleet.events.filter((e) => told.admitted.includes(hex(e.e))).flatMap((e) => [hex(e.before), ...e.cites.map((t) => hex(t.e)), ...(e.body as { seen: [Uint8Array, number, Uint8Array][] }).seen.map((t) => hex(t[2]))]));
    assert.equal([...heads].sort(), told.admitted.filter((e) => !seen.has(e)).sort());
  }), runs(400));
});

test('depends on the set alone: any order, batches, duplicates', () => {
  fc.assert(fc.property(steps, fc.nat(), fc.nat({ max: 5 }), (script, seed, size) => {
    const fleet = history(script);
    const whole = answers(fleet, fleet.fold(fleet.events));
    const view = fleet.fold([]);
    const mixed = shuffled([...fleet.events, ...parts(fleet.events, seed)], seed);
    for (let i = 0; i < mixed.length; i += size + 1) {
      view.add(mixed.slice(i, i + size + 1));
      // Asking in between changes nothing.
      if (i % 3 === 0) view.summary();
    }
    assert.is(answers(fleet, view), whole);
    for (const actor of fleet.actors) fleet.give(actor, shuffled(fleet.events, seed + 1));
    for (const actor of fleet.actors) assert.is(answers(fleet, actor.view), whole);
  }), runs(200));
});

test('what is not admitted may be there or not', () => {
  fc.assert(fc.property(steps, fc.nat(), (script, seed) => {
    const fleet = history(script);
    const roots = [fleet.crypto.signer(fleet.rootSeed)];
    const { admitted } = reference(fleet.crypto, fleet.id, roots, fleet.events);
    const whole = fleet.fold(fleet.events);
    const rest = fleet.events.filter((e, i) => admitted.includes(hex(e.e)) || (seed >>> (i % 30)) % 2 === 0);
    const view = fleet.fold(rest);
    assert.equal(view.summary(), whole.summary());
    assert.is(view.currentKey('telemetry', () => true), whole.currentKey('telemetry', () => true));
    assert.is(view.rotationDue(), whole.rotationDue());
    for (const [node, grant] of grants(fleet)) assert.is(view.standing(node, grant).state === 'live', whole.standing(node, grant).state === 'live');
  }), runs(300));
});

test('names every node whose standing changed', () => {
  fc.assert(fc.property(steps, fc.nat(), (script, seed) => {
    const fleet = history(script);
    const view = fleet.fold([]);
    const told = new Map<string, string>();
    for (const event of shuffled(fleet.events, seed)) {
      const would = view.wouldJoin(event), waiting = view.waiting;
      const changed = new Set(view.add([event]).map(hex));
      // Unless it brought in others that had waited for it.
      if (would && view.waiting === waiting) assert.is(view.standing(event.node, event.e.slice(0, 8)).state, 'live');
      for (const [node, grant] of grants(fleet)) {
        const key = `${hex(node)} ${hex(grant)}`, now = hex(encode(view.standing(node, grant)));
        if (now !== (told.get(key) ?? hex(encode({ state: 'unknown' })))) assert.ok(changed.has(hex(node)), key);
        told.set(key, now);
      }
    }
  }), runs(150));
});

test.run();
