// Several processes of one node on one store at a broker: they are no copies of each other, and to others they are as one.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { base64url, hex } from '../../src/event/bytes.ts';
import { CALL_PAUSE_MOST_MS, CLEAR_MS, HEAD_ALIVE_MS, SIBLING_STALE_MS, SIBLING_TURN_MS } from '../../src/sync/fanout-bounds.ts';
import { makeHead, readHead, type Head } from '../../src/sync/fanout-head.ts';
import { envelopeOf } from '../../src/sync/fanout-seal.ts';
import { instanceOf } from '../../src/sync/fanout-siblings.ts';
import { PostOffice, type Process } from './post-office.ts';
import { bytesOf, crypto, FLEET, ToyHost } from './toy-host.ts';

const test = suite('siblings at a broker');

const nameOf = (i: number) => bytesOf(`process ${i}`, 8);

/** So many processes of one server, which know of each other, on one toy store. */
function server(office: PostOffice, count: number, node = 'server'): Process[] {
  const host = new ToyHost(node);
  const all = Array.from({ length: count }, (_, i) => office.process(`${node}${i}`, { host, shared: true, instance: instanceOf(nameOf(i), bytesOf(`chance ${node} ${i}`, 8)) }));
  all.forEach((process, i) => { process.siblings = all.flatMap((_, j) => (j === i ? [] : [nameOf(j)])); });
  return all;
}

/** Messages of a kind that processes have published. */
const letters = (office: PostOffice, kind: string, from?: Process) => office.log.filter((l) => l.topic.includes(`/${kind}/`) && (!from || l.from === from.name));
const cleared = (office: PostOffice, of: Process) => office.log.filter((l) => l.payload.length === 0 && l.topic.endsWith(`/h/${base64url(of.fanout.options.instance)}`)).length;

/** Does what a session would: both hold what both held, and it ends level. */
function settle(office: PostOffice, opener: Process): Process {
  const [session, { peer }] = [...opener.sessions][0]!;
  const other = office.processes.find((p) => hex(p.fanout.options.instance) === peer)!;
  assert.ok(other.sessions.has(session), 'the session was not taken up');
  const [mine, theirs] = [opener.host.segments(), other.host.segments()];
  opener.host.answer({ kind: 'admit', segments: theirs, peer: other.host.node });
  other.host.answer({ kind: 'admit', segments: mine, peer: opener.host.node });
  other.over(session, true);
  opener.over(session, true);
  office.deliver();
  return other;
}

const sessions = (office: PostOffice) => office.processes.flatMap((p) => [...p.sessions.values()].filter((s) => s.role === 'open').map((s) => ({ opener: p, ...s })));

test('siblings are neither called nor cleared nor shown as peers, however long they are quiet', () => {
  const office = new PostOffice(), all = server(office, 3);
  for (const p of all) { p.up(); p.host.write('telemetry'); }
  office.wait(3 * HEAD_ALIVE_MS);
  assert.is(letters(office, 'to').length, 0);
  for (const p of all) {
    assert.is(cleared(office, p), 0);
    assert.equal(p.fanout.stands(office.now), []);
    assert.is(p.fanout.siblings.present(p.fanout.members.all()).length, 2);
    assert.ok(p.asked > 0 && p.asked <= 10, `asked ${p.asked} times`);
  }
  assert.ok(letters(office, 'h').length <= 3 * 20, `${letters(office, 'h').length} heads`);
});

test('who is no sibling is a copy: it is called', () => {
  const office = new PostOffice(), [one, two] = server(office, 2), copy = office.process('copy', { node: 'server', shared: true, instance: instanceOf(nameOf(9), bytesOf('chance', 8)) });
  for (const p of office.processes) p.up();
  office.wait(20_000);
  copy.write();
  office.wait(90_000);
  const met = sessions(office);
  assert.ok(met.length > 0);
  assert.ok(met.every(({ opener, peer }) => opener === copy || peer === hex(copy.fanout.options.instance)), 'only the copy has sessions');
  assert.is(cleared(office, one!) + cleared(office, two!) > 0, true, 'to the copy they are strangers, too');
});

