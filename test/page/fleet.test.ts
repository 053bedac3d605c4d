// The dashboard of a fleet of 1,000 nodes in a real browser: what is there at once, what happens when something changes, each view, lost connections.
// The page is that of dist/edge; what it asks is answered by a stand-in.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import type { Entry } from '../../targets/page/contract.ts';
import { CHROMIUM, endBrowser, fit, until, visit } from './browser.ts';
import type { MadeFleet } from './made-fleet.ts';
import { withFleet } from './with-fleet.ts';

const test = suite('fleet');
const inBrowser = CHROMIUM === undefined ? test.skip : test;
test.after(endBrowser);

const VIEWS = (fleet: MadeFleet): string[] => ['#/', '#/nodes', `#/nodes/${fleet.head.alarms[0]?.node ?? fleet.head.self}`, '#/streams', '#/streams/telemetry', '#/streams/telemetry/pump-1', '#/events', '#/links', '#/alarms', '#/access'];

test('what a browser loads for the first view is less than 40 kB; charts come when they are looked at', () => {
  const files = JSON.parse(readFileSync('dist/edge/page/manifest.json', 'utf8')) as { file: string; br: number }[];
  const later = files.filter(({ file }) => file.startsWith('chart-'));
  assert.is(later.length, 1);
  const first = files.filter((each) => !later.includes(each)).reduce((sum, { br }) => sum + br, 0);
  assert.ok(first < 40_000, `${first} bytes`);
});

inBrowser('1,000 nodes are found, filtered and ordered, and few of them are drawn', () => withFleet(1_000, {}, async (page) => {
  await page.getByPlaceholder(/1.000\snodes/).waitFor();
  assert.is(await page.locator('table.nodes').getAttribute('aria-rowcount'), '1001');
  const drawn = await page.locator('tr.line').count();
  assert.ok(drawn > 4 && drawn < 80, `${drawn} rows are drawn`);
  await page.getByRole('button', { name: /^Silent/ }).click();
  const silent = Number(/\d+/.exec((await page.getByRole('button', { name: /^Silent/ }).textContent())!)![0]);
  await until(page, `document.querySelectorAll('tr.line').length === ${silent}`);
  await page.getByRole('button', { name: /^All/ }).click();
  await page.getByPlaceholder(/nodes/).fill('ferry-1');
  await page.locator('tr.line', { hasText: 'ferry-17' }).waitFor();
  await page.locator('tr.line', { hasText: 'pump' }).first().waitFor({ state: 'detached' });
  await page.getByPlaceholder(/nodes/).fill('');
  await page.getByRole('button', { name: 'Last contact' }).click();
  await page.locator('th[aria-sort=ascending]', { hasText: 'Last contact' }).waitFor();
  // What was chosen stays chosen when one comes back.
  await page.locator('tr.line a').nth(3).click();
  await page.getByRole('heading', { name: 'Membership' }).waitFor();
  await page.goBack();
  await page.locator('th[aria-sort=ascending]', { hasText: 'Last contact' }).waitFor();
}));

