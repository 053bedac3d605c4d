// A made fleet, the stand-in that answers for it, and the page in front of a test.
import type { Page } from 'playwright-core';
import { look, type Looked } from './browser.ts';
import { madeFleet, type MadeFleet } from './made-fleet.ts';
import { standIn, TOKEN, type StandIn } from './stand-in.ts';

/** Opens the page on a fleet of so many nodes, which `change` may alter first; `expected`: what the browser's console may complain of. */
export async function withFleet(count: number, looked: Looked, body: (page: Page, server: StandIn, fleet: MadeFleet) => Promise<void>, { view = 'fleet' as MadeFleet['session']['view'], change = (_: MadeFleet): void => {}, expected = /401/ } = {}): Promise<void> {
  const fleet = madeFleet(count, view);
  change(fleet);
  const server = await standIn(fleet);
  try {
    await look(server.url, looked, async (page) => {
      await page.goto(`${server.url}#token=${TOKEN}`);
      await page.locator('main h1').waitFor();
      await body(page, server, fleet);
    }, expected);
  } finally {
    await server.stop();
  }
}
