// Stories of members, thieves and courts martial: what the fold must say at their end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { inviteDraft, releaseDraft, revokeDraft } from '../../src/fleet/acts.ts';
import type { FleetEvent } from '../../src/fleet/ancestry.ts';
import type { Actor } from './actors.ts';
import { ADMIN, ALL, Fleet, ZERO, draftOf, grantOf, tipOf } from './actors.ts';

const test = suite('stories');

const revoke = (fleet: Fleet, by: Actor, node: Actor, cut = node.last ? [node.last] : [], seen = by.view.seen(by.log)): FleetEvent =>
  fleet.write(by, revokeDraft({ author: by.id, node: node.id, cut, why: 'lost', seen })).at(-1)!;
const state = (fleet: Fleet, actor: Actor, grant: Uint8Array = ZERO): string => fleet.fold(fleet.events).standing(actor.id, grant).state;
const alarms = (fleet: Fleet): string[] => fleet.fold(fleet.events).alarms().map((a) => a.code);

test('a founder, a member, a stranger', () => {
  const fleet = new Fleet(), founder = fleet.found();
  const member = fleet.actor('member');
  const ticket = fleet.ticket(founder, { admin: false, read: ['config'], write: ['telemetry'] });
  const context = founder.view.context(founder.id)!;
  assert.is(context.length, 1);
  fleet.give(member, fleet.events.filter((e) => context.some((tip) => hex(tip.e) === hex(e.e))));
  const before = founder.view;
  const join = fleet.join(member, ticket);
  assert.ok(before.wouldJoin(join));
  assert.not.ok(fleet.fold([]).wouldJoin(join), 'its inviter is not known');
  assert.equal(before.standing(member.id, grantOf(join)), { state: 'unknown' });
  assert.equal(before.add([join]).map(hex), [hex(member.id)]);
  assert.equal(before.add([join]), []);
  assert.equal(before.standing(member.id, grantOf(join)), { state: 'live', rights: { admin: false, read: ['config'], write: ['telemetry'] } });
  assert.equal(before.standing(member.id, ZERO).state, 'live');
  assert.equal(before.standing(member.id, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)), { state: 'unknown' });
  assert.equal(before.members().map((m) => [m.name, m.state, hex(m.joinedBy), hex(m.grant)]).sort(), [
    ['founder', 'live', hex(fleet.crypto.signer(fleet.rootSeed)), hex(founder.view.member(founder.id)!.grant)], ['member', 'live', hex(founder.id), hex(join.e.slice(0, 8))],
  ]);
  // A member that is no admin cannot invite, a stranger neither.
  const second = fleet.invited('second', member);
  assert.is(state(fleet, second), 'unknown');
  assert.equal(alarms(fleet), []);
});

test('who is asked about is answered by all that came in, each time', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder), view = fleet.fold([]);
  revoke(fleet, founder, member);
  const said: string[] = [];
  for (const event of fleet.events) {
    view.add([event]);
    said.push(view.member(member.id)?.state ?? 'nobody');
    assert.equal(view.member(member.id), view.members().find((m) => hex(m.node) === hex(member.id)));
  }
  assert.equal([...new Set(said)], ['nobody', 'live', 'killed']);
});

test('only the invited node can use its invitation, and only as it was signed', () => {
  const fleet = new Fleet(), founder = fleet.found(), ticket = fleet.ticket(founder), other = fleet.ticket(founder);
  const member = fleet.actor('member'), thief = fleet.actor('thief'), fool = fleet.actor('fool');
  fleet.sync(founder, member, thief, fool);
  const join = fleet.join(member, ticket);
  fleet.write(thief, [draftOf('join', hex(thief.id), join.body)]);
  fleet.write(thief, [draftOf('join', hex(member.id), join.body)]);
  fleet.join(fool, { ...ticket, seed: other.seed });
  fleet.join(fool, { ...ticket, signed: ticket.signed.map((b, i) => (i === ticket.signed.length - 1 ? b ^ 1 : b)) });
  assert.is(state(fleet, member), 'live');
  assert.is(state(fleet, thief), 'unknown');
  assert.is(state(fleet, fool), 'unknown');
});

