// The page of a node in a real browser: it asks for the token, shows what the node holds, follows what comes, and can be used on a phone, by keyboard, and in the dark.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { holdfast, inFolder, start } from '../edge/program.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const test = suite('page');
// The program is dist/edge/holdfast, and the page beside it.
const inBrowser = CHROMIUM === undefined ? test.skip : test;
if (CHROMIUM === undefined) console.log('skipped: there is no Chromium on this machine');

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

/** A node with some events, its page open in a browser; `watch` collects what the browser complains of. */
async function withPage(size: { width: number; height: number; dark?: boolean }, body: (page: Page, node: { url: string; token: string; append(line: string): Promise<void> }) => Promise<void>): Promise<void> {
  await inFolder(async (path) => {
    const dir = path('node'), place = `127.0.0.1:${await freePort()}`;
    assert.is((await holdfast(['init', '--dir', dir, '--name', 'pump-house', '--fleet', 'north'])).code, 0);
    const append = async (line: string): Promise<void> => assert.is((await holdfast(['append', 'telemetry', '--dir', dir], { input: line })).code, 0);
    await append(Array.from({ length: 30 }, (_, i) => JSON.stringify({ key: `sensor-${String(i % 12).padStart(2, '0')}`, type: 'reading', body: { temperature: 20 + i / 10, state: 'ON' } })).join('\n'));
    assert.is((await holdfast(['append', 'alarms', '--dir', dir, '--key', 'door', '--type', 'open', '--body', 'true'])).code, 0);
    const node = start(['run', '--dir', dir, '--http', place, '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
    let browser: Browser | undefined;
    try {
      await node.until(/page at (\S+)/);
      browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
      const context = await browser.newContext({ viewport: { width: size.width, height: size.height }, colorScheme: size.dark ? 'dark' : 'light' }), page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => { if (['error', 'warning'].includes(message.type()) && !/401/.test(message.text())) complaints.push(message.text()); });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => { if (!request.url().startsWith(`http://${place}/`) && !request.url().startsWith('data:')) complaints.push(`asks for ${request.url()}`); });
      await body(page, { url: `http://${place}/`, token: readFileSync(`${dir}/http-token`, 'utf8').trim(), append });
      assert.equal(complaints, []);
    } finally {
      await browser?.close();
      await node.stop();
    }
  });
}

inBrowser('without the token it shows nothing and asks; with it, what the node holds', () => withPage({ width: 1200, height: 900 }, async (page, { url, token, append }) => {
  await page.goto(url);
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('That token is not the one').waitFor();
  assert.not.match(await page.content(), 'telemetry');
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('heading', { name: 'pump-house' }).waitFor();
  await page.getByRole('row', { name: /telemetry/ }).getByText('30', { exact: true }).waitFor();
  // What comes shows without asking.
  await page.getByText('live', { exact: true }).waitFor();
  await append('{"key":"sensor-99","type":"reading","body":{"temperature":77.5}}');
  await page.locator('.events').getByText('sensor-99').waitFor();
  await page.getByRole('row', { name: /telemetry/ }).getByText('31', { exact: true }).waitFor();
  // What looks like markup is text, and characters that end lines elsewhere hide nothing.
  await append('{"key":"<b>bold</b><img src=x onerror=alert(1)>\\u2028end","type":"odd","body":"\\u2029"}');
  await page.locator('.events').getByText('<b>bold</b>').waitFor();
  await page.getByRole('row', { name: /telemetry/ }).getByText('32', { exact: true }).waitFor();
  // A stream is chosen; its latest values are filtered.
  await page.getByRole('button', { name: 'telemetry' }).click();
  await page.getByRole('heading', { name: 'Latest in telemetry' }).waitFor();
  await page.getByPlaceholder(/filter/).fill('99');
  await page.locator('.latest').getByText('temperature 77.5').waitFor();
  assert.is(await page.locator('.latest tbody tr').count(), 1);
  // Paused, nothing moves, and what came is counted.
  await page.getByRole('button', { name: 'Pause' }).click();
  await append('{"key":"sensor-98","type":"reading","body":1}');
  await page.getByRole('button', { name: /Go on \(1 new\)/ }).click();
  await page.locator('.events').getByText('sensor-98').waitFor();
  // The token is kept for the next visit, and not in the address.
  await page.reload();
  await page.getByRole('heading', { name: 'pump-house' }).waitFor();
  assert.is(page.url(), url);
}));

inBrowser('the link with the token opens it at once; on a phone nothing is wider than the screen; when the node stops it says so', () => withPage({ width: 360, height: 740, dark: true }, async (page, { url, token }) => {
  await page.goto(`${url}#token=${token}`);
  await page.getByRole('heading', { name: 'Fleet north' }).waitFor();
  assert.is(page.url(), url);
  const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  assert.ok(Number(wide) <= 0, `${String(wide)} pixels too wide`);
  for (const button of await page.getByRole('button').all()) assert.ok((await button.boundingBox())!.height >= 24, 'a button too low for a thumb');
}));

/** Runs in the browser: texts whose contrast to what is behind them is below 4.5. */
const POOR = `(() => {
  const channels = (css) => { const m = /rgba?\\(([^)]+)\\)/.exec(css); return m ? m[1].split(/[ ,\\/]+/).map(Number) : [0, 0, 0, 0]; };
  const linear = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)); };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if ((c[3] ?? 1) > 0) layers.push(c); if ((c[3] ?? 1) === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || element.closest('.hidden, noscript, svg, meter')) continue;
    const a = light(channels(getComputedStyle(element).color)), b = light(behind(element)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(element.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return poor;
})()`;

for (const dark of [false, true]) {
  inBrowser(`${dark ? 'dark' : 'light'}: every text stands out, every part has a name, and the keyboard reaches all of it`, () => withPage({ width: 1000, height: 800, dark }, async (page, { url, token }) => {
    await page.goto(`${url}#token=${token}`);
    await page.getByRole('button', { name: 'telemetry' }).waitFor();
    await page.getByText('sensor-03').first().waitFor();
    assert.equal(await page.evaluate(POOR), []);
    const reached: string[] = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      reached.push(String(await page.evaluate("document.activeElement.textContent.slice(0, 12) || document.activeElement.placeholder || document.activeElement.tagName")));
    }
    for (const name of ['alarms', 'telemetry', 'filter', 'Pause']) assert.ok(reached.some((each) => each.includes(name)), `${name}: ${reached.join(', ')}`);
    await page.getByRole('button', { name: 'alarms' }).focus();
    assert.not.match(String(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")), 'none');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Latest in alarms' }).waitFor();
    const nameless = await page.evaluate("[...document.querySelectorAll('button, input, section, table')].filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map((e) => e.outerHTML.slice(0, 80))");
    assert.equal(nameless, []);
    assert.is(await page.evaluate("document.documentElement.lang"), 'en');
  }));
}

test.run();
