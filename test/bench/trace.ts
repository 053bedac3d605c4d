// Events to measure with: the room-climate trace, or where it is missing a generated one of the same shape.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fixture } from '../fixture.ts';

/** One event as a caller hands it in. */
export interface Reading { key: string; type: string; time: number; body: Record<string, number> }

const COLUMNS = ['temperature', 'humidity', 'light1', 'light2', 'occupants', 'activity', 'door', 'window'];
const ROWS = 273_145;
let lines: string[] | undefined;

/** True when the recorded trace is there. */
export const RECORDED = fixture('room-climate-a.csv.gz') !== undefined;

function allLines(): string[] {
  if (lines) return lines;
  const path = fixture('room-climate-a.csv.gz');
  return lines = path ? gunzipSync(readFileSync(path)).toString().trimEnd().split('\n') : generated();
}

/** The trace as comma-separated text. */
export function traceCsv(): string {
  return allLines().join('\n') + '\n';
}

/** The first `count` events (default all); beyond the end of the trace it begins again with later times. */
export function readings(count = ROWS): Reading[] {
  const all = allLines(), out = new Array<Reading>(count);
  for (let i = 0; i < count; i++) {
    const cells = all[i % all.length]!.split(',').map(Number);
    const body: Record<string, number> = {};
    COLUMNS.forEach((name, k) => { body[name] = cells[4 + k]!; });
    out[i] = { key: `node-${cells[3]}`, type: 'reading', time: cells[1]! + Math.floor(i / all.length) * 10_000_000_000, body };
  }
  return out;
}

/** Walks of the same step, rate and number of digits as the recorded ones. */
function generated(): string[] {
  let state = 0x2545_f491;
  const chance = (): number => {
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
  const sensors = [1, 2, 3, 4].map(() => ({ temperature: 20 + chance() * 3, humidity: 38 + chance() * 6, light1: 185 + chance() * 40, light2: 500 + chance() * 200 }));
  let time = 1_458_031_648_545, occupants = 0, door = 0;
  const start = time, out: string[] = [];
  for (let i = 0; i < ROWS; i++) {
    const k = Math.floor(chance() * 4), s = sensors[k]!;
    time += Math.floor(chance() * 1_500);
    if (chance() < 0.3) s.temperature += Math.round((chance() - 0.5) * 4) / 100;
    if (chance() < 0.6) s.humidity += Math.round((chance() - 0.5) * 100) / 1_000;
    if (chance() < 0.4) s.light1 += Math.round((chance() - 0.5) * 6) / 1.4;
    if (chance() < 0.4) s.light2 += Math.round((chance() - 0.5) * 20) / 5;
    if (chance() < 0.001) occupants = Math.floor(chance() * 4);
    if (chance() < 0.001) door = 1 - door;
    out.push([i + 1, time, Math.round((time - start) / 1_000), k + 1, +s.temperature.toFixed(2), +s.humidity.toFixed(3), +s.light1.toFixed(2), +s.light2.toFixed(1), occupants, occupants && 1, door, 0].join(', '));
  }
  return out;
}
