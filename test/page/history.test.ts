// A key's history and the deeds of the page in a real browser, answered by a stand-in: charts by mouse and keyboard, values as a table, pages of many events; what is asked before something is done, and what a refusal says.
// The page is that of dist/edge.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Page } from 'playwright-core';
import { CHROMIUM, endBrowser, fit, until, visit } from './browser.ts';
import { TOKEN } from './stand-in.ts';
import { withFleet } from './with-fleet.ts';

const test = suite('history');
const inBrowser = CHROMIUM === undefined ? test.skip : test;
test.after(endBrowser);
/** Answers that some of these ask for. */
const REFUSALS = { expected: /401|409|403/ };

const events = (page: Page): Promise<number> => page.locator('p', { hasText: 'A line is broken' }).textContent().then((text) => Number(/, ([\d\u202f]+)\u00a0events?/.exec(text!)![1]!.replaceAll('\u202f', '')));

inBrowser('charts of the fields that are chosen, moved by mouse and keyboard, with the same values as tables', () => withFleet(60, { zone: 'Asia/Kolkata' }, async (page, server) => {
  assert.not.ok(server.asked.some((path) => path.includes('chart')), 'the chart is loaded before it is looked at');
  await visit(page, '#/streams/telemetry/pump-1');
  await page.locator('figure canvas').nth(2).waitFor();
  assert.equal(await page.locator('figcaption b').allTextContents(), ['temperature', 'pressure', 'running']);
  await page.getByLabel('pressure', { exact: true }).uncheck();
  await until(page, "document.querySelectorAll('figure').length === 2");
  assert.is(await events(page), 1_000);
  // All of it: four pages, thinned so that no peak is missing.
  await page.getByRole('button', { name: 'all', exact: true }).click();
  await page.getByText(/3.200.events\./).waitFor();
  assert.is(server.asked.filter((path) => path.includes('/events?') && path.includes('cursor=')).length, 3);
  await page.getByText(/no peak is missing/).waitFor();
  await page.getByText('The values as tables').click();
  const highest = await page.locator('table.values').first().locator('td:nth-child(4)').allTextContents();
  assert.ok(highest.some((each) => Number(each) > 40), `the peak is in the table: ${highest.join(' ')}`);
  // The keyboard moves and draws nearer; what is asked for is that span.
  const charts = page.getByRole('group', { name: /^Charts\./ });
  await charts.focus();
  await page.keyboard.press('+');
  await until(page, `${String(await events(page))} !== 0 && !/3.200.events/.test(document.querySelector('main').textContent)`);
  const near = server.asked.findLast((path) => path.includes('/events?') && path.includes('since='))!;
  assert.match(near, 'until=');
  await page.keyboard.press('ArrowLeft');
  await until(page, "document.activeElement.getAttribute('aria-label')?.startsWith('Charts.')");
  // A span is drawn with the mouse.
  const over = (await page.locator('.u-over').first().boundingBox())!;
  await page.mouse.move(over.x + over.width * 0.3, over.y + 40);
  await page.mouse.down();
  await page.mouse.move(over.x + over.width * 0.6, over.y + 45, { steps: 4 });
  const asked = server.asked.length;
  await page.mouse.up();
  for (const end = Date.now() + 10_000; server.asked.length === asked && Date.now() < end;) await page.waitForTimeout(30);
  assert.ok(server.asked.length > asked, 'what was drawn is asked for');
  // The zone is said, and can be changed.
  await page.getByRole('button', { name: /Asia\/(Kolkata|Calcutta), UTC\+05:30/ }).click();
  await page.getByText(/ UTC to /).waitFor();
  await fit(page, 'a key');
}, REFUSALS));

inBrowser('what comes is drawn at once; a history without numbers says so; a refused reading says why', () => withFleet(60, {}, async (page, server, fleet) => {
  await visit(page, '#/streams/telemetry/pump-1');
  await page.locator('figure canvas').first().waitFor();
  server.event({ ...fleet.events('telemetry', 'pump-1')[0]!, id: 'fresh', time: Date.now(), body: { temperature: 55.5 } });
  await page.getByText('last 55.5').waitFor();
  await page.locator('.eventlist li').first().getByText('temperature 55.5').waitFor();
  await visit(page, '#/streams/telemetry/nobody');
  await page.getByText('Nothing in this span.').waitFor();
  server.refuse = { path: '/events', status: 409, code: 'store-damaged', message: 'That part of the history is damaged: holdfast verify --repair.' };
  await visit(page, '#/streams/telemetry/pump-2');
  await page.getByText('That part of the history is damaged').waitFor();
}, REFUSALS));