inBrowser('a change of one node draws its row anew and nothing else; the place that is looked at stays', () => withFleet(1_000, {}, async (page, server, fleet) => {
  await page.getByRole('combobox', { name: 'Order' }).selectOption('name');
  await page.evaluate('scrollTo(0, 20000)');
  await until(page, "[...document.querySelectorAll('tr.line')].some((e) => e.getBoundingClientRect().top > 100 && e.getBoundingClientRect().top < 400)");
  const shown = await page.evaluate("[...document.querySelectorAll('tr.line')].find((e) => e.getBoundingClientRect().top > 200).querySelector('.name').textContent") as string;
  const row = fleet.nodes.find(({ name }) => name === shown)!;
  await page.evaluate(`window.touched = new Set(); window.count = 0; new MutationObserver((all) => { for (const { target } of all) { const e = target.nodeType === 1 ? target : target.parentElement; if (e.closest('time, .words')) continue; count++; touched.add(e.closest('tr')?.querySelector('.name')?.textContent ?? e.outerHTML.slice(0, 60)); } }).observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true, attributes: true })`);
  const before = await page.evaluate('[scrollY, document.documentElement.scrollHeight]');
  server.patch({ nodes: [{ node: row.node, version: '9.9.9', disk: { free: 123_000_000_000, total: 500_000_000_000 } }] });
  await page.locator('tr.line', { hasText: '9.9.9' }).waitFor();
  assert.equal(await page.evaluate('[...touched]'), [shown]);
  assert.ok(Number(await page.evaluate('count')) <= 12, `${String(await page.evaluate('count'))} changes for one row`);
  assert.equal(await page.evaluate('[scrollY, document.documentElement.scrollHeight]'), before);
  // A thousand at once, most of them out of sight: as many changes as there are rows in sight, and the page stays as long as it was.
  await page.evaluate('touched.clear(); count = 0');
  server.patch({ nodes: fleet.nodes.map(({ node }) => ({ node, version: '8.8.8' })) });
  await until(page, "!document.querySelector('tr.line').textContent.includes('0.1.0')");
  assert.ok(Number(await page.evaluate('touched.size')) <= await page.locator('tr.line').count());
  assert.equal(await page.evaluate('[scrollY, document.documentElement.scrollHeight]'), before);
  // The focus stays where it is, too.
  await page.locator('tr.line a', { hasText: shown }).focus();
  server.patch({ nodes: [{ node: row.node, version: '7.7.7' }], counts: { ...fleet.head.counts, silent: 99 } });
  await page.locator('tr.line', { hasText: '7.7.7' }).waitFor();
  assert.is(await page.evaluate("document.activeElement.querySelector('.name')?.textContent"), shown);
}));

for (const [dark, width] of [[false, 1280], [true, 1280], [false, 360], [true, 360]] as const) {
  inBrowser(`every view, ${dark ? 'dark' : 'light'}, ${width} wide: texts stand out, parts have names, nothing is wider than the screen`, () => withFleet(400, { width, height: 780, dark }, async (page, server, fleet) => {
    for (const route of VIEWS(fleet)) {
      await visit(page, route);
      if (route === '#/events') {
        await page.locator('.heading .good', { hasText: 'live' }).waitFor();
        for (const entry of fleet.events('telemetry').slice(0, 20)) server.event(entry);
        await page.locator('.eventlist li').first().waitFor();
      }
      if (route.endsWith('pump-1')) await page.locator('.u-over').first().waitFor();
      if (route === '#/streams/telemetry') await page.getByRole('cell', { name: /temperature/ }).first().waitFor();
      await fit(page, route);
    }
  }));
}

inBrowser('one node: this node first, its fleet beside it; the same at 360 pixels', () => withFleet(6, { width: 360, height: 740 }, async (page) => {
  await page.getByRole('heading', { name: 'hq', level: 1 }).waitFor();
  await page.getByText('modbus').waitFor();
  await page.getByRole('heading', { name: 'Fleet north' }).waitFor();
  await page.getByText('What was refused last').click();
  await page.getByText('<b>{"temp":').waitFor();
  await fit(page, 'one node');
}, { view: 'node' }));

inBrowser('what is lost is said with its age, and comes back by itself; a node that begins anew is asked for everything again', () => withFleet(40, {}, async (page, server, fleet) => {
  await page.getByText('live', { exact: true }).waitFor();
  await server.stop();
  await page.getByText(/Out of date\./).waitFor();
  await page.getByText(/no connection for/).waitFor();
  fleet.nodes[3]!.version = '5.5.5';
  await server.start();
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByText(/Out of date\./).waitFor({ state: 'detached' });
  await page.getByPlaceholder(/nodes/).fill(fleet.nodes[3]!.name);
  server.say('reload');
  await page.locator('tr.line', { hasText: '5.5.5' }).waitFor();
  await until(page, "document.querySelector('[aria-live=polite]').textContent === 'Connected again.'");
}, { expected: /ERR_CONNECTION|Failed to load resource|401/ }));

