// Records what the machine says about itself, at intervals, as events of stream `telemetry`.

import { hostMetrics } from '../../src/io/host.ts';
import type { Database } from './database.ts';

/** Where the metrics go, and as what; the key is the node's name. */
const STREAM = 'telemetry', TYPE = 'host';

/** Starts recording; returns what stops it. `failed` is told of each failure; the next interval tries again. */
export function recordMetrics(database: Database, dir: string, key: string, seconds: number, failed: (error: unknown) => void): () => void {
  let busy = false;
  const record = async () => {
    // A slow disk must not pile up measurements that are old by the time they are written.
    if (busy) return;
    busy = true;
    try {
      const { rejected } = await database.append(STREAM, [{ key, type: TYPE, body: await hostMetrics(dir) }], false);
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
