// What a running node has around it besides its links: inputs that record, and the HTTP API with the page.

import { codeOf } from '../../src/fault.ts';
import type { InputReport } from './database.ts';
import { startHttp } from './http.ts';
import { recordMetrics } from './metrics.ts';
import type { Settings } from './settings.ts';
import type { Station } from './station.ts';

/** Everything around a node, going. */
export interface Gateway {
  /** Where the page is; undefined where it is switched off. */
  readonly url: string | undefined;
  /** Stops the inputs first, so that what they have said is recorded, then the API. */
  close(): Promise<void>;
}

/**
 * Starts what the settings ask for. `notice` hears what is news, `failed` each failure to record the machine's metrics.
 * Faults: `bad-config` (an input that can never work), `busy` (the HTTP port that was chosen is taken), `link-failed`.
 */
export async function openGateway(dir: string, settings: Settings, station: Station, notice: (text: string) => void, failed: (error: unknown) => void): Promise<Gateway> {
  const { database } = station;
  const inputs = settings.inputs === undefined ? undefined : await declaredInputs(dir, settings, station, notice);
  const stopMetrics = settings.metricsSeconds > 0 && inputs?.host !== true ? recordMetrics(database, dir, station.node.name, settings.metricsSeconds, failed) : () => {};
  const stop = async (): Promise<void> => {
    stopMetrics();
    await inputs?.running.stop();
  };
  try {
    const assets = settings.http === undefined ? undefined : await (await import('./page-files.ts')).pageFiles();
    const http = await withoutPage(notice, startHttp({ dir, settings, database, assets, notice, ...(inputs && { post: (name, contentType, body) => inputs.running.acceptPost(name, contentType, body) }) }));
    return {
      url: http?.url,
      async close() {
        await stop();
        await http?.close();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Refuses inputs that can never work before anything is begun. Fault: `bad-config`. */
export async function checkInputs({ inputs }: Settings): Promise<void> {
  if (inputs === undefined) return;
  const [{ parseInputs }, { INPUT_KINDS }] = await Promise.all([import('./input-settings.ts'), import('./input-kinds.ts')]);
  parseInputs(inputs.tables, inputs.where, INPUT_KINDS);
}

/** A disk that is full, or fails, must not keep a node from running: then there is no page. What the user can put right is an error all the same. */
function withoutPage<T>(notice: (text: string) => void, starting: Promise<T>): Promise<T | undefined> {
  return starting.catch((error: unknown) => {
    if (['bad-config', 'busy', 'link-failed', 'bad-argument'].includes(codeOf(error))) throw error;
    notice(`no page, no HTTP API until the next start: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
}

/** The inputs that are declared; loaded only where there are some. `host`: the machine's metrics are one of them. */
async function declaredInputs(dir: string, { inputs: declared }: Settings, station: Station, notice: (text: string) => void) {
  const [{ parseInputs }, { INPUT_KINDS }, { startInputs }] = await Promise.all([import('./input-settings.ts'), import('./input-kinds.ts'), import('./input-runner.ts')]);
  const inputs = parseInputs(declared!.tables, declared!.where, INPUT_KINDS);
  const running = startInputs({ inputs, kinds: INPUT_KINDS, append: (stream, drafts, urgent) => station.database.append(stream, drafts, urgent), dir, node: station.node.name, notice });
  station.showInputs(() => running.report().map((each): InputReport => ({ ...each, last: each.last === 0 ? null : each.last })));
  return { running, host: inputs.some(({ kind }) => kind === 'host') };
}
