// `verify --repair`: what is damaged is dropped and fetched again, from peers that are connected and from wherever else it may be.

import { repairLogs } from '../../src/node-repair.ts';
import { takeSegments } from '../../src/node-import.ts';
import type { Segment } from '../../src/event/segment.ts';
import type { Node } from '../../src/node.ts';
import { readBundles } from './bundle.ts';
import type { Repaired, RepairSource } from './database.ts';
import type { Links } from './links.ts';
import type { Home } from './medium.ts';
import { schemeOf, shownUrl } from './link-url.ts';
import { Known } from './recover-known.ts';
import { findSources, segmentsOfFile, segmentsOfStore, type Reading } from './recover-source.ts';

/** How long peers that are connected have, from the last time that something came. */
const PEERS_MS = 15_000, LOOK_MS = 250;
/** Ranges that are named: an answer must fit one message. */
const LISTED = 2_000;
/** Segments that go through the door together. */
const BATCH = 64;

/** Verifies, drops, fetches, and verifies again. `from`: URLs of nodes, and paths as `recover` takes them. Faults: those of the store, `not-found` (a path). */
export async function repair({ node, links, home }: { node: Node; links: Links; home: Pick<Home, 'check'> }, from: string[], progress: (events: number, segments: number) => void): Promise<Repaired> {
  const paths = from.filter((each) => schemeOf(each) === '' || schemeOf(each) === 'file').map((each) => each.replace(/^file:(\/\/)?/, '')), urls = from.filter((each) => schemeOf(each) !== '' && schemeOf(each) !== 'file');
  const found = await findSources(paths);
  const { damaged } = await node.verify(progress), known = new Known();
  const { claimed, failed } = await repairLogs(node, damaged);
  for (const { log, stream, node: author, spans } of claimed) for (const { from: first, to } of spans) known.add(log, first, to, stream, author);
  const dropped = await known.missingAt(node, false), sources: RepairSource[] = [];
  const lacking = async (): Promise<boolean> => (await known.missingAt(node, false)).length > 0;
  if (dropped.length > 0) {
    for (const path of found.homes.flatMap((home) => home.store ?? [])) sources.push(await fetchFrom(node, path, (fleet, reading) => segmentsOfStore(node.options.crypto, node.fleet, path, fleet, reading)));
    for (const path of found.files) sources.push(await fetchFrom(node, path, (fleet, reading) => segmentsOfFile(node.options.crypto, node.fleet, path, fleet, reading)));
    if (found.volumes.length > 0) sources.push({ from: 'bundles', events: (await readBundles(node, found.volumes, () => {})).events });
    for (const url of urls) {
      if (!await lacking()) break;
      try {
        sources.push({ from: shownUrl(url), events: (await links.once(url, AbortSignal.timeout(3_600_000), () => {})).received });
      } catch (error) {
        sources.push({ from: shownUrl(url), events: 0, error: error instanceof Error ? error.message : String(error) });
      }
    }
    await waitForPeers(node, links, known, sources);
  }
  const missing = await known.missingAt(node, false), after = damaged.length === 0 ? { events: 0, segments: 0, damaged: [] } : await node.verify(progress), pages = await home.check(node, true);
  return { found: damaged, dropped: dropped.slice(0, LISTED), missing: missing.slice(0, LISTED), sources, failed, pages: [...pages], damaged: after.damaged };
}

async function fetchFrom(node: Node, path: string, open: (fleet: boolean, reading: Reading) => AsyncIterable<Segment>): Promise<RepairSource> {
  const source: RepairSource = { from: path, events: 0 };
  for (const fleet of [true, false]) {
    let batch: Segment[] = [];
    const take = async (): Promise<void> => { source.events += (await takeSegments(node, batch.splice(0))).events; };
    for await (const segment of open(fleet, { segments: 0, damage: [] })) {
      batch.push(segment);
      if (batch.length >= BATCH) await take();
    }
    await take();
    batch = [];
  }
  return source;
}

/** Peers that are connected have heard that something is missing here, and send it. */
async function waitForPeers(node: Node, links: Links, known: Known, sources: RepairSource[]): Promise<void> {
  const count = (missing: { first: number; last: number }[]): number => missing.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const connected = (): string[] => links.peers().filter(({ state, url }) => state === 'connected' && schemeOf(url) !== 'file').map(({ url, name }) => name ?? url);
  const began = count(await known.missingAt(node, false));
  let left = began, since = performance.now();
  const peers = connected();
  while (left > 0 && connected().length > 0 && performance.now() - since < PEERS_MS) {
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    const now = count(await known.missingAt(node, false));
    if (now < left) since = performance.now();
    left = now;
  }
  if (peers.length > 0 && began > 0) sources.push({ from: peers.join(', '), events: began - left });
}