test('while it cannot be said who they are nobody is called or cleared', () => {
  const office = new PostOffice(), [one, two] = server(office, 2);
  one!.siblings = two!.siblings = undefined;
  for (const p of [one!, two!]) { p.up(); p.host.write('telemetry'); }
  office.wait(10 * CLEAR_MS);
  assert.is(letters(office, 'to').length, 0);
  assert.is(cleared(office, one!) + cleared(office, two!), 0);
  one!.siblings = [nameOf(1)];
  office.wait(10_000);
  assert.is(one!.fanout.siblings.present(one!.fanout.members.all()).length, 1);
});

test('heads that dead processes left are cleared: of an earlier start, and of a sibling whose end nobody told', () => {
  const office = new PostOffice(), all = server(office, 3), [one, two, three] = all;
  for (const p of all) p.up();
  office.wait(30_000);
  for (const p of all) p.write();
  office.wait(60_000);
  assert.ok([...one!.fanout.members.all()].every((m) => m.lively));
  // The third dies without a will.
  office.processes.splice(office.processes.indexOf(three!), 1);
  one!.siblings = [nameOf(1)];
  two!.siblings = [nameOf(0)];
  office.wait(SIBLING_STALE_MS + HEAD_ALIVE_MS + 2 * CLEAR_MS);
  assert.ok(cleared(office, three!) > 0);
  assert.is(cleared(office, one!) + cleared(office, two!), 0);
  assert.is(letters(office, 'to').length, 0);
  assert.ok([one!, two!].every((p) => [...p.fanout.members.all()].length === 1));
});

test('to others they are as one: one session at a time, and what one has settled the others need not', () => {
  const office = new PostOffice(), all = server(office, 4), edge = office.process('edge');
  office.eager = true;
  edge.host.write('telemetry', 5);
  all[0]!.host.write('alarms', 3);
  for (const p of office.processes) p.up();
  let met = 0;
  for (let i = 0; i < 60; i++) {
    office.wait(5_000);
    const open = sessions(office);
    assert.ok(open.length <= 1, `${open.length} sessions at once`);
    if (!open.length) continue;
    settle(office, open[0]!.opener);
    met++;
  }
  assert.is(met, 1);
  assert.is(edge.host.frontier(), all[0]!.host.frontier());
  const calls = letters(office, 'to').length;
  assert.ok(calls <= 20, `${calls} directed messages`);
});

test('a difference is settled with one of them, though the heads of the others still show the old state', () => {
  const office = new PostOffice(), all = server(office, 3), edge = office.process('edge');
  office.eager = true;
  all[0]!.host.write('telemetry', 3);
  edge.host.write('telemetry', 5);
  for (const p of office.processes) p.up();
  office.wait(3_000);
  const member = [...edge.fanout.members.all()][0]!;
  edge.fanout.calls.call(member.name, member.level, office.now);
  edge.pump();
  office.deliver();
  // Heads of the others are late.
  const met = all.find((p) => hex(p.fanout.options.instance) === member.name)!;
  office.lost = ({ from, topic }) => topic.includes('/h/') && all.some((p) => p !== met && p.name === from);
  assert.is(settle(office, edge), met);
  for (let i = 0; i < 22; i++) {
    office.wait(1_000);
    assert.is(sessions(office).length, 0, `after ${i + 1} s`);
  }
  office.lost = () => false;
  for (const m of edge.fanout.members.all()) assert.is(m.head.held[0]!.items, m === member ? 2 : 1, 'the others were late');
  for (const p of all) p.write('config');
  office.wait(300_000);
  assert.is(sessions(office).length, 0);
  assert.is(all[0]!.host.frontier(), edge.host.frontier());
});

test('a difference is first one process\'s to settle, spread over all of them; the next one steps in when it does not', () => {
  const office = new PostOffice(), all = server(office, 3);
  const edges = Array.from({ length: 30 }, (_, i) => office.process(`edge${i}`));
  for (const p of office.processes) p.up();
  office.wait(30_000);
  const firsts = new Map(all.map((p) => [p, 0]));
  for (const edge of edges) {
    const turns = all.map((p) => p.fanout.siblings.turn(p.fanout.members.get(hex(edge.fanout.options.instance), edge.fanout.options.topics.level)!, p.fanout.siblings.present(p.fanout.members.all())));
    assert.equal([...turns].sort((a, b) => a - b), [0, SIBLING_TURN_MS, 2 * SIBLING_TURN_MS], 'each has a turn of its own');
    const first = all[turns.indexOf(0)]!;
    firsts.set(first, firsts.get(first)! + 1);
  }
  for (const count of firsts.values()) assert.ok(count >= 3, `${[...firsts.values()].join()} of 30`);
});

