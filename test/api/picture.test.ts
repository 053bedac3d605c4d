// The picture of the fleet as clients have it: whoever merges the changes has what whoever asks anew is told; what merely goes on is told sparingly; it stays small.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Picture, type Patch } from '../../targets/api/fleet-picture.ts';
import type { NodeRow } from '../../targets/program/fleet-rows.ts';
import type { FleetNow } from '../../targets/program/http-hub.ts';

const test = suite('picture');

const idOf = (i: number): string => i.toString(16).padStart(64, '0');
function rowOf(i: number, more: Partial<NodeRow> = {}): NodeRow {
  return {
    node: idOf(i), name: `n${i}`, state: 'member', admin: false, relay: false, self: i === 0, contact: null, links: [], lacks: null, behind: null, last: null, clock: null, disk: null, version: null, quarantine: null, alarms: 0, silent: null, ...more,
  };
}
function fleetOf(nodes: NodeRow[], more: Partial<FleetNow> = {}): FleetNow {
  return { self: idOf(0), name: 'n0', fleet: 'f', fleetName: 'fleet', now: 1, uptimeMs: 1, nodes, streams: [], alarms: [], alarmCount: 0, listening: [], links: [], worries: [], ...more };
}
const rates = { of: (stream: string) => [stream.length], stop: () => {} };

/** A picture whose clock the test has: each call of `next` is as if a second had passed. */
function drawn(first: FleetNow): { picture: Picture; next(now: FleetNow, ms?: number): Promise<FleetNow>; end(): void } {
  const real = performance.now.bind(performance);
  let source = first, ahead = 0;
  performance.now = () => real() + ahead;
  const picture = new Picture(() => Promise.resolve(structuredClone(source)), rates);
  return {
    picture,
    next(now, ms = 100_000) {
      source = now;
      ahead += ms;
      return picture.current();
    },
    end() { performance.now = real; },
  };
}

/** What a client does with a change. */
function merge(held: FleetNow, { nodes, streams, version: _, counts: __, ...lists }: Patch): FleetNow {
  const rows = new Map(held.nodes.map((row) => [row.node, row]));
  for (const row of nodes ?? []) rows.set(row.node, { ...rows.get(row.node), ...row } as NodeRow);
  const kept = new Map(held.streams.map((row) => [row.stream, row]));
  for (const row of streams ?? []) kept.set(row.stream, row);
  return { ...held, ...lists, nodes: [...rows.values()].sort((a, b) => (a.node < b.node ? -1 : 1)), streams: [...kept.values()] };
}
const told = ({ nodes, streams, alarms, listening, links, worries }: FleetNow) => JSON.parse(JSON.stringify({ nodes, streams, alarms, listening, links, worries })) as unknown;

const moment = fc.integer({ min: 1, max: 5 });
const row = fc.record({
  name: fc.constantFrom('a', 'b'), state: fc.constantFrom('member' as const, 'revoked' as const), contact: fc.option(fc.record({ state: fc.constantFrom('connected' as const, 'past' as const), at: moment, by: fc.constantFrom('x', 'y') })),
  lacks: fc.option(fc.record({ events: moment, bytes: moment, at: fc.option(moment), drainMs: fc.option(moment) })), last: fc.option(moment), alarms: fc.nat(2), silent: fc.option(fc.record({ since: moment, habit: moment })),
  clock: fc.option(fc.record({ quality: fc.constantFrom('none' as const, 'synced' as const), offset: fc.option(moment) })), links: fc.array(fc.record({ url: fc.constantFrom('x', 'y'), state: fc.constantFrom('broker' as const, 'connected' as const), level: fc.option(fc.boolean()), rate: fc.option(moment) }), { maxLength: 2 }),
});
const states = fc.array(fc.record({
  rows: fc.array(row, { minLength: 3, maxLength: 3 }), events: moment, count: fc.nat(3), listening: fc.constantFrom<string[]>([], ['tcp://a']), pause: fc.constantFrom(1_500, 3_000, 100_000),
  in: moment, alarms: fc.nat(2),
}), { minLength: 2, maxLength: 12 });

test('merging the changes from any version on gives what a new answer tells', async () => {
  await fc.assert(fc.asyncProperty(states, async (all) => {
    const fleets = all.map((state) => fleetOf(state.rows.map((one, i) => rowOf(i, one)), {
      streams: [{ stream: 's', events: state.events, logs: 1, segments: 1, bytes: 1 }, ...(state.count > 1 ? [{ stream: 'later', events: 1, logs: 1, segments: 1, bytes: 1 }] : [])].slice(0, 2), listening: state.listening,
      links: [{ url: 'x', state: 'connected', resting: false, node: null, name: null, rate: null, reason: null, in: state.in, out: 0, broker: null }],
      alarms: Array.from({ length: state.alarms }, (_, i) => ({ kind: 'other' as const, code: 'c', level: 'bad' as const, node: idOf(i), name: 'n', text: 't', at: null })), alarmCount: state.alarms,
    }));
    const { picture, next, end } = drawn(fleets[0]!);
    try {
      const clients: { version: string; held: FleetNow }[] = [];
      for (const [i, fleet] of fleets.entries()) {
        const now = await next(fleet, all[i]!.pause);
        for (const client of clients) {
          const patch = picture.since(client.version);
          // Streams that went away cannot be told in a change.
          if (patch === undefined) Object.assign(client, { held: now });
          else client.held = merge(client.held, patch);
          client.version = picture.version;
          assert.equal(told(client.held), told(now));
          assert.equal(picture.since(client.version)!.nodes, undefined);
        }
        // Each begins at another version, and the first looks only now and then.
        clients.push({ version: picture.version, held: now });
      }
      assert.equal(told(merge(clients[0]!.held, picture.since(clients[0]!.version)!)), told((await picture.current())));
    } finally {
      end();
    }
  }), { numRuns: 200 });
});

