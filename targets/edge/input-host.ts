// An input of what the machine says about itself, at intervals: load, memory, disk, network, temperature.

import { hostMetrics } from '../../src/io/host.ts';
import type { InputKind } from './input.ts';
import { keepTime, spanOption } from './input-interval.ts';
import type { InputSettings } from './input-settings.ts';
import { parseTemplate } from './input-template.ts';

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
      const metrics = await hostMetrics(context.dir);
      await context.accept({ value: metrics, get raw() { return JSON.stringify(metrics); } });
    }));
  },
};

/** The inputs of a node whose configuration asks for the metrics of the machine each so many seconds (0: never); one that is declared by itself goes before that. */
export function withHostMetrics(inputs: InputSettings[], seconds: number): InputSettings[] {
  if (seconds <= 0 || inputs.some(({ kind }) => kind === 'host')) return inputs;
  let name = 'host';
  while (inputs.some((other) => other.name === name)) name += '-1';
  return [{
    kind: 'host', name, stream: parseTemplate('telemetry'), key: undefined, type: undefined, time: undefined, fields: undefined, drop: [],
    deadband: undefined, minInterval: 0, maxInterval: 0, urgent: false, own: { every: `${seconds}s` },
  }, ...inputs];
}
