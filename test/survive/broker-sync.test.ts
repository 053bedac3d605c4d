// `holdfast sync mqtt://…`, one exchange with all who are at a broker: with several, with nobody, with a wrong password, without a broker, by a node that was revoked.
// Runs dist/edge/holdfast.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, json } from '../edge/program.ts';
import { freePort, hasMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, foundAll, level, runAt } from './broker-nodes.ts';
import { withStation } from './places.ts';

const test = suite('broker-sync');
const live = hasMosquitto() ? test : test.skip;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

live('with several members that hold different things, each way', () => atBroker(async (broker, path) => {
  const book = bookOf(), dirs = ['a', 'b', 'c'].map(path), late = path('late');
  await foundAll(dirs[0]!, ...dirs.slice(1), late);
  const append = (dir: string, count: number) => withStation(dir, ({ database }) => book.append({ db: database }, count));
  for (const dir of [...dirs, late]) await append(dir, 300);
  const nodes = [];
  for (const dir of dirs) nodes.push(await runAt(dir, broker.url));
  await level(nodes, 900);
  const report = await json<{ sent: number; received: number; bytesOut: number; bytesIn: number; ms: number }>(['sync', broker.url, '--dir', late]);
  // Beside what was appended, the events by which nodes joined.
  assert.ok(report.received >= 900 && report.sent >= 300 && report.bytesIn > 0 && report.bytesOut > 0, JSON.stringify(report));
  // It says that all who are there hold the same.
  assert.equal((await Promise.all(nodes.map(({ db }) => db.digest()))).map(({ events }) => events), [1_200, 1_200, 1_200]);
  await withStation(late, ({ database }) => book.check({ db: database }, 'the one that came once'));
  const again = await json<{ sent: number; received: number }>(['sync', broker.url, '--dir', late]);
  assert.equal([again.sent, again.received], [0, 0]);
  const words = await holdfast(['sync', broker.url, '--dir', late]);
  assert.is(words.code, 0, words.stderr);
  assert.match(words.stdout, /sent 0 events .*received 0 events/);
  for (const node of nodes) await node.stop();
}));

live('a node that was revoked is refused, and told', () => atBroker(async (broker, path) => {
  const book = bookOf(), [a, b] = [path('a'), path('b')];
  await foundAll(a, b);
  const node = await runAt(a, broker.url);
  assert.is((await holdfast(['sync', broker.url, '--dir', b])).code, 0);
  assert.is((await holdfast(['revoke', 'b', '--dir', a, '--why', 'stolen'])).code, 0);
  await withStation(b, ({ database }) => database.append('telemetry', [{ key: 'k', type: 'reading', body: { n: -1 } }], false));
  const refused = await holdfast(['sync', broker.url, '--dir', b]);
  assert.is(refused.code, 1, refused.stdout);
  assert.match(refused.stderr, /revoked/);
  await book.check(node, 'nothing of it counts');
  await node.stop();
}));

live('nobody there, a wrong password, no password, no broker: said in words, exit status 1', () => atBroker(async (broker, path) => {
  const a = path('a');
  await foundAll(a);
  const at = (who: string): string => broker.url.replace('//', `//${who}`);
  const failing = async (url: string): Promise<string> => {
    const { code, stdout, stderr } = await holdfast(['sync', url, '--dir', a]);
    assert.is(code, 1, `${url}: ${stdout}`);
    assert.not.match(stdout + stderr, /secret|wrong-one/);
    return stderr;
  };
  const [nobody, wrong, without, absent] = [await failing(at('gate:secret@')), await failing(at('gate:wrong-one@')), await failing(broker.url), await failing(`mqtt://127.0.0.1:${await freePort()}`)];
  console.log([nobody, wrong, without, absent].map((text) => text.trim()).join('\n'));
  assert.match(nobody, /no other node of this fleet was at the broker within 15 s.*\[timeout\]/);
  assert.match(wrong, /password.*\[link-failed\]/);
  assert.match(without, /(password|not authorized|user).*\[link-failed\]/i);
  assert.match(absent, /refuses connections.*\[link-failed\]/);
  const asked = await holdfast(['sync', 'mqtt://127.0.0.1?colour=red', '--dir', a]);
  assert.ok(asked.code !== 0 && /colour/.test(asked.stderr), asked.stderr);
}, { users: { gate: 'secret' } }));

test.run();
