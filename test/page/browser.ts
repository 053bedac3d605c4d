// A real Chromium for tests of the page: what it complains of is collected, and what it shows is measured.

import * as assert from 'uvu/assert';
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Where this machine has one; undefined: tests that need it are skipped. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (CHROMIUM === undefined) console.log('skipped: there is no Chromium on this machine');

/** How the page is looked at. */
export interface Looked { width?: number; height?: number; dark?: boolean; still?: boolean; zone?: string }

let browser: Browser | undefined;

/** Opens a page in a profile of its own, hands it on, and asserts at the end that the browser had nothing to complain of and asked nobody but `url`. */
export async function look(url: string, { width = 1280, height = 800, dark = false, still = true, zone = 'UTC' }: Looked, body: (page: Page) => Promise<void>, expected = /401/): Promise<void> {
  browser ??= await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', reducedMotion: still ? 'reduce' : 'no-preference', timezoneId: zone, acceptDownloads: true });
  const page = await context.newPage(), complaints: string[] = [];
  page.setDefaultTimeout(20_000);
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type()) && !expected.test(message.text())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => { complaints.push(`a script asked: ${dialog.message()}`); void dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) complaints.push(`asks for ${request.url()}`); });
  try {
    await body(page);
    assert.equal(complaints, []);
  } finally {
    await context.close();
  }
}

/** Ends the browser. */
export async function endBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

/** Runs in the browser: texts whose contrast to what is behind them is below 4.5. */
const POOR = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const channels = (css) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const linear = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)); };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if (c[3] > 0) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || element.closest('.hidden, noscript, meter, title, option, :disabled, [aria-hidden=true]') || element.offsetParent === null && !element.closest('svg, dialog, nav')) continue;
    const style = getComputedStyle(element), ink = element.closest('svg') ? style.fill : style.color;
    const a = light(channels(ink)), b = light(behind(element)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(element.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return poor;
})()`;

/** Runs in the browser: parts that a screen reader could not call by a name, ids that stand twice, headings that leave out a level. */
const NAMELESS = `(() => {
  const wrong = [...document.querySelectorAll('button, a, input, select, textarea, section, table, nav, dialog, progress, svg[role=img]')]
    .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length)).map((e) => e.outerHTML.slice(0, 80));
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  wrong.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => 'id twice: ' + id));
  if (document.querySelectorAll('h1').length !== 1) wrong.push(document.querySelectorAll('h1').length + ' first headings');
  if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
  wrong.push(...[...document.querySelectorAll('[aria-labelledby]')].filter((e) => !document.getElementById(e.getAttribute('aria-labelledby'))).map((e) => 'labelled by nothing: ' + e.outerHTML.slice(0, 60)));
  return wrong;
})()`;

/** Asserts that all texts stand out, all parts have names, and nothing is wider than the screen. */
export async function fit(page: Page, where: string): Promise<void> {
  assert.equal(await page.evaluate(POOR), [], `${where}: contrast`);
  assert.equal(await page.evaluate(NAMELESS), [], `${where}: names`);
  const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  assert.ok(Number(wide) <= 0, `${where}: ${String(wide)} pixels too wide`);
}

/** Goes to a view of the page that is open. */
export async function visit(page: Page, route: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(route)}`);
  await until(page, `decodeURI(location.hash) === decodeURI(${JSON.stringify(route)}) && document.activeElement?.matches('main h1')`);
}

/** Waits until an expression holds in the browser. (Playwright's own way would evaluate a string inside the page, which the page's policy forbids.) */
export async function until(page: Page, expression: string, what = expression): Promise<void> {
  for (const end = Date.now() + 20_000; !(await page.evaluate(expression));) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await page.waitForTimeout(40);
  }
}