test('a revoked node keeps what the cut keeps; all else of it is out', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder);
  const grant = founder.view.member(member.id)!.grant;
  const cut = member.last!;
  const late = fleet.write(member, [draftOf('note', 'x', { seen: [] })]);
  revoke(fleet, founder, member, [cut]);
  const view = fleet.fold(fleet.events);
  assert.equal(view.standing(member.id, grant), { state: 'killed', rights: ALL, cuts: [[cut]], releases: [] });
  assert.equal(view.standing(member.id, ZERO), { state: 'killed', rights: ALL, cuts: [[cut]], releases: [cut] });
  assert.equal(view.member(member.id)!.revokedBy, [founder.id]);
  assert.not.ok(view.heads().some((tip) => hex(tip.e) === hex(late[0]!.e)));
  // Somebody had seen the late event before the revocation reached him: so it stays, or his own past would be gone.
  const witness = fleet.actor('witness');
  fleet.give(witness, [...founder.has.values()].filter((e) => e.type !== 'revoke'));
  fleet.give(witness, late);
  fleet.join(witness, fleet.ticket(founder));
  const changed = view.add(fleet.events);
  assert.ok(changed.some((node) => hex(node) === hex(member.id)));
  assert.equal(view.standing(member.id, ZERO), { state: 'killed', rights: ALL, cuts: [[cut]], releases: [tipOf(late[0]!)] });
  // With the witness goes what only he had held.
  const out = revoke(fleet, founder, witness, []);
  assert.equal(view.add([out]).map(hex).sort(), [member.id, witness.id].map(hex).sort());
  assert.equal(view.standing(member.id, ZERO), { state: 'killed', rights: ALL, cuts: [[cut]], releases: [cut] });
});

test('who is no admin revokes nobody', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder);
  revoke(fleet, member, founder);
  assert.is(state(fleet, founder), 'live');
});

test('a stolen admin: what it invites after its revocation admits nobody, whatever dates it writes', () => {
  const fleet = new Fleet(), founder = fleet.found(), admin = fleet.invited('admin', founder, ADMIN);
  fleet.sync(founder, admin);
  const [early, late, announced, tooLate] = [1, 2, 3, 4].map(() => fleet.ticket(admin));
  const cut = fleet.write(admin, inviteDraft({ author: admin.id, signed: announced!.signed, seen: admin.view.seen(admin.log) }))[0]!;
  const outside = fleet.write(admin, inviteDraft({ author: admin.id, signed: tooLate!.signed, seen: [] }));
  const before = [...admin.has.values()];
  const good = fleet.actor('good');
  fleet.give(good, before);
  fleet.join(good, early!);
  fleet.sync(good, founder);
  fleet.give(founder, outside);
  revoke(fleet, founder, admin, [tipOf(cut)]);
  const newcomers = [late!, announced!, tooLate!].map((ticket, i) => {
    const one = fleet.actor(`newcomer ${i}`);
    fleet.give(one, before);
    fleet.join(one, ticket);
    return one;
  });
  assert.equal(newcomers.map((one) => state(fleet, one)), ['killed', 'live', 'killed'], 'only what was announced inside the cut holds');
  assert.is(state(fleet, good), 'live', 'joined before the revocation, as far as that had seen');
  assert.equal(fleet.fold(fleet.events).standing(newcomers[0]!.id, ZERO), { state: 'killed', rights: ALL, cuts: [[]], releases: [] });
  assert.equal(alarms(fleet), ['invite-void', 'invite-void']);
});

test('a stolen admin that dates its revocations back kills old grants, but none given in knowledge of its own revocation', () => {
  const fleet = new Fleet(), founder = fleet.found(), admin = fleet.invited('admin', founder, ADMIN), member = fleet.invited('member', founder);
  fleet.sync(founder, admin);
  const old = founder.view.seen();
  revoke(fleet, founder, admin);
  const fresh = fleet.actor('fresh');
  fleet.sync(founder, fresh);
  fleet.join(fresh, fleet.ticket(founder));
  // The thief pretends to have seen nothing of this: a log of its own, next to the one it had.
  fleet.open(admin, [admin.last!]);
  revoke(fleet, admin, member, [], old);
  fleet.give(admin, fleet.events);
  fleet.open(admin, [admin.last!]);
  revoke(fleet, admin, fresh, [], old);
  assert.is(state(fleet, member), 'killed', 'strong removal');
  assert.is(state(fleet, fresh), 'live');
  fleet.meet();
  const again = fleet.join(member, fleet.ticket(founder));
  revoke(fleet, admin, member, [], [...old, tipOf(again)]);
  fleet.open(admin, []);
  revoke(fleet, admin, member, [], old);
  assert.is(state(fleet, member), 'live', 'admitted again, for good');
  assert.ok(alarms(fleet).includes('revoke-crossed'));
});

