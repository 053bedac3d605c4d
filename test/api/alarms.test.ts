// What calls for somebody: clocks, disks, silence and quarantine as the rows of nodes show them, what nodes say of their machines, and when each was noticed.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import type { Entry } from '../../targets/program/database.ts';
import type { Place } from '../../targets/program/direct.ts';
import type { NodeRow } from '../../targets/program/fleet-rows.ts';
import { alarmsOf, Noticed, standing } from '../../targets/program/report-alarms.ts';
import { FleetPicture } from '../../targets/program/report-fleet.ts';
import { Hosts } from '../../targets/program/report-hosts.ts';
import { append, course, found, join, segments } from '../node/small-fleet.ts';

const test = suite('alarms');
const row = (more: Partial<NodeRow>): NodeRow => ({
  node: 'a'.repeat(64), name: 'n', state: 'member', admin: false, relay: false, self: false, contact: null, links: [], lacks: null, behind: null, last: null, clock: null, disk: null, version: null, quarantine: null, alarms: 0, silent: null, ...more,
});
const kinds = (more: Partial<NodeRow>): string[] => alarmsOf(row(more)).map(({ kind, level }) => `${kind} ${level}`);

test('clocks that are off, disks that fill up, silence and quarantine; of members alone, but for the last', () => {
  assert.equal(kinds({}), []);
  assert.equal([kinds({ clock: { quality: 'none', offset: null } }), kinds({ clock: { quality: 'rtc', offset: 59_000 } }), kinds({ clock: { quality: 'rtc', offset: -61_000 } })], [[], [], ['clock odd']]);
  assert.equal([kinds({ disk: { free: 499e6, total: 1e9 } }), kinds({ disk: { free: 4.9e9, total: 100e9 } }), kinds({ disk: { free: 5.1e9, total: 100e9 } })], [['disk bad'], ['disk bad'], []]);
  assert.equal(kinds({ silent: { since: 5, habit: 60_000 } }), ['silence odd']);
  assert.equal(kinds({ state: 'revoked', silent: { since: 5, habit: 1 }, disk: { free: 0, total: 1 }, quarantine: { segments: 1, bytes: 2 } }), ['quarantine odd']);
  assert.equal(kinds({ state: 'unknown', quarantine: { segments: 1, bytes: 2 } }), ['quarantine odd']);
  // The words stay the same while the numbers tremble: a list that changes each second is read by nobody.
  const words = (more: Partial<NodeRow>): string => alarmsOf(row(more))[0]!.text;
  assert.is(words({ disk: { free: 400_000_000, total: 1e9 } }), words({ disk: { free: 399_000_000, total: 1e9 } }));
  assert.is(words({ clock: { quality: 'rtc', offset: 3_600_000 } }), words({ clock: { quality: 'rtc', offset: 3_601_500 } }));
  assert.is(words({ silent: { since: 1_790_000_000_000, habit: 120_000 } }), 'n was heard of last at 2026-09-21 14:13 UTC; its longest pause is 2 min');
  assert.not.match(words({ name: 'a\u001b[2Jb', silent: { since: 0, habit: 0 } }), /\u001b/);
});

test('alarms that stand are sorted by what they are about, and name nodes', () => {
  const id = 'b'.repeat(64), of = (code: string) => standing(code, id, `node ${id} did`, (one) => one === id ? 'beta' : undefined);
  assert.equal(['fork', 'clone', 'journal', 'store-damaged', 'invite-reused', 'constructor'].map((code) => of(code).kind), ['fork', 'clone', 'damage', 'damage', 'other', 'other']);
  assert.equal([of('fork').name, of('fork').text], ['beta', `node beta (${'b'.repeat(12)}…) did`]);
});

test('it is remembered when each was noticed; the bad ones come first, and there is an end to the list', () => {
  const noticed = new Noticed(), one = { kind: 'disk' as const, code: 'disk', level: 'odd' as const, node: 'a', name: 'a', text: 't' }, two = { ...one, text: 'u', level: 'bad' as const };
  assert.equal(noticed.list([one], 5).alarms.map(({ at }) => at), [null]);
  assert.equal(noticed.list([one, two], 7).alarms.map(({ text, at }) => [text, at]), [['u', 7], ['t', null]]);
  assert.equal(noticed.list([one, two], 9).alarms.map(({ at }) => at), [7, null]);
  assert.equal(noticed.list([one], 11).count, 1);
  assert.equal(noticed.list([one, two], 13).alarms[0]!.at, 13);
  const many = noticed.list(Array.from({ length: 700 }, (_, i) => ({ ...one, text: `x${i}`, level: i === 650 ? 'bad' as const : 'odd' as const })), 15);
  assert.equal([many.alarms.length, many.count, many.alarms[0]!.text], [500, 700, 'x650']);
});

