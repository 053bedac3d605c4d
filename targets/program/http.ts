// Starts the HTTP API of a node that runs: its token, its place, and the file that tells commands where it is.

import { setMaxListeners } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../../src/fault.ts';
import type { Asset, Post } from '../api/context.ts';
import { listenHttp, type Listening } from '../api/listen.ts';
import { sampleRates } from '../api/rates.ts';
import { keepReports } from '../api/reports.ts';
import type { Database } from './database.ts';
import type { Hub } from './http-hub.ts';
import { isOpen, namesOf, PLACE_FILE, urlOf, type HttpPlace } from './http-place.ts';
import { httpToken } from './http-token.ts';
import type { Settings } from './settings.ts';
import { defaults } from './target.ts';
import { VERSION } from './version.ts';

/** Ports after the default one that are tried when it is taken, before any free one. */
const MORE_PORTS = 9;

/** What the API is made of. */
export interface HttpOptions {
  dir: string;
  settings: Pick<Settings, 'http' | 'httpChosen' | 'httpNames'>;
  database: Database;
  /** The page's files by path. */
  assets?: ReadonlyMap<string, Asset> | undefined;
  /** What is posted to inputs. */
  post?: Post | undefined;
  /** What the page is about; if nothing is said, as the target has it. */
  view?: 'node' | 'fleet';
  /** Something worth a line. */
  notice(text: string): void;
}

/** The API while it runs; `url` as a browser on this machine opens it. */
export interface Http { url: string; close(): Promise<void> }

/** Starts the API; undefined where it is switched off. Faults: `busy` (the chosen port is taken), `link-failed`, those of the token. */
export async function startHttp({ dir, settings, database, assets, post, notice, view = defaults().view ?? 'node' }: HttpOptions): Promise<Http | undefined> {
  const place = settings.http, file = join(dir, PLACE_FILE);
  // One that was killed has left its own.
  rmSync(file, { force: true });
  if (place === undefined) return undefined;
  const token = await httpToken(dir);
  const end = new AbortController();
  setMaxListeners(0, end.signal); // every client that follows listens
  const rates = sampleRates(database);
  const hub = (): Promise<Hub> => database.hub?.() ?? Promise.reject(new Fault('unsupported', 'The node is open in another process.'));
  // What is usual in a fleet is learnt by watching it, also while nobody looks.
  if (view === 'fleet') void hub().then((one) => one.fleet()).catch(() => {});
  const context = { database, hub, view, version: VERSION, token, names: namesOf(place, settings.httpNames), assets, post, rates, reports: keepReports(database), stopping: end.signal };
  const load = async () => (await import('../api/answering.ts')).answering(context);
  let listening: Listening;
  try {
    listening = await listenNear((port) => listenHttp(load, place.host, port), place, settings.httpChosen, notice);
  } catch (error) {
    rates.stop();
    throw error;
  }
  const url = urlOf({ host: place.host, port: listening.port });
  if (isOpen(place)) notice(`the HTTP API at ${url} is open to the network, and its token travels as it is: put a proxy with TLS before it, or use it in a network that you trust`);
  try {
    writeFileSync(file, `${url}\n`, { mode: 0o600 });
  } catch {
    // A full disk: `holdfast page` then takes the place of the settings.
  }
  return {
    url,
    async close() {
      end.abort();
      rates.stop();
      rmSync(file, { force: true });
      await listening.close();
    },
  };
}

/** The default port gives way when it is taken; a chosen one does not. */
async function listenNear(listen: (port: number) => Promise<Listening>, { port }: HttpPlace, chosen: boolean, notice: (text: string) => void): Promise<Listening> {
  const ports = chosen ? [port] : [...Array.from({ length: MORE_PORTS + 1 }, (_, i) => port + i), 0];
  for (const next of ports) {
    try {
      const listening = await listen(next);
      if (next !== port) notice(`port ${port} is taken by another program; the HTTP API is at port ${listening.port}`);
      return listening;
    } catch (error) {
      if (codeOf(error) !== 'busy' || next === ports.at(-1)) throw error;
    }
  }
  throw new Error('there is always a last port');
}