test('two admins that revoke each other without knowing are both out, and a third one stays', () => {
  const fleet = new Fleet(), a = fleet.found('a'), b = fleet.invited('b', a, ADMIN), c = fleet.invited('c', a, ADMIN);
  fleet.sync(a, b, c);
  revoke(fleet, a, b);
  revoke(fleet, b, a);
  assert.equal([a, b, c].map((one) => state(fleet, one)), ['killed', 'killed', 'live']);
  assert.equal(alarms(fleet), ['revoke-crossed', 'revoke-crossed']);
  fleet.meet();
  assert.is(revoke(fleet, a, c) && state(fleet, c), 'live', 'who knows that it is out revokes nobody');
  fleet.sync(c, a);
  fleet.join(a, fleet.ticket(c, ADMIN));
  assert.is(state(fleet, a), 'live');
});

test('the last admin is stolen: the root key invites another, who revokes it', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder), fresh = fleet.actor('fresh');
  fleet.sync(founder, fresh);
  fleet.join(fresh, fleet.ticket(undefined, ADMIN));
  fleet.sync(fresh, founder);
  revoke(fleet, fresh, founder);
  assert.equal([founder, member, fresh].map((one) => state(fleet, one)), ['killed', 'live', 'live']);
  fleet.meet();
  revoke(fleet, fresh, fresh);
  assert.equal(alarms(fleet), ['no-admin']);
});

test('an invitation used twice admits both, with an alarm; once one of them is revoked it admits nobody more', () => {
  const fleet = new Fleet(), founder = fleet.found(), ticket = fleet.ticket(founder);
  const [one, two, three, four] = ['one', 'two', 'three', 'four'].map((name) => fleet.actor(name));
  for (const actor of [one!, two!]) {
    fleet.sync(founder, actor);
    fleet.join(actor, ticket);
  }
  assert.equal([one!, two!].map((actor) => state(fleet, actor)), ['live', 'live']);
  assert.equal(alarms(fleet), ['invite-reused', 'invite-reused']);
  fleet.sync(one!, founder);
  fleet.sync(two!, founder);
  fleet.join(one!, ticket);
  fleet.sync(founder, three!, four!);
  const late = fleet.fold(fleet.events);
  const revoked = revoke(fleet, founder, one!);
  late.add([fleet.join(three!, ticket)]);
  assert.is(late.standing(three!.id, ZERO).state, 'live');
  assert.equal(late.add([revoked]).map(hex).sort(), [one!.id, three!.id].map(hex).sort());
  fleet.sync(founder, four!, one!);
  fleet.join(four!, ticket);
  fleet.join(one!, ticket);
  assert.equal([one!, two!, three!, four!].map((actor) => state(fleet, actor)), ['killed', 'live', 'killed', 'killed']);
});

test('nobody spends an invitation that it only copied', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder), guest = fleet.actor('guest'), ticket = fleet.ticket(founder);
  fleet.sync(founder, guest, member);
  fleet.join(member, { ...ticket, seed: new Uint8Array(32) });
  fleet.sync(member, founder);
  revoke(fleet, founder, member);
  fleet.join(guest, ticket);
  assert.is(state(fleet, guest), 'live');
});

test('an announcement under another key announces nothing', () => {
  const fleet = new Fleet(), founder = fleet.found(), admin = fleet.invited('admin', founder, ADMIN), guest = fleet.actor('guest'), ticket = fleet.ticket(admin);
  fleet.sync(founder, guest);
  const false_ = fleet.write(admin, [draftOf('invite', hex(guest.id), { invite: ticket.signed, seen: [] })])[0]!;
  fleet.sync(admin, founder);
  revoke(fleet, founder, admin, [tipOf(false_)]);
  fleet.join(guest, ticket);
  assert.is(state(fleet, guest), 'killed');
});

