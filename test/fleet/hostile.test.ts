// Whatever stands in a body: nothing throws, nobody gains, and what was agreed on stays so.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import type { Value } from '../../src/event/value.ts';
import { inviteDraft, joinDraft, keyDraft, releaseDraft, revokeDraft, wrapDraft } from '../../src/fleet/acts.ts';
import { makeKeyring } from '../../src/fleet/keyring.ts';
import { runs, values } from '../event/samples.ts';
import { ADMIN, Fleet, ZERO, draftOf, fixed, fixedRandom, tipOf } from './actors.ts';

const test = suite('hostile');
const TYPES = ['join', 'invite', 'revoke', 'release', 'key', 'wrap', 'seen', 'later'];

/** A fleet and one good body of each type, by a member that is no admin. */
function setting() {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder), admin = fleet.invited('admin', founder, ADMIN);
  fleet.meet();
  const random = fixedRandom('hostile'), ticket = fleet.ticket(member), tips = [tipOf(fleet.events[0]!)], seen = member.view.seen(member.log);
  const members = member.view.members();
  const good = [
    joinDraft(fleet.crypto, { fleet: fleet.id, node: member.id, box: member.box, name: 'x', signed: ticket.signed, inviteSeed: ticket.seed, seen }), inviteDraft({ author: member.id, signed: ticket.signed, seen }),
    revokeDraft({ author: member.id, node: founder.id, cut: tips, why: 'x', seen }), releaseDraft({ author: member.id, node: founder.id, tips, seen }),
    keyDraft(fleet.crypto, random, { author: member.id, key: fixed('k'), members, before: [fixed('b')], seen }), wrapDraft(fleet.crypto, random, { author: member.id, key: fixed('k'), members, seen }),
  ].map((drafts) => drafts[0]!);
  return { fleet, founder, member, admin, good };
}

/** The value with one place in it replaced, removed or repeated. */
function spoiled(value: Value, path: number[], by: Value, how: number): Value {
  const [step, ...rest] = path;
  if (step === undefined) return by;
  if (value instanceof Uint8Array) return how % 3 === 0 ? value.slice(1) : how % 3 === 1 ? value.map((b, i) => (i === step % value.length ? b ^ 1 : b)) : by;
  if (Array.isArray(value) && value.length > 0) {
    const i = step % value.length;
    if (how % 4 === 0) return value.filter((_, j) => j !== i);
    if (how % 4 === 1) return [...value, ...value];
    return value.map((item, j) => (j === i ? spoiled(item, rest, by, how) : item));
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0) {
    const key = Object.keys(value)[step % Object.keys(value).length]!;
    if (how % 5 === 0) return Object.fromEntries(Object.entries(value).filter(([k]) => k !== key));
    return { ...value, [key]: spoiled(value[key]!, rest, by, how) };
  }
  return by;
}

const script = fc.array(fc.record({ type: fc.constantFrom(...TYPES), key: fc.nat(4), good: fc.nat(5), path: fc.array(fc.nat(9), { maxLength: 4 }), how: fc.nat(59), value: values, wild: fc.boolean(), who: fc.nat(2) }), { minLength: 1, maxLength: 12 });

test('bodies of any kind, near good ones and far from them', () => {
  fc.assert(fc.property(script, (list) => {
    const { fleet, founder, member, admin, good } = setting();
    const stranger = fleet.actor('stranger');
    const before = founder.view.standing(founder.id, ZERO);
    const keyring = makeKeyring(fleet.crypto, { node: member.id, boxSecret: member.boxSecret }, []);
    for (const { type, key, good: n, path, how, value, wild, who } of list) {
      const draft = good[n]!;
      const body = wild ? value : spoiled(draft.body, path, value, how);
      const event = draftOf(wild ? type : draft.type, [draft.key, 'x', hex(founder.id), hex(member.id), '0'.repeat(32)][key]!, body);
      fleet.write([member, stranger, stranger][who]!, [event]);
      keyring.learn([event]);
    }
    founder.view.add(fleet.events);
    assert.equal(founder.view.standing(founder.id, ZERO), before, 'who is no admin takes nothing from anybody');
    assert.is(founder.view.standing(stranger.id, ZERO).state, 'unknown');
    assert.equal(founder.view.keys(null), []);
    for (const node of [admin, member]) assert.is(founder.view.standing(node.id, ZERO).state, 'live');
    assert.equal(founder.view.members().filter((m) => m.rights.admin).map((m) => m.name).sort(), ['admin', 'founder']);
    founder.view.summary();
    founder.view.alarms();
    for (const event of fleet.events) founder.view.wouldJoin(event);
  }), runs(400));
});

test('an admin that writes nonsense breaks nothing', () => {
  fc.assert(fc.property(script, (list) => {
    const { fleet, founder, admin, good } = setting();
    for (const { type, key, good: n, path, how, value, wild } of list) {
      const draft = good[n]!;
      fleet.write(admin, [draftOf(wild ? type : draft.type, [draft.key, 'x', hex(admin.id), '__proto__', '0'.repeat(64)][key]!, wild ? value : spoiled(draft.body, path, value, how))]);
    }
    founder.view.add(fleet.events);
    assert.equal(fleet.fold([...fleet.events].reverse()).summary(), founder.view.summary());
    founder.view.alarms();
    founder.view.currentKey('telemetry', () => true);
  }), runs(200));
});

test('events whose places cannot be', () => {
  const { fleet, founder } = setting();
  const [join] = fleet.events;
  const position = (n: number) => ({ ...join!, position: n, e: fixed(`e ${n}`) });
  const self = { ...join!, e: fixed('self'), position: 2, before: fixed('self') };
  const long = { ...join!, e: fixed('long'), cites: Array.from({ length: 64 }, (_, i) => ({ log: fixed(`${i}`, 16), position: 2 ** 53 - 1, e: fixed(`${i}`) })) };
  assert.equal(founder.view.add([position(2 ** 53 - 1), position(7), self, long]), []);
  assert.is(founder.view.waiting, 4);
  assert.equal(founder.view.members().length, 3);
});

test('a join whose signatures are bad gives its author nothing, and its events are in nobody else\'s way', () => {
  const { fleet, founder } = setting();
  const liar = fleet.actor('liar'), ticket = fleet.ticket(founder);
  fleet.sync(founder, liar);
  const heads = founder.view.heads();
  fleet.join(liar, { ...ticket, seed: fixed('no') });
  fleet.sync(liar, founder);
  assert.equal(founder.view.heads(), heads);
  assert.is(founder.view.standing(liar.id, ZERO).state, 'unknown');
});

test.run();
