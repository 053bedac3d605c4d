// The page of a server in a real browser: the fleet at a glance, with an edge node that connects, records and goes.
// Made of dist/server and dist/edge.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { holdfast, start } from '../edge/program.ts';
import { document, inPlace, serve } from '../server/server.ts';
import { CHROMIUM, endBrowser, fit, look, visit } from './browser.ts';

const test = suite('server');
const inBrowser = CHROMIUM === undefined ? test.skip : test;
test.after(endBrowser);

inBrowser('a server shows its fleet: an edge node comes, its events are live and have a chart, it goes', () => inPlace(async (path) => {
  const dir = path('hq'), edge = path('pump');
  await document(['init', '--dir', dir, '--name', 'hq', '--fleet', 'north', '--json']);
  const server = await serve(dir, ['--metrics-seconds', '0']);
  try {
    const { token } = await document<{ token: string }>(['invite', '--dir', dir, '--name', 'pump', '--json']);
    assert.is((await holdfast(['join', '-', '--dir', edge], { input: token })).code, 0);
    const node = start(['run', '--dir', edge, '--peers', server.tcp, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '1']);
    try {
      const url = `${server.http.replace(/\/$/, '')}/`;
      await look(url, {}, async (page) => {
        await page.goto(`${url}#token=${readFileSync(`${dir}/http-token`, 'utf8').trim()}`);
        await page.getByRole('heading', { name: 'Fleet north', level: 1 }).waitFor();
        const row = page.locator('tr.line', { hasText: 'pump' });
        await row.getByText('connected').waitFor();
        await row.getByText(/GB|MB|TB/).waitFor();
        await fit(page, 'the fleet');
        await visit(page, '#/events');
        await page.locator('.eventlist .key', { hasText: 'pump' }).first().waitFor();
        await page.locator('.eventlist .key', { hasText: 'pump' }).first().click();
        await page.locator('figure canvas').first().waitFor();
        await visit(page, '#/links');
        await page.locator('svg .chip', { hasText: 'pump' }).waitFor();
        await fit(page, 'links');
        await visit(page, '#/');
        await node.stop();
        await row.getByText('between contacts').waitFor();
      }, /401|ERR_/);
    } finally {
      await node.stop();
    }
  } finally {
    await server.stop();
  }
}));

test.run();