test('a cut reaches back through the logs of its node alone', () => {
  const fleet = new Fleet(), founder = fleet.found(), admin = fleet.invited('admin', founder, ADMIN), other = fleet.invited('other', founder), guest = fleet.actor('guest');
  fleet.sync(founder, guest, admin);
  const ticket = fleet.ticket(admin), kept = admin.last!;
  // The announcement stands in a log beside, which another node's opening cites, which the kept log's successor cites in its turn.
  fleet.open(admin, [kept]);
  const beside = fleet.write(admin, inviteDraft({ author: admin.id, signed: ticket.signed, seen: [] }))[0]!;
  fleet.open(other, [tipOf(beside)]);
  const bridge = fleet.write(other, [draftOf('note', 'x', { seen: [] })])[0]!;
  fleet.open(admin, [kept, tipOf(bridge)]);
  const end = fleet.write(admin, [draftOf('note', 'x', { seen: [] })])[0]!;
  fleet.meet();
  revoke(fleet, founder, admin, [tipOf(end)]);
  fleet.join(guest, ticket);
  assert.is(state(fleet, guest), 'killed');
});

test('admitted again with a new invitation, made in knowledge of the revocation', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder);
  const first = founder.view.member(member.id)!.grant;
  const ticket = fleet.ticket(founder);
  revoke(fleet, founder, member);
  const blind = fleet.join(member, fleet.ticket(founder));
  assert.is(state(fleet, member), 'killed', 'a join beside the revocation falls with the rest');
  fleet.sync(founder, member);
  const join = fleet.join(member, ticket);
  assert.is(state(fleet, member), 'live');
  assert.equal([first, grantOf(blind), grantOf(join)].map((grant) => state(fleet, member, grant)), ['killed', 'killed', 'live'], 'older grants stay cut');
  fleet.meet();
  revoke(fleet, founder, member);
  assert.is(state(fleet, member, grantOf(join)), 'killed');
});

test('a release gives events back, also one whose author was revoked later, but not one written outside its cut', () => {
  const fleet = new Fleet(), founder = fleet.found(), admin = fleet.invited('admin', founder, ADMIN), member = fleet.invited('member', founder);
  fleet.sync(founder, admin);
  const tip = { log: new Uint8Array(16).fill(1), position: 7, e: new Uint8Array(32).fill(2) };
  revoke(fleet, founder, member);
  fleet.sync(founder, admin);
  const release = fleet.write(admin, releaseDraft({ author: admin.id, node: member.id, tips: [tip], seen: admin.view.seen(admin.log) }))[0]!;
  const releases = () => {
    const standing = fleet.fold(fleet.events).standing(member.id, founder.view.member(member.id)!.grant);
    return standing.state === 'killed' ? standing.releases : undefined;
  };
  assert.equal(releases(), [tip]);
  fleet.sync(admin, founder);
  revoke(fleet, founder, admin, [tipOf(release)]);
  assert.equal(releases(), [tip]);
  const view = fleet.fold(fleet.events), other = fleet.invited('other', founder, ADMIN);
  fleet.open(founder);
  revoke(fleet, other, admin, []);
  assert.equal(releases(), []);
  assert.ok(view.add(fleet.events).some((node) => hex(node) === hex(member.id)), 'the member is to be judged again');
  fleet.sync(other, founder);
  fleet.write(founder, releaseDraft({ author: founder.id, node: admin.id, tips: [tipOf(release)], seen: founder.view.seen(founder.log) }));
  assert.equal(releases(), [tip], 'a release of the release');
});

test('types of later versions are carried; what they had seen counts', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder);
  fleet.sync(founder, member);
  const revoked = revoke(fleet, founder, member, [], founder.view.seen(founder.log));
  fleet.give(member, [revoked]);
  fleet.write(member, [draftOf('later', 'x', { seen: [[revoked.log, revoked.position, revoked.e]], what: 1 })]);
  fleet.join(member, fleet.ticket(founder), []);
  assert.is(state(fleet, member), 'live');
});

test('what waits for its past has no effect until it is complete, and then all of it', () => {
  const fleet = new Fleet(), founder = fleet.found(), member = fleet.invited('member', founder);
  revoke(fleet, founder, member);
  const [join, ...rest] = fleet.events;
  const view = fleet.fold(rest);
  assert.is(view.waiting, rest.length);
  assert.is(view.standing(member.id, ZERO).state, 'unknown');
  assert.equal(view.add([join!]).map(hex).sort(), [founder.id, member.id].map(hex).sort());
  assert.is(view.waiting, 0);
  assert.is(view.standing(member.id, ZERO).state, 'killed');
});

test.run();