test('only fields that changed are told, and what merely goes on not every second', async () => {
  const past = { state: 'past' as const, at: 1, by: 'x' }, { picture, next, end } = drawn(fleetOf([rowOf(0), rowOf(1, { contact: past, last: 1 })]));
  try {
    await picture.current();
    const begin = picture.version;
    await next(fleetOf([rowOf(0), rowOf(1, { contact: { ...past, at: 2 }, last: 2 })]), 1_200);
    assert.is(picture.version, begin);
    await next(fleetOf([rowOf(0), rowOf(1, { contact: { ...past, at: 3 }, last: 3 })]), 1_200);
    assert.equal(picture.since(begin)!.nodes, [{ node: idOf(1), contact: { ...past, at: 3 }, last: 3 }]);
    const then = picture.version;
    await next(fleetOf([rowOf(0), rowOf(1, { contact: { ...past, at: 3 }, last: 4, silent: { since: 3, habit: 1 } })]), 1_200);
    assert.equal(picture.since(then)!.nodes, [{ node: idOf(1), last: 4, silent: { since: 3, habit: 1 } }]);
    assert.equal(picture.since(begin)!.nodes, [{ node: idOf(1), contact: { ...past, at: 3 }, last: 4, silent: { since: 3, habit: 1 } }]);
    assert.equal(picture.since(then)!.counts.silent, 1);
  } finally {
    end();
  }
});

test('of a large fleet that is busy some fifty nodes a second are told, and those that need somebody at once', async () => {
  const fleet = (tick: number, silent = -1) => fleetOf(Array.from({ length: 2_000 }, (_, i) => rowOf(i, { last: tick, ...(i === silent && { silent: { since: 1, habit: 1 } }) })));
  const { picture, next, end } = drawn(fleet(1));
  try {
    await picture.current();
    let version = picture.version, rows = 0;
    for (let second = 2; second <= 100; second++) {
      await next(fleet(second, second === 50 ? 1_234 : -1), 1_000);
      const patch = picture.since(version)!;
      if (second === 50) assert.ok(patch.nodes!.some(({ node, silent }) => node === idOf(1_234) && silent !== null));
      const count = patch.nodes?.length ?? 0;
      // On a busy machine the picture is made every few seconds.
      assert.ok(count <= 500, `${count} at once`);
      rows += count;
      version = patch.version;
    }
    assert.ok(rows >= 4_000, `${rows}`);
    // Everybody has had his turn.
    assert.ok((await picture.current()).nodes.every(({ last }) => last! > 50));
  } finally {
    end();
  }
});

test('from where there is no way it says so: another process, a version that is none, too much, something that went away', async () => {
  const many = (last: number, count = 3_000) => fleetOf(Array.from({ length: count }, (_, i) => rowOf(i, { alarms: last })));
  const { picture, next, end } = drawn(many(1));
  try {
    await picture.current();
    const begin = picture.version;
    for (const from of ['', 'x', '1', `${begin}9`, begin.replace(/\..*/, ''), begin.replace(/\..*/, '.-1'), begin.replace(/^./, 'z'), `${begin}.1`, begin.replace(/\..*/, '.1e1'), '\u0000']) {
      const patch = picture.since(from);
      assert.ok(patch === undefined || (from === `${begin}.1` && patch.nodes === undefined), from);
    }
    await next(many(2), 1_000_000);
    assert.is(picture.since(begin), undefined);
    const then = picture.version;
    await next(many(2, 2_999), 1_000_000);
    assert.is(picture.since(then), undefined);
    assert.is((await picture.current()).nodes.length, 2_999);
  } finally {
    end();
  }
});

test('who follows is told at once, then of each change, and lets go', async () => {
  const { picture, next, end } = drawn(fleetOf([rowOf(0)]));
  try {
    const gone = new AbortController(), seen: (Patch | 'reload')[] = [];
    const following = (async () => { for await (const patch of picture.follow(undefined, gone.signal)) seen.push(patch); })();
    while (seen.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    await next(fleetOf([rowOf(0, { alarms: 3 })], { alarmCount: 3 }));
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((seen[1] as Patch).nodes, [{ node: idOf(0), alarms: 3 }]);
    gone.abort();
    await following;
    const lost: (Patch | 'reload')[] = [];
    for await (const patch of picture.follow('elsewhere.7', new AbortController().signal)) lost.push(patch);
    assert.equal(lost, ['reload']);
  } finally {
    end();
  }
});

test.run();
