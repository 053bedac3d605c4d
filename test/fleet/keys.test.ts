// Fleet keys: wrapping, rotation after a revocation, latecomers, the choice of the current key, keyrings.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { keyHash } from '../../src/event/segment.ts';
import type { FleetDraft } from '../../src/fleet/acts.ts';
import { keyDraft, revokeDraft, wrapDraft } from '../../src/fleet/acts.ts';
import type { Keyring } from '../../src/fleet/keyring.ts';
import { makeKeyring } from '../../src/fleet/keyring.ts';
import { openBefore, sealBefore, streamKey, unwrapKey, wrapKey } from '../../src/fleet/wrap.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import { code, runs } from '../event/samples.ts';
import type { Actor } from './actors.ts';
import { ADMIN, Fleet, fixed, fixedRandom, tipOf } from './actors.ts';

const test = suite('keys');
const random = fixedRandom('keys');

const nameOf = (fleet: Fleet, key: Uint8Array) => hex(keyHash(fleet.crypto, key));
const ring = (fleet: Fleet, actor: Actor, keys: Uint8Array[] = []): Keyring => makeKeyring(fleet.crypto, { node: actor.id, boxSecret: actor.boxSecret }, keys);
const newKey = (fleet: Fleet, by: Actor, key: Uint8Array, more: { except?: Uint8Array[]; before?: Uint8Array[]; stream?: string; seen?: [] } = {}): FleetDraft[] =>
  keyDraft(fleet.crypto, random, { author: by.id, key, members: by.view.members().filter((m) => m.state === 'live'), before: [], seen: by.view.seen(by.log), ...more });

test('sealed for a member: only its box opens it, and only whole', () => {
  const crypto = createCrypto(), key = fixed('key'), secret = fixed('box secret');
  const sealed = wrapKey(crypto, random, crypto.boxKey(secret), key);
  assert.is(sealed.length, 80);
  assert.equal(unwrapKey(crypto, secret, sealed), key);
  assert.is(unwrapKey(crypto, fixed('other'), sealed), undefined);
  for (let i = 0; i < 80; i += 7) assert.is(unwrapKey(crypto, secret, sealed.map((b, j) => (i === j ? b ^ 4 : b))), undefined);
  assert.is(unwrapKey(crypto, secret, sealed.slice(1)), undefined);
  assert.is(unwrapKey(crypto, secret, new Uint8Array(80)), undefined);
  assert.is(code(() => wrapKey(crypto, random, new Uint8Array(32), key)), 'bad-argument');
  const older = fixed('older'), before = sealBefore(crypto, key, older), hash = keyHash(crypto, older);
  assert.is(before.length, 48);
  assert.equal(openBefore(crypto, key, hash, before), older);
  assert.is(openBefore(crypto, fixed('no'), hash, before), undefined);
  assert.is(openBefore(crypto, key, keyHash(crypto, key), before), undefined);
  assert.not.equal(streamKey(crypto, key, 'a'), streamKey(crypto, key, 'b'));
});

test('after a revocation the new key is for everybody else, and it is due until then', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder), thief = fleet.invited('thief', founder);
  const [first, second] = [fixed('first'), fixed('second')];
  assert.ok(founder.view.rotationDue());
  fleet.write(founder, newKey(fleet, founder, first));
  const rings = [founder, member, thief].map((actor) => ring(fleet, actor));
  const learn = () => rings.map((r) => r.learn(fleet.events));
  assert.equal(learn(), [true, true, true]);
  assert.equal(learn(), [false, false, false]);
  assert.not.ok(founder.view.rotationDue());
  fleet.write(founder, revokeDraft({ author: founder.id, node: thief.id, cut: [thief.last!], why: 'stolen', seen: founder.view.seen(founder.log) }));
  assert.ok(founder.view.rotationDue());
  fleet.write(founder, newKey(fleet, founder, second, { except: [thief.id], before: [first] }));
  assert.not.ok(founder.view.rotationDue());
  assert.equal(learn(), [true, true, false]);
  assert.equal(rings.map((r) => r.has(nameOf(fleet, second))), [true, true, false]);
  for (const [i, expected] of [second, second, first].entries()) assert.is(founder.view.currentKey('telemetry', (name) => rings[i]!.has(name)), nameOf(fleet, expected));
  const key = rings[1]!.streamKey(nameOf(fleet, second), 'telemetry')!;
  assert.equal(rings[0]!.find('telemetry', key.hash), key.key);
  assert.is(rings[2]!.find('telemetry', key.hash), undefined);
  assert.equal(rings[1]!.list().map(hex).sort(), [first, second].map(hex).sort());
});