test('what a node says of its machine counts if it says it itself, and its clock is judged by what comes live', async () => {
  let entry: Entry | undefined, number = 0;
  const say = (body: unknown, time = 0, node = 'me', type = 'host'): void => { entry = { id: `${++number}`, stream: 'telemetry', key: 'n', type, time, body: body as never, node }; };
  const hosts = new Hosts({ latest: () => Promise.resolve(entry) });
  await hosts.look('me', 'n', undefined);
  assert.is(hosts.of('me'), undefined);
  say({ version: '1', disk: { free: 1, total: 2 } }, 0, 'other');
  await hosts.look('me', 'n', undefined);
  say({ version: '1' }, 0, 'me', 'else');
  await hosts.look('me', 'n', undefined);
  assert.is(hosts.of('me'), undefined);
  for (const [body, version, disk] of [[{ version: '1.2.3-x+y', disk: { free: 1, total: 2 } }, '1.2.3-x+y', { free: 1, total: 2 }], [{ version: '<b>', disk: { free: 3, total: 2 } }, null, null], [{ version: 7, disk: [1] }, null, null], [null, null, null], ['text', null, null], [{ disk: { free: -1, total: 2 } }, null, null], [{ disk: { free: '1', total: 2 } }, null, null], [new Uint8Array(3), null, null]] as const) {
    say(body);
    await hosts.look('me', 'n', undefined);
    assert.equal([hosts.of('me')!.version, hosts.of('me')!.disk], [version, disk]);
  }
  const off = async (...times: number[]): Promise<number | null> => {
    for (const time of times) {
      say({}, 1_000_000 + time);
      await hosts.look('me', 'n', 1_000_000);
    }
    return hosts.offset('me');
  };
  assert.equal([await off(-300), await off(-1_900)], [null, null]);
  assert.is(await off(90_000), 90_000);
  // Behind: only when it is so again and again, as the first ones may have waited.
  assert.equal([await off(-80_000), await off(-70_000)], [90_000, 90_000]);
  assert.is(await off(-75_000), -70_000);
  // What did not come live says nothing, and what was said before is no longer sure.
  say({}, 1);
  await hosts.look('me', 'n', undefined);
  assert.is(hosts.offset('me'), null);
});

test('a node that has been silent for longer than usual is shown so, not before the others had time to come back', async () => {
  const a = await found(), b = await join(a), id = hex(b.node.id);
  let up = 1_000;
  const place = {
    dir: '.', node: a.node, running: false, uptimeMs: () => up, clock: { now: a.node.options.clock.now, judgement: () => ({ quality: 0, because: '' }) },
    links: { peers: () => [], listening: () => [] }, home: { damage: [] },
  } as unknown as Place, picture = new FleetPicture(place, { latest: () => Promise.resolve(undefined) });
  await append(b, 3);
  b.node.seal();
  await b.node.checkpoint();
  await a.node.admit(segments(b));
  const seen = async () => (await picture.now()).nodes.find(({ node }) => node === id)!;
  assert.equal([(await seen()).silent, (await seen()).contact!.by], [null, 'events']);
  const heard = (await seen()).contact!.at;
  course.uptime += 25 * 3_600_000;
  assert.is((await seen()).silent, null);
  up = 601_000;
  assert.equal((await seen()).silent, { since: heard, habit: 86_400_000 });
  assert.equal([(await seen()).alarms, (await picture.now()).alarms.map(({ kind, node }) => [kind, node])], [1, [['silence', id]]]);
  picture.census.hear(id, a.node.options.clock.now(), 'tcp://x');
  assert.equal([(await seen()).silent, (await picture.now()).alarms], [null, []]);
  await a.node.close();
  await b.node.close();
});

test.run();