inBrowser('names, keys, types, bodies and alarms are text, whatever they look like', () => withFleet(12, {}, async (page, server, fleet) => {
  const entry: Entry = { id: 'x1', stream: 'telemetry', key: EVIL, type: EVIL, time: Date.now(), node: fleet.nodes[1]!.node, body: { [EVIL]: EVIL } };
  await page.locator('tr.line', { hasText: '<img src=x' }).first().waitFor();
  for (const route of ['#/alarms', '#/links', `#/nodes/${fleet.nodes[1]!.node}`, `#/streams/telemetry/${encodeURIComponent(EVIL)}`, `#/${encodeURIComponent(EVIL)}`, '#/events', '#/access']) {
    await visit(page, route);
    if (route === '#/events') {
      await page.locator('.heading .good', { hasText: 'live' }).waitFor();
      server.event(entry);
      await page.locator('.eventlist .body', { hasText: '<script>' }).waitFor();
      await page.getByRole('button', { name: 'Pause' }).click();
      server.event({ ...entry, id: 'x2', body: 'waits' });
      await page.getByRole('button', { name: 'Go on (1 new)' }).click();
      await page.locator('.eventlist .body', { hasText: 'waits' }).waitFor();
      await page.getByPlaceholder('Text in the body').fill('<SCRIPT>');
      await until(page, "document.querySelectorAll('.eventlist li').length === 1");
      await page.getByPlaceholder('Key').fill('no such');
      await page.getByText('None of them fits.').waitFor();
    }
    assert.is(await page.evaluate("document.querySelectorAll('main img, main script, main iframe').length"), 0, route);
  }
}, { change: (fleet) => {
  fleet.nodes[1]!.name = EVIL;
  fleet.head.alarms.unshift({ kind: 'other', code: EVIL, level: 'bad', node: fleet.nodes[1]!.node, name: EVIL, text: EVIL, at: null });
  fleet.head.links.push({ ...fleet.head.links[0]!, url: `tcp://${EVIL}`, reason: EVIL, state: 'waiting', broker: null });
} }));
const EVIL = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'><a href="javascript:alert(3)">\u2028x';

inBrowser('by keyboard: past the navigation, through the filters, to a node and back; alarms that come are said aloud', () => withFleet(60, {}, async (page, server, fleet) => {
  await page.keyboard.press('Tab');
  assert.is(await page.evaluate('document.activeElement.textContent'), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.is(await page.evaluate('document.activeElement.tagName'), 'H1');
  const reached: string[] = [];
  for (let i = 0; i < 40 && !reached.includes('hq'); i++) {
    await page.keyboard.press('Tab');
    reached.push(String(await page.evaluate("document.activeElement.querySelector('.name')?.textContent ?? (document.activeElement.textContent.trim().slice(0, 12) || document.activeElement.placeholder)")));
  }
  for (const name of ['All', 'Find in', 'hq']) assert.ok(reached.some((each) => each.startsWith(name)), `${name}: ${reached.join(', ')}`);
  assert.not.match(String(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")), 'none');
  // Rows that are not drawn yet are reached all the same.
  for (let i = 0; i < 45; i++) await page.keyboard.press('Tab');
  assert.is(await page.evaluate("document.activeElement.closest('tr')?.getAttribute('aria-rowindex')"), '47');
  await page.getByPlaceholder(/nodes/).fill('hq');
  await page.locator('tr.line a').first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'hq', level: 1 }).waitFor();
  await until(page, "document.activeElement.tagName === 'H1'");
  server.patch({ alarms: [{ kind: 'clone', code: 'clone', level: 'bad', node: fleet.nodes[2]!.node, name: fleet.nodes[2]!.name, text: 'Two machines write as one.', at: Date.now() }, ...fleet.head.alarms] });
  await until(page, "document.querySelector('[aria-live=polite]').textContent.includes('Two machines write as one.')");
  assert.match(await page.title(), '⚠');
}));

test.run();
