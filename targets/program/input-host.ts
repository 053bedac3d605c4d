// An input of what the machine says about itself, at intervals: load, memory, disk, network, temperature.

import type { InputKind } from './input.ts';
import { keepTime, spanOption } from './input-interval.ts';
import { machineNow } from './metrics.ts';

export const hostInput: InputKind = {
  options: ['every'],
  waits: false,
  key: '{node}',
  type: 'host',
  check(options) {
    spanOption(options, 'every', '10s', 1_000);
  },
  start(options, context) {
    return Promise.resolve(keepTime(spanOption(options, 'every', '10s', 1_000), context, async () => {
      const metrics = await machineNow(context.dir);
      await context.accept({ value: metrics, get raw() { return JSON.stringify(metrics); } });
    }));
  },
};
