// The page of a real node in a real browser: it asks for the token, shows what the node holds, follows what comes, and does what is asked: bundles, invitations, revocations.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Page } from 'playwright-core';
import { holdfast, inFolder, start } from '../edge/program.ts';
import { CHROMIUM, endBrowser, fit, look, until, visit, type Looked } from './browser.ts';

const test = suite('page');
// The program is dist/edge/holdfast, and the page beside it.
const inBrowser = CHROMIUM === undefined ? test.skip : test;
test.after(endBrowser);

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

interface Looking { url: string; token: string; path(name: string): string; append(line: string): Promise<void> }

/** A node with some events, its page open in a browser. */
async function withPage(looked: Looked, body: (page: Page, node: Looking) => Promise<void>): Promise<void> {
  await inFolder(async (path) => {
    const dir = path('node'), place = `127.0.0.1:${await freePort()}`;
    assert.is((await holdfast(['init', '--dir', dir, '--name', 'pump-house', '--fleet', 'north'])).code, 0);
    const append = async (line: string): Promise<void> => assert.is((await holdfast(['append', 'telemetry', '--dir', dir], { input: line })).code, 0);
    await append(Array.from({ length: 30 }, (_, i) => JSON.stringify({ key: `sensor-${String(i % 12).padStart(2, '0')}`, type: 'reading', body: { temperature: 20 + i / 10, state: 'ON' } })).join('\n'));
    assert.is((await holdfast(['append', 'alarms', '--dir', dir, '--key', 'door', '--type', 'open', '--body', 'true'])).code, 0);
    const node = start(['run', '--dir', dir, '--http', place, '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
    try {
      await node.until(/page at (\S+)/);
      const url = `http://${place}/`;
      await look(url, looked, (page) => body(page, { url, token: readFileSync(`${dir}/http-token`, 'utf8').trim(), path, append }), /401|403|422|ERR_/);
    } finally {
      await node.stop();
    }
  });
}

inBrowser('without the token it shows nothing and asks; with it, what the node holds, live', () => withPage({ width: 1200, height: 900 }, async (page, { url, token, path, append }) => {
  await page.goto(url);
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('That token is not the one').waitFor();
  assert.not.match(await page.content(), 'telemetry');
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('heading', { name: 'pump-house' }).waitFor();
  const row = page.getByRole('row', { name: /telemetry/ });
  await row.getByText('30', { exact: true }).first().waitFor();
  // What comes shows without asking.
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByText('They show here as they come.').waitFor();
  await append('{"key":"sensor-99","type":"reading","body":{"temperature":77.5}}');
  await page.locator('.eventlist').getByText('sensor-99').waitFor();
  await row.getByText('31', { exact: true }).first().waitFor();
  // What looks like markup is text, and characters that end lines elsewhere hide nothing.
  await append('{"key":"<b>bold</b><img src=x onerror=alert(1)>\\u2028end","type":"odd","body":"\\u2029"}');
  await page.locator('.eventlist').getByText('<b>bold</b>').waitFor();
  await row.getByText('32', { exact: true }).first().waitFor();
  // A stream is chosen; its latest values are filtered; a key has its chart.
  await row.getByRole('link', { name: 'telemetry' }).click();
  await page.getByRole('heading', { name: /Latest of each key/ }).waitFor();
  await page.getByPlaceholder(/Find in 14 keys/).fill('-01');
  await page.getByRole('row', { name: /sensor-01/ }).waitFor();
  assert.is(await page.getByRole('row', { name: /sensor-02/ }).count(), 0);
  await page.getByRole('link', { name: 'sensor-01' }).click();
  await page.getByRole('heading', { name: 'sensor-01', level: 1 }).waitFor();
  await page.locator('figure canvas').waitFor();
  await append('{"key":"sensor-01","type":"reading","body":{"temperature":33.25}}');
  await page.getByText('last 33.25').waitFor();
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as CSV' }).click();
  const saved = await saving;
  await saved.saveAs(path('sensor.csv'));
  assert.match(saved.suggestedFilename(), /\.csv$/);
  assert.match(readFileSync(path('sensor.csv'), 'utf8'), /sensor-01.*33\.25/);
  // The token is kept for the next visit, and not in the address.
  await page.goto(url);
  await page.getByRole('heading', { name: 'pump-house' }).waitFor();
  assert.is(page.url(), url);
  await page.getByRole('button', { name: 'Forget the token' }).click();
  await page.getByLabel('Token').waitFor();
  await page.reload();
  await page.getByLabel('Token').waitFor();
}));

inBrowser('the link with the token opens it at once; on a phone each view fits', () => withPage({ width: 360, height: 740, dark: true }, async (page, { url, token }) => {
  await page.goto(`${url}#token=${token}`);
  await page.getByRole('heading', { name: 'Fleet north' }).waitFor();
  assert.is(page.url(), url);
  for (const route of ['#/nodes', '#/streams', '#/streams/telemetry', '#/streams/telemetry/sensor-01', '#/events', '#/links', '#/alarms', '#/access', '#/']) {
    await visit(page, route);
    await fit(page, route);
  }
  for (const button of await page.getByRole('button').all()) if (await button.isVisible()) assert.ok((await button.boundingBox())!.height >= 24, 'a button too low for a thumb');
}));

inBrowser('a node is invited, gets a bundle, sends one back and is revoked, all from the page', () => withPage({}, async (page, { url, token, path, append }) => {
  await page.goto(`${url}#token=${token}`);
  await page.getByRole('link', { name: 'Access' }).click();
  await page.getByLabel('Name of the new node').fill('weir');
  await page.getByRole('button', { name: 'Make an invitation' }).click();
  const invitation = await page.getByLabel('Token of the invitation').inputValue();
  const joined = await holdfast(['join', '-', '--dir', path('weir')], { input: invitation });
  assert.is(joined.code, 0, joined.stderr);
  assert.match(joined.stdout, 'weir');
  assert.is((await holdfast(['append', 'telemetry', '--dir', path('weir'), '--key', 'gauge', '--type', 'level', '--body', '1.5'])).code, 0);
  // What was written there comes by hand: the file is chosen on the page.
  assert.is((await holdfast(['export', path('back.hfb'), '--dir', path('weir')])).code, 0);
  await page.setInputFiles('#bundles', path('back.hfb'));
  await page.getByText(/Took in \d.events?\./).waitFor();
  writeFileSync(path('junk.hfb'), 'this is no bundle at all'.repeat(9));
  await page.setInputFiles('#bundles', path('junk.hfb'));
  await page.getByText(/Nothing new|Not done/).waitFor();
  // Now it is known here, and is brought what it lacks.
  await page.getByRole('link', { name: 'Fleet', exact: true }).click();
  await page.locator('tr.line', { hasText: 'weir' }).getByRole('link').click();
  await append('{"key":"news","type":"reading","body":1}');
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download a bundle' }).click();
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  const download = await downloading;
  assert.not.ok(download.url().includes(token), 'the token is in an address');
  await download.saveAs(path('there.hfb'));
  const imported = await holdfast(['import', path('there.hfb'), '--dir', path('weir')]);
  assert.is(imported.code, 0, imported.stderr);
  assert.match((await holdfast(['get', 'telemetry', 'news', '--dir', path('weir'), '--json'])).stdout, '"body":1');
  await page.keyboard.press('Escape');
  // Revoked: it says what follows, and wants to know why.
  await page.getByRole('button', { name: 'Revoke …' }).click();
  const sure = page.getByRole('button', { name: 'Revoke weir' });
  assert.ok(await sure.isDisabled());
  await page.getByLabel('Why').fill('stolen');
  await fit(page, 'revoke');
  await sure.click();
  await page.getByRole('heading', { name: 'weir is revoked' }).waitFor();
  await page.getByRole('button', { name: 'Close' }).last().click();
  await page.locator('.heading').getByText('revoked').waitFor();
  assert.match((await holdfast(['status', '--dir', path('node')])).stdout, /weir.*revoked|revoked.*weir/s);
}));

inBrowser('a token that may only read sees everything and can do nothing', () => withPage({}, async (page, { url, path }) => {
  const made = await holdfast(['token', '--scope', 'read', '--name', 'wall', '--dir', path('node'), '--json']);
  assert.is(made.code, 0, made.stderr);
  await page.goto(`${url}#token=${(JSON.parse(made.stdout) as { token: string }).token}`);
  await page.getByRole('heading', { name: 'pump-house' }).waitFor();
  assert.is(await page.getByRole('link', { name: 'Access' }).count(), 0);
  await visit(page, '#/access');
  await page.getByText('may only read').waitFor();
  await page.getByRole('link', { name: 'Fleet', exact: true }).click();
  await page.locator('tr.line').first().getByRole('link').click();
  await page.getByText('Membership').waitFor();
  assert.is(await page.getByRole('button', { name: /Revoke|Download|Release/ }).count(), 0);
  // Taken back, it opens nothing any more.
  assert.is((await holdfast(['token', '--revoke', 'wall', '--dir', path('node')])).code, 0);
  await page.reload();
  await until(page, "document.querySelector('#token') !== null");
}));

test.run();