test('a second process of a server is asked to wait while the first has a session; a full one names the others', () => {
  const office = new PostOffice(), all = server(office, 2), edge = office.process('edge'), others = Array.from({ length: 9 }, (_, i) => office.process(`n${i}`));
  office.eager = true;
  for (const p of office.processes) p.up();
  office.wait(20_000);
  const call = (from: Process, to: Process): void => {
    const member = from.fanout.members.get(hex(to.fanout.options.instance), to.fanout.options.topics.level)!;
    from.fanout.calls.call(member.name, member.level, office.now);
    from.pump();
    office.deliver();
  };
  call(all[0]!, edge);
  assert.is(edge.sessions.size, 1);
  call(all[1]!, edge);
  assert.is(edge.sessions.size, 1);
  assert.is(all[1]!.sessions.size, 0);
  const mine = all[1]!.fanout.members.get(hex(edge.fanout.options.instance), edge.fanout.options.topics.level)!;
  assert.ok(mine.notBefore > office.now + 5_000);
  // Siblings have nothing to say to each other.
  call(all[0]!, all[1]!);
  assert.is(all[1]!.sessions.size, 0);
  const last = others.at(-1)!;
  for (const p of others) call(p, all[0]!);
  assert.is(all[0]!.sessions.size, 1 + 8);
  const seal = envelopeOf(crypto, last.host.random, FLEET), { topics } = last.fanout.options;
  const [busy] = letters(office, 'to', all[0]!).filter((l) => l.topic.endsWith(base64url(last.fanout.options.instance))).map((l) => seal.open(topics.inner(l.topic), l.payload)!);
  assert.is(busy![0], 2);
  assert.equal(busy!.subarray(11, 19), all[1]!.fanout.options.instance, 'its sibling comes first');
});

test('who is refused by one of them is refused by all', () => {
  const office = new PostOffice(), all = server(office, 3), edge = office.process('edge');
  for (const p of office.processes) p.up();
  office.wait(10_000);
  edge.host.write('telemetry');
  const member = [...edge.fanout.members.all()][0]!;
  edge.fanout.calls.call(member.name, member.level, office.now);
  edge.pump();
  office.deliver();
  const [session] = [...edge.sessions.keys()];
  edge.sessions.clear();
  edge.fanout.ended(session!, { equal: false, moved: false, code: 'revoked' }, office.now);
  for (const m of edge.fanout.members.all()) {
    assert.is(m.deaf, 'revoked');
    assert.ok(m.notBefore > office.now + CALL_PAUSE_MOST_MS / 2);
  }
  assert.is([...edge.fanout.members.all()].length, all.length);
});

test('live segments of the own node are none of the fan-out\'s business; those of others come in', () => {
  const office = new PostOffice(), all = server(office, 2), edge = office.process('edge');
  for (const p of office.processes) p.up();
  office.wait(2_000);
  all[0]!.write('config');
  office.deliver();
  assert.is(all[1]!.admitted.length, 0);
  assert.is(edge.admitted.length, 1);
  edge.write();
  office.deliver();
  assert.is(all[0]!.admitted.length + all[1]!.admitted.length, 2, 'each was handed it by this broker, and the store decides');
});

test('a head says that others share its store; one of an older version says nothing', () => {
  const host = new ToyHost('a');
  const head: Head = { node: host.node, instance: bytesOf('i', 8), sequence: 7, interest: null, held: [], tips: [] };
  const plain = makeHead(FLEET, (m) => host.sign(m), head), shared = makeHead(FLEET, (m) => host.sign(m), { ...head, shared: true });
  assert.equal(readHead(plain).head, head);
  assert.equal(readHead(shared).head, { ...head, shared: true });
  assert.is(shared.length, plain.length + 1);
  assert.equal(instanceOf(bytesOf('n', 8), bytesOf('r', 8)), Uint8Array.of(...bytesOf('n', 8).subarray(0, 4), ...bytesOf('r', 8).subarray(4)));
});

test.run();
