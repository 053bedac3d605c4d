// A node that starts, writes once and says so; or goes on writing until it is killed.

import { writeSync } from 'node:fs';
import { openBenchNode } from './bench-node.ts';

const [folder, how] = [process.argv[2]!, process.argv[3]];
const { node, stop } = await openBenchNode(folder);
const opened = performance.now();
await node.append('telemetry', [{ key: 'pump', type: 'started', body: { by: 'benchmark' } }]);
writeSync(1, `${JSON.stringify({ opened, durable: performance.now() })}\n`);
if (how === 'write') {
  // Until the journal holds about as much as it ever does.
  for (let i = 0; ; i++) {
    await node.append('telemetry', Array.from({ length: 64 }, (_, k) => ({ key: `pump-${k % 8}`, type: 'reading', body: { level: i, flow: k / 7 } })));
    if (node.options.journal.size > 900_000) writeSync(1, 'full\n');
  }
}
await stop();
