// Who may in, and whom this node believes: TLS with a pinned CA, client certificates, users and passwords, and the words for what is wrong with them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { probe, type Probe } from './broker-probe.ts';
import { hasMosquitto, mosquittoTool, startMosquitto } from './mosquitto.ts';

const test = suite('mqtt tls');
const here = hasMosquitto();
if (!here) console.log('mosquitto is not on this machine: tests of a real broker are skipped');
const live = here ? test : test.skip;

/** Whether a URL leads to a connection, or why it does not. */
async function outcome(url: string, folder?: string): Promise<string> {
  const each: Probe = probe(url, { once: true, filters: ['hf/#'], ...(folder !== undefined && { folder }) });
  await each.until('an outcome', () => each.up || each.downs.length > 0);
  // TLS 1.3 tells a client after its handshake what is wrong with its certificate.
  const said = each.downs[0] ?? 'up';
  await each.close();
  return said;
}

live('only the pinned CA is believed, and only for the name that was dialled', async () => {
  const broker = await startMosquitto({ tls: 'server' });
  const base = `mqtts://127.0.0.1:${broker.port}`, ca = join(broker.folder, 'ca.pem'), strange = join(broker.folder, 'strange-ca.pem');
  assert.is(await outcome(`${base}?ca=${ca}`), 'up');
  assert.is(await outcome(`${base}?ca=ca.pem`, broker.folder), 'up');
  assert.is(await outcome(`${base}?ca=${ca}&version=4&servername=localhost`), 'up');
  assert.is(await outcome(`mqtts://localhost:${broker.port}?ca=${ca}`), 'up');
  const wrongCa = await outcome(`${base}?ca=${strange}`);
  assert.match(wrongCa, `is not signed by the CA in ${strange}`);
  assert.match(wrongCa, 'of broker.test, issued by Test ca');
  assert.match(await outcome(base), 'is not trusted by this machine');
  const wrongName = await outcome(`${base}?ca=${ca}&servername=elsewhere.test`);
  assert.match(wrongName, 'not for elsewhere.test');
  assert.match(wrongName, /IP Address:127\.0\.0\.1/);
  assert.match(await outcome(`${base}?ca=${join(broker.folder, 'none.pem')}`), /the broker's CA in .*none\.pem cannot be read \(ENOENT\)/);
  writeFileSync(join(broker.folder, 'junk.pem'), 'junk');
  assert.is.not(await outcome(`${base}?ca=${join(broker.folder, 'junk.pem')}`), 'up');
  assert.match(await outcome(`${base}?ca=${ca}&cert=${join(broker.folder, 'client.pem')}&key=${join(broker.folder, 'strange.key')}`), 'cannot be used for TLS');
  // Each end speaks its own language to the other.
  const plainly = await outcome(`mqtt://127.0.0.1:${broker.port}`);
  assert.match(plainly, /no MQTT broker; is it the port for encrypted|closed the connection instead of answering/, plainly);
  await broker.stop();
  const plain = await startMosquitto();
  assert.match(await outcome(`mqtts://127.0.0.1:${plain.port}?ca=/dev/null`), 'is no file with');
  assert.match(await outcome(`mqtts://127.0.0.1:${plain.port}`), /speaks no TLS|before anything was said|broke the connection/);
  await plain.stop();
});

live('a certificate that is over, or not yet valid, is told from a wrong one', async () => {
  const broker = await startMosquitto({ tls: 'server' });
  const made = spawnSync(mosquittoTool('openssl'), ['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '-1', '-out', 'server.pem', '-extfile', 'server.ext'], { cwd: broker.folder });
  assert.is(made.status, 0, String(made.stderr));
  await broker.restart();
  const said = await outcome(`mqtts://127.0.0.1:${broker.port}?ca=${broker.folder}/ca.pem`);
  assert.match(said, /has expired on .*or the clock of this machine is wrong: it says \d{4}-\d\d-\d\d/);
  await broker.stop();
});

live('a broker that wants client certificates gets one, and says when it is none of its own', async () => {
  const broker = await startMosquitto({ tls: 'client', config: ['use_identity_as_username true'] });
  const at = (name: string) => join(broker.folder, name);
  const base = `mqtts://127.0.0.1:${broker.port}?ca=${at('ca.pem')}`;
  assert.is(await outcome(`${base}&cert=${at('client.pem')}&key=${at('client.key')}`), 'up');
  assert.match(broker.log(), "u'gateway-one'");
  assert.match(await outcome(base), /wants a client certificate .*cert=PATH/);
  assert.match(await outcome(`${base}&cert=${at('strange.pem')}&key=${at('strange.key')}`), /does not accept the client certificate in .*strange\.pem/);
  await broker.stop();
});

live('users, passwords and their files', async () => {
  const broker = await startMosquitto({ users: { gate: 'open:sesame@/%', other: 'x' } });
  const at = `127.0.0.1:${broker.port}`, password = encodeURIComponent('open:sesame@/%');
  writeFileSync(join(broker.folder, 'pass'), 'open:sesame@/%\n');
  for (const version of [4, 5]) {
    assert.is(await outcome(`mqtt://gate:${password}@${at}?version=${version}`), 'up');
    assert.is(await outcome(`mqtt://gate@${at}?password-file=pass&version=${version}`, broker.folder), 'up');
    assert.match(await outcome(`mqtt://gate:wrong@${at}?version=${version}`), 'the user gate in: the user name or the password is wrong');
    assert.match(await outcome(`mqtt://${at}?version=${version}`), 'does not let us in without a user name');
  }
  const wrong = await outcome(`mqtt://gate:geheim@${at}`);
  assert.not.match(wrong, 'geheim');
  assert.match(await outcome(`mqtt://gate@${at}?password-file=none`, broker.folder), 'the password in none cannot be read');
  await broker.stop();
});

test('hosts that are not there', async () => {
  assert.match(await outcome('mqtt://no-such-host.invalid'), /there is no host named no-such-host\.invalid|cannot be looked up now/);
  assert.match(await outcome('mqtt://127.0.0.1:1'), '127.0.0.1 refuses connections on port 1: is a broker running there?');
  assert.match(await outcome('mqtt://127.0.0.1'.replace('127.0.0.1', '[::ffff:127.0.0.1]') + ':1'), 'refuses connections');
});

test.run();
