// The example configuration, ACLs and bridge of src/io/MQTT.md, as they stand there, on a real mosquitto: a node writes only below its own level.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { bytes, probe, type Probe } from './broker-probe.ts';
import { freePort, hasMosquitto, startMosquitto } from './mosquitto.ts';

const test = suite('mqtt acl');
const here = hasMosquitto();
if (!here) console.log('mosquitto is not on this machine: tests of a real broker are skipped');
const live = here ? test : test.skip;

const PAGE = 'src/io/MQTT.md';
const FLEET = 'hf/fQ3vXcKzWm1p';

/** A block of the page. */
function block(kind: string): string {
  const found = new RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, 'm').exec(readFileSync(PAGE, 'utf8'));
  assert.ok(found, `${PAGE} has no ${kind} block`);
  return found[1]!;
}

/** The lines of the page's configuration but those whose values are a place's own, which must be there too. */
function configuration(): string[] {
  const own = ['listener', 'cafile', 'certfile', 'keyfile', 'allow_anonymous', 'password_file', 'acl_file', 'persistence', 'persistence_location'];
  const lines = block('conf').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const name of own) assert.ok(lines.some((line) => line.startsWith(`${name} `)), `${name} is missing`);
  return lines.filter((line) => !own.includes(line.split(' ', 1)[0]!));
}

async function ready(...probes: Probe[]): Promise<void> {
  await Promise.all(probes.map((each) => each.until('a connection', () => each.up)));
}
const topics = (each: Probe): string[] => each.messages.map(({ topic }) => topic);

/** Two nodes under rules: each publishes where it may and where it may not, and the listeners hear only the former. */
async function enforced(acl: string, one: { user: string; level: string }, two: { user: string; level: string }, version: 4 | 5, readable = false): Promise<void> {
  const broker = await startMosquitto({ tls: 'server', config: configuration(), acl, users: { [one.user]: 'first secret', [two.user]: 'second', stranger: 'third' } });
  const url = (user: string, password: string) => `mqtts://${user}:${encodeURIComponent(password)}@127.0.0.1:${broker.port}?ca=${broker.folder}/ca.pem&version=${version}`;
  const filters = [`${FLEET}/+/h/+`, `${FLEET}/+/s/+`, `${FLEET}/+/to/instance2`];
  const a = probe(url(one.user, 'first secret')), b = probe(url(two.user, 'second'), { filters }), c = probe(url('stranger', 'third'), { filters: ['hf/#'] });
  await ready(a, b, c);
  const mine = [`${FLEET}/${one.level}/h/i1`, `${FLEET}/${one.level}/s/stream`, `${FLEET}/${one.level}/to/instance2`];
  const forbidden = [`${FLEET}/${two.level}/h/i2`, `${FLEET}/${two.level}/s/stream`, `${FLEET}/${one.level}x/h/i1`, 'hf/another0000/x/h/i'];
  b.publish(`${FLEET}/${two.level}/h/i2`, bytes('its head'), true);
  for (const topic of forbidden) a.publish(topic, topic.includes('/h/') ? new Uint8Array() : bytes('forged'), topic.includes('/h/'));
  for (const topic of mine) a.publish(topic, bytes('genuine'), topic.includes('/h/'));
  await b.until('what is allowed', () => topics(b).includes(mine[2]!));
  assert.equal(topics(b).filter((topic) => topic !== `${FLEET}/${two.level}/h/i2`), mine);
  assert.is(b.messages.filter(({ payload }) => payload.length === 0).length, 0, 'nobody clears the head of another');
  // The head of the second node is still retained.
  const late = probe(url(one.user, 'first secret'), { filters: [`${FLEET}/+/h/+`] });
  await late.until('both heads', () => late.messages.length === 2);
  assert.equal(topics(late).sort(), [`${FLEET}/${one.level}/h/i1`, `${FLEET}/${two.level}/h/i2`].sort());
  if (!readable) assert.equal(topics(c), [], 'who has no rule hears nothing');
  c.publish(`${FLEET}/${one.level}/s/stream`, bytes('forged'), false);
  await Promise.all([a, b, c, late].map((each) => each.close()));
  if (version === 5) {
    // One kind of topic, one notice, though two of them are heads.
    assert.is(a.notices.length, 4, a.notices.join('\n'));
    for (const each of [...a.notices, ...c.notices]) assert.match(each, "the broker's ACL does not let this user publish there");
    assert.is(c.notices.length, 1);
  }
  assert.is(b.messages.length, version === 5 ? mine.length : mine.length + 1, 'nothing of the stranger');
  await broker.stop();
}

for (const version of [5, 4] as const) {
  live(`a user for each node (version ${version})`, () => enforced(block('acl'), { user: 'pump-7', level: '2bN8sJdYw0aL' }, { user: 'pump-8', level: 'xT5uRk3Vq1mE' }, version));
}
live('users named after their levels', () => enforced(block('acl-pattern'), { user: '2bN8sJdYw0aL', level: '2bN8sJdYw0aL' }, { user: 'xT5uRk3Vq1mE', level: 'xT5uRk3Vq1mE' }, 5, true));

live('two brokers bridged carry what is published at either, retained heads too', async () => {
  const north = await startMosquitto();
  const port = await freePort();
  const bridge = block('bridge').split('\n').map((line) => line.replace('broker-north.example:8883', `127.0.0.1:${north.port}`));
  const south = await startMosquitto({ port, config: bridge });
  const a = probe(north.url, { filters: [`${FLEET}/#`] }), b = probe(south.url, { filters: [`${FLEET}/#`] });
  await ready(a, b);
  for (let attempt = 0; attempt < 300 && b.messages.length === 0; attempt++) {
    a.publish(`${FLEET}/a/s/x`, bytes('?'), false);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(b.messages.length > 0, `no bridge: ${south.log()}`);
  a.publish(`${FLEET}/a/h/i`, bytes('north'), true);
  b.publish(`${FLEET}/b/h/i`, bytes('south'), true);
  await Promise.all([a.until('the south', () => topics(a).includes(`${FLEET}/b/h/i`)), b.until('the north', () => topics(b).includes(`${FLEET}/a/h/i`))]);
  const late = probe(south.url, { filters: [`${FLEET}/+/h/+`] });
  await late.until('both heads', () => late.messages.length === 2);
  await Promise.all([a, b, late].map((each) => each.close()));
  await south.stop();
  await north.stop();
});

test.run();