test('who came late gets a wrap, and with it all keys before', () => {
  const fleet = new Fleet(), founder = fleet.found();
  const keys = ['a', 'b', 'c'].map((name) => fixed(name));
  keys.forEach((key, i) => fleet.write(founder, newKey(fleet, founder, key, { before: keys.slice(i - 1, i) })));
  const late = fleet.invited('late', founder);
  const current = founder.view.currentKey('telemetry', () => true)!;
  assert.is(current, nameOf(fleet, keys[2]!));
  assert.equal(founder.view.lacking(current).map((m) => hex(m.node)), [hex(late.id)]);
  fleet.write(founder, wrapDraft(fleet.crypto, random, { author: founder.id, key: keys[2]!, members: founder.view.lacking(current), seen: founder.view.seen(founder.log) }));
  assert.equal(founder.view.lacking(current), []);
  assert.equal(wrapDraft(fleet.crypto, random, { author: founder.id, key: keys[2]!, members: [], seen: [] }), []);
  fc.assert(fc.property(fc.shuffledSubarray(fleet.events, { minLength: fleet.events.length }), (events) => {
    const own = ring(fleet, late);
    for (const event of events) own.learn([event]);
    assert.equal(own.list().map(hex).sort(), keys.map(hex).sort());
  }), runs(30));
});

test('a wrong wrap, a wrong name, another node: nothing is learnt', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder);
  const draft = newKey(fleet, founder, fixed('key'))[0]!;
  const other = hex(keyHash(fleet.crypto, fixed('other')));
  const own = ring(fleet, member);
  assert.not.ok(own.learn([{ ...draft, key: other }]));
  assert.not.ok(own.learn([{ ...draft, key: 'x' }]));
  assert.not.ok(own.learn([{ ...draft, type: 'other' }]));
  assert.not.ok(own.learn([{ ...draft, body: { ...draft.body, wraps: { [hex(member.id)]: new Uint8Array(80) } } }]));
  assert.not.ok(ring(fleet, fleet.actor('stranger')).learn([draft]));
  assert.ok(own.learn([draft]));
  assert.is(code(() => own.add(new Uint8Array(31))), 'bad-argument');
});

test('of two keys that were started at once the one in knowledge of more revocations is current, else the later; one that followed another replaces it', () => {
  const fleet = new Fleet(), a = fleet.found('a'), b = fleet.invited('b', a, ADMIN), thief = fleet.invited('thief', a);
  fleet.sync(a, b);
  const current = () => fleet.fold(fleet.events).currentKey('telemetry', () => true);
  fleet.write(a, newKey(fleet, a, fixed('one')), 50);
  fleet.write(b, newKey(fleet, b, fixed('two')), 60);
  assert.is(current(), nameOf(fleet, fixed('two')));
  fleet.meet();
  fleet.write(a, newKey(fleet, a, fixed('three')), 40);
  assert.is(current(), nameOf(fleet, fixed('three')), 'whatever its clock says');
  fleet.write(a, revokeDraft({ author: a.id, node: thief.id, cut: [], why: '', seen: a.view.seen(a.log) }));
  fleet.write(a, newKey(fleet, a, fixed('four')), 30);
  fleet.write(b, newKey(fleet, b, fixed('five')), 90);
  assert.is(current(), nameOf(fleet, fixed('four')));
  assert.not.ok(fleet.fold(fleet.events).rotationDue());
  assert.is(fleet.fold(fleet.events).currentKey('telemetry', (name) => name !== nameOf(fleet, fixed('four'))), nameOf(fleet, fixed('five')));
  assert.is(fleet.fold(fleet.events).currentKey('telemetry', () => false), undefined);
  assert.equal(fleet.fold(fleet.events).keys(null).length, 5);
});

