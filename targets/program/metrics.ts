// Records what the machine says about itself, at intervals, as events of stream `telemetry`.

import { hostMetrics, type HostMetrics } from '../../src/io/host.ts';
import type { Database } from './database.ts';
import { VERSION } from './version.ts';

/** Where the metrics go, and as what; the key is the node's name. */
export const HOST_STREAM = 'telemetry', HOST_TYPE = 'host';

/** One look at the machine, and at the program that looks. */
export async function machineNow(dir: string): Promise<HostMetrics & { version: string }> {
  return { ...await hostMetrics(dir), version: VERSION };
}

/** Starts recording; returns what stops it. `failed` is told of each failure; the next interval tries again. */
export function recordMetrics(database: Database, dir: string, key: string, seconds: number, failed: (error: unknown) => void): () => void {
  let busy = false;
  const record = async () => {
    // A slow disk must not pile up measurements that are old by the time they are written.
    if (busy) return;
    busy = true;
    try {
      const { rejected } = await database.append(HOST_STREAM, [{ key, type: HOST_TYPE, body: await machineNow(dir) }], false);
      if (rejected[0] !== undefined) failed(new Error(rejected[0].message));
    } catch (error) {
      failed(error);
    } finally {
      busy = false;
    }
  };
  void record();
  const timer = setInterval(() => void record(), seconds * 1000);
  return () => clearInterval(timer);
}
