// A member that serves what nobody signed: the real session over TCP, with tampered bytes in its store. Nothing of it is taken, honest members are served, and the whole segments arrive later.
// Runs dist/edge/holdfast.
// timeout: 120s
import { cpSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSegment } from '../../src/event/segment.ts';
import { codeOf } from '../../src/fault.ts';
import type { Op } from '../../src/ports.ts';
import { pages } from '../../src/log/archive.ts';
import { holdfast, inFolder, json, start } from '../edge/program.ts';
import { between, chance } from './chance.ts';
import { foundIn, rssAnon, withStation } from './places.ts';

const test = suite('hostile-member');
const MB = 1_048_576;
const WAYS = ['signature', 'payload', 'header', 'anything', 'cut', 'swapped'] as const;

test('segments with a wrong signature, another payload, a changed header, cut or exchanged', () => inFolder(async (path) => {
  const [a, b, c] = [path('a'), path('b'), path('c')], random = chance('member');
  await foundIn(a, b, c);
  await withStation(b, async ({ node }) => {
    for (let i = 0; i < 40; i++) {
      await node.append('s', [{ key: 'k', type: 't', body: { i, pad: 'x'.repeat(50) } }]);
      await node.append(`s${i % 5}`, [{ key: 'k', type: 't', body: i }]);
      if (i % 4 === 0) await node.checkpoint();
    }
  });
  const events = (await json<{ events: number }>(['digest', '--dir', b])).events;
  assert.is(events, 80);
  const node = start(['run', '--dir', a, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
  const url = /tcp:[^"\s]+/.exec((await node.until(/tcp:[^"\s]+/))[0])![0], pid = node.child.pid!, idle = rssAnon(pid);
  let n = 0;
  const outcomes: string[] = [];
  for (const way of WAYS) {
    const dir = path(way);
    cpSync(b, dir, { recursive: true });
    const outcome = await withStation(dir, async (station) => {
      const { store } = station.node.options, ops: Op[] = [];
      let last: Uint8Array | undefined;
      for await (const row of pages(store, 'segment')) {
        const segment = parseSegment(row.value);
        if (segment.header.stream.startsWith('$')) continue;
        const value = row.value.slice(), size = value.length, payload = segment.payload!.length;
        if (way === 'signature') value[size - payload - 10]! ^= 1;
        else if (way === 'payload') value[size - 1 - between(random, 0, payload - 1)]! ^= 0x10;
        else if (way === 'header') value[40 + between(random, 0, 20)]! ^= 1;
        else if (way === 'anything') value[between(random, 0, size - 1)]! ^= 0x40;
        const bytes = way === 'cut' ? value.subarray(0, size - 5) : way === 'swapped' && last ? last : value;
        last = value;
        ops.push({ table: 'segment', key: row.key, value: bytes });
      }
      await store.commit(ops);
      for (let turn = 0; turn < (way === 'swapped' ? 1 : 3); turn++) {
        const ended = await Promise.race([station.links.once(url, new AbortController().signal, () => undefined).then(() => 'ended in order', codeOf), new Promise<string>((late) => { setTimeout(late, 4_000, 'no end'); })]);
        if (turn === 0) outcomes.push(`${way}: ${ended}`);
      }
      return 'done';
    });
    assert.is(outcome, 'done');
    assert.is(node.child.exitCode, null, `${way}: ${node.stderr}`);
    await json(['append', 'c', '--dir', c, '--key', 'k', '--type', 't', '--body', String(n++)]);
    assert.is((await json<{ sent: number }>(['sync', url, '--dir', c])).sent, 1, way);
    const verified = await holdfast(['verify', '--dir', a]);
    assert.is(verified.code, 0, `${way}: ${verified.stdout}`);
    // What was whole may have come in; what was not has not.
    const held = (await json<{ events: number }>(['digest', '--dir', a])).events - n;
    assert.ok(way === 'swapped' || way === 'anything' ? held < events : held === 0, `${way}: ${held} of ${events}`);
    if (held > 0) break;
  }
  assert.ok(rssAnon(pid) - idle < 64 * MB);
  const done = await json<{ received: number }>(['sync', url, '--dir', b]);
  assert.ok(done.received >= n, `${done.received}`);
  assert.equal(await json(['digest', '--dir', a]), await json(['digest', '--dir', b]));
  const status = await json<{ quarantined: unknown[]; void: number; alarms: unknown[] }>(['status', '--dir', a]);
  console.log(outcomes.join('; '), JSON.stringify({ void: status.void, quarantined: status.quarantined, alarms: status.alarms }).slice(0, 300));
  assert.is((await node.stop()).code, 0);
}));

test.run();
