// `token` and `page`: what they print opens the API and the page of the node that runs, and where there is nothing to print they say why.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, writeFileSync } from 'node:fs';
import { holdfast, inFolder, json, start } from './program.ts';

test('while a node runs its token and its page are printed, and both are good', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir, '--name', 'alpha']);
  // Nobody but the node makes the token: made by another user it could not be read by the node.
  const early = await holdfast(['token', '--dir', dir]);
  assert.equal([early.code, early.stdout, existsSync(`${dir}/http-token`)], [1, '', false]);
  assert.match(early.stderr, /holdfast run .*\[not-found\]/);

  const node = start(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', '127.0.0.1:0', '--metrics-seconds', '0']);
  await node.until(/page at/);
  const { token } = await json<{ token: string }>(['token', '--dir', dir]);
  assert.is((await holdfast(['token', '--dir', dir])).stdout, `${token}\n`);
  const { url, link } = await json<{ url: string; link: string }>(['page', '--dir', dir]);
  assert.is(link, `${url}/#token=${token}`);
  assert.is((await holdfast(['page', '--dir', dir])).stdout, `${link}\n`);
  assert.match(await (await fetch(link)).text(), '<html');
  assert.is((await fetch(`${url}/api/status`)).status, 401);
  assert.is((await fetch(`${url}/api/status`, { headers: { authorization: `Bearer ${token}` } })).status, 200);

  // Killed, it has left the file that says where it was.
  await node.stop('SIGKILL');
  const late = await holdfast(['page', '--dir', dir]);
  assert.equal([late.code, late.stdout], [1, '']);
  assert.match(late.stderr, /No node runs on .*\[not-found\]/);
  assert.is((await holdfast(['token', '--dir', dir])).stdout, `${token}\n`);
}));

test('a node without the API has no page, and a directory without a node has neither', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir, '--name', 'alpha']);
  writeFileSync(`${dir}/http-token`, 'left-by-an-earlier-run-of-this-node\n');
  writeFileSync(`${dir}/http-url`, 'http://127.0.0.1:1\n');
  const node = start(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0']);
  await node.until(/listening on/);
  const page = await holdfast(['page', '--dir', dir]);
  assert.equal([page.code, page.stdout], [1, '']);
  assert.match(page.stderr, /http is off.*\[not-found\]/);
  await node.stop();
  for (const command of ['token', 'page']) assert.match((await holdfast([command, '--dir', path('none')])).stderr, '[no-fleet]');
}));

test('tokens of narrower scope are made, listed and taken back, whether the node runs or not', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir, '--name', 'alpha']);
  const before = await json<{ token: string; name: string; scope: string }>(['token', '--scope', 'read', '--name', 'grafana', '--dir', dir]);
  assert.equal([before.name, before.scope], ['grafana', 'read']);
  const node = start(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', '127.0.0.1:0', '--metrics-seconds', '0']);
  await node.until(/page at/);
  const made = (await holdfast(['token', '--scope', 'append', '--name', 'pump', '--dir', dir])).stdout.trim(), { url } = await json<{ url: string }>(['page', '--dir', dir]);
  const ask = async (token: string, method: string, stream = 'streams/s/events'): Promise<number> =>
    (await fetch(`${url}/api/${stream}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(method === 'POST' && { body: '{"key":"k","type":"t"}' }) })).status;
  assert.equal([await ask(before.token, 'GET'), await ask(before.token, 'POST'), await ask(made, 'POST'), await ask(made, 'GET', 'tokens')], [200, 403, 200, 403]);
  assert.equal((await json<{ tokens: { name: string; scope: string }[] }>(['token', '--list', '--dir', dir])).tokens.map(({ name, scope }) => [name, scope]), [['grafana', 'read'], ['pump', 'append']]);
  assert.match((await holdfast(['token', '--revoke', 'grafana', '--dir', dir])).stdout, 'no longer taken');
  assert.is(await ask(before.token, 'GET'), 401);
  assert.match((await holdfast(['token', '--revoke', 'grafana', '--dir', dir])).stderr, '[not-found]');
  for (const wrong of [['--scope', 'read'], ['--name', 'x'], ['--list', '--revoke', 'x']]) assert.is((await holdfast(['token', ...wrong, '--dir', dir])).code, 2, wrong.join(' '));
  assert.match((await holdfast(['token', '--scope', 'root', '--name', 'x', '--dir', dir])).stderr, /no scope|not a scope/);
  await node.stop();
}));

test.run();