test('a member that is no admin starts no key, and one that a revoked admin starts outside the cut is none', () => {
  const fleet = new Fleet(), founder = fleet.found(), admin = fleet.invited('admin', founder, ADMIN), member = fleet.invited('member', founder);
  fleet.sync(founder, admin);
  fleet.write(member, newKey(fleet, member, fixed('of a member')));
  const inside = fleet.write(admin, newKey(fleet, admin, fixed('inside'))).at(-1)!;
  fleet.write(admin, newKey(fleet, admin, fixed('outside')));
  assert.equal(fleet.fold(fleet.events).keys(null), [nameOf(fleet, fixed('inside')), nameOf(fleet, fixed('outside'))]);
  fleet.sync(admin, founder);
  fleet.write(founder, revokeDraft({ author: founder.id, node: admin.id, cut: [tipOf(inside)], why: '', seen: founder.view.seen(founder.log) }));
  assert.equal(fleet.fold(fleet.events).keys(null), [nameOf(fleet, fixed('inside'))]);
});

test('a stream with a key of its own uses no other', () => {
  const fleet = new Fleet(), founder = fleet.found();
  fleet.write(founder, newKey(fleet, founder, fixed('all')));
  fleet.write(founder, newKey(fleet, founder, fixed('secret'), { stream: 'secret' }));
  assert.is(founder.view.currentKey('secret', () => true), nameOf(fleet, fixed('secret')));
  assert.is(founder.view.currentKey('secret', (name) => name !== nameOf(fleet, fixed('secret'))), undefined);
  assert.is(founder.view.currentKey('telemetry', () => true), nameOf(fleet, fixed('all')));
});

test('wraps and heads that do not fit one event are spread over several', () => {
  const fleet = new Fleet(), founder = fleet.found();
  const members = Array.from({ length: 600 }, (_, i) => ({ node: fixed(`n ${i}`), box: fleet.crypto.boxKey(fixed(`b ${i}`)) }));
  const seen = Array.from({ length: 600 }, (_, i) => ({ log: fixed(`l ${i}`, 16), position: 1, e: fixed(`e ${i}`) }));
  const drafts = keyDraft(fleet.crypto, random, { author: founder.id, key: fixed('key'), members: [...members, { node: fixed('bad'), box: new Uint8Array(32) }], before: Array.from({ length: 64 }, (_, i) => fixed(`k ${i}`)), seen });
  assert.equal(drafts.map((d) => [d.type, (d.body['seen'] as unknown[]).length, Object.keys(d.body['wraps'] ?? {}).length]), [['seen', 256, 0], ['seen', 256, 0], ['key', 88, 256], ['wrap', 0, 256], ['wrap', 0, 88]]);
  fleet.write(founder, drafts);
  const most = Array.from({ length: 256 }, (_, i) => ({ log: fixed(`l ${i}`, 16), position: 2 ** 53 - 1 - i, e: fixed(`e ${i}`) }));
  fleet.write(founder, revokeDraft({ author: founder.id, node: fixed('x'), cut: most, why: 'x'.repeat(1000), seen: most }));
  fleet.write(founder, keyDraft(fleet.crypto, random, { author: founder.id, key: fixed('key'), members: members.slice(0, 256), before: Array.from({ length: 64 }, (_, i) => fixed(`k ${i}`)), seen: most }));
  assert.is(code(() => revokeDraft({ author: founder.id, node: fixed('x'), cut: [...most, ...seen], why: '', seen: [] })), 'too-many');
  assert.is(code(() => newKey(fleet, founder, fixed('x'), { before: Array.from({ length: 65 }, (_, i) => fixed(`k ${i}`)) })), 'too-many');
});

test.run();