inBrowser('to revoke says what follows and wants a reason; a refusal stays in the dialog, in the words of the node', () => withFleet(60, {}, async (page, server, fleet) => {
  const node = fleet.head.alarms[0]!.node, { name } = fleet.nodes.find((row) => row.node === node)!;
  await visit(page, '#/alarms');
  await page.getByRole('button', { name: 'Revoke …' }).first().click();
  await page.getByText('It is shut out of the fleet').waitFor();
  assert.is(await page.evaluate("document.querySelector('dialog').contains(document.activeElement)"), true);
  await fit(page, 'revoke');
  const sure = page.getByRole('button', { name: `Revoke ${name}` });
  assert.ok(await sure.isDisabled());
  await page.getByLabel('Why').fill('  stolen  ');
  server.refuse = { path: '/revoke', status: 403, code: 'not-admin', message: 'This node is no administrator.' };
  await sure.click();
  await page.getByRole('alert').getByText('This node is no administrator.').waitFor();
  server.refuse = undefined;
  await sure.click();
  await page.getByRole('heading', { name: `${name} is revoked` }).waitFor();
  assert.equal(server.done.map(({ path, body }) => [path, JSON.parse(body)]), [[`/api/nodes/${node}/revoke`, { why: 'stolen' }]]);
  // Escape closes, and the focus is where it was.
  await page.keyboard.press('Escape');
  await until(page, "document.querySelector('dialog') === null && document.activeElement.textContent === 'Revoke …'");
}, REFUSALS));

inBrowser('quarantine is released, a bundle saved, files dropped, tokens made and taken back', () => withFleet(60, {}, async (page, server, fleet) => {
  const held = fleet.nodes[9]!;
  await visit(page, `#/nodes/${held.node}`);
  await page.getByRole('button', { name: 'Release quarantine …' }).click();
  await page.getByText(/12.segments/).last().waitFor();
  await page.getByRole('button', { name: 'Release', exact: true }).click();
  await page.getByText('counts from now on').waitFor();
  await page.getByRole('button', { name: 'Close' }).last().click();
  await page.getByRole('button', { name: 'Download a bundle …' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  assert.is((await downloading).suggestedFilename(), 'bundle.hfb');
  assert.equal(server.done.map(({ path, body }) => [path, JSON.parse(body)]), [[`/api/nodes/${held.node}/release`, {}], ['/api/tickets', { path: `/api/nodes/${held.node}/bundle` }]]);
  assert.not.ok(server.asked.some((path) => path.includes(TOKEN)), 'the token is in an address');
  await page.keyboard.press('Escape');
  // Files are dropped on any view.
  await page.evaluate("(() => { const data = new DataTransfer(); data.items.add(new File(['one'], 'a.hfb')); data.items.add(new File(['two'], 'b.hfb')); for (const type of ['dragover', 'drop']) document.querySelector('main').dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true })); })()");
  await page.getByText(/Took in 42.events\./).waitFor();
  assert.equal(server.done.at(-1), { method: 'POST', path: '/api/bundles', body: 'onetwo' });
  // Tokens: shown once, taken back after a second question.
  await page.getByLabel('Name of a new token').fill('wall');
  await page.getByLabel('What it may do').selectOption('append');
  await page.getByRole('button', { name: 'Make a token' }).click();
  assert.is(await page.getByLabel('Token wall').inputValue(), 'hft-secret-of-this-one');
  await page.getByRole('row', { name: /wall/ }).getByText('append').waitFor();
  await page.getByRole('button', { name: 'Take back … wall' }).click();
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.getByRole('row', { name: /wall/ }).waitFor({ state: 'detached' });
  assert.equal(server.done.slice(-2).map(({ method, path }) => `${method} ${path}`), ['POST /api/tokens', 'DELETE /api/tokens/wall']);
  await fit(page, 'access');
}, { ...REFUSALS, change: (fleet) => { Object.assign(fleet.nodes[9]!, { quarantine: { segments: 12, bytes: 9_000 }, state: 'member', self: false }); } }));

inBrowser('an invitation is shown once, with all that was chosen in it; what a token does not allow is not there', () => withFleet(60, { width: 360, height: 740 }, async (page, server) => {
  await visit(page, '#/access');
  await page.getByLabel('Name of the new node').fill('weir');
  await page.getByText('Rights and addresses').click();
  await page.getByLabel(/^Relay/).check();
  await page.getByLabel('Streams that it may write').fill('telemetry, alarms');
  assert.is(await page.getByLabel('Where it finds the fleet').inputValue(), 'tcp://hq.north.example:7700');
  await page.getByRole('button', { name: 'Make an invitation' }).click();
  assert.match(await page.getByLabel('Token of the invitation').inputValue(), /^hf-a1B2/);
  await fit(page, 'an invitation');
  assert.equal(JSON.parse(server.done[0]!.body), { name: 'weir', read: [], write: ['telemetry', 'alarms'], addresses: ['tcp://hq.north.example:7700'] });
  await page.getByRole('button', { name: 'I have it' }).click();
  assert.is(await page.getByText(/hf-a1B2/).count(), 0);
}, REFUSALS));

inBrowser('a page that may only read shows no deed', () => withFleet(60, {}, async (page, _, fleet) => {
  for (const route of ['#/', '#/alarms', `#/nodes/${fleet.head.alarms[0]!.node}`, '#/access']) {
    await visit(page, route);
    assert.is(await page.getByRole('button', { name: /Revoke …|Release|Download|invitation|Make|Choose/ }).count(), 0, route);
    assert.is(await page.locator('input[type=file]').count(), 0, route);
  }
  await page.getByText('may only read').first().waitFor();
}, { ...REFUSALS, change: (fleet) => { fleet.session.scope = 'read'; fleet.session.may = { append: false, bundles: false, invite: false, revoke: false, release: false, tokens: false }; } }));

test.run();
