// Readings for the demo, made up: rooms through days that take twenty minutes. Temperature follows the day and the weather, humidity the temperature, and each sensor has its noise.

import { appendFileSync, closeSync, openSync } from 'node:fs';

/** Seconds of a day in these rooms. */
const DAY_S = 1_200;

/** Numbers from 0 to 1, the same ones for one seed. */
function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One room: `mean` °C, `swing` °C between noon and midnight. Returns what its sensor says at a second. */
export function room(seed, mean, swing) {
  const draw = chance(seed), normal = () => draw() + draw() + draw() + draw() - 2;
  let weather = 0;
  return (second) => {
    weather = 0.98 * weather + 0.12 * normal();
    const degrees = mean + swing / 2 * Math.sin(2 * Math.PI * second / DAY_S) + weather;
    const humidity = Math.min(99, Math.max(15, 55 - 2.2 * (degrees - mean) + normal()));
    return { temperature: Math.round((degrees + 0.05 * normal()) * 10) / 10, humidity: Math.round(humidity * 10) / 10 };
  };
}

/** Adds a line for each sensor to a file, every `everyMs`; `sensors` are names with their rooms. Returns how to stop. */
export function record(file, sensors, everyMs) {
  closeSync(openSync(file, 'a'));
  let second = 0;
  const timer = setInterval(() => {
    second++;
    appendFileSync(file, sensors.map(([sensor, read]) => `${JSON.stringify({ sensor, time: Date.now(), ...read(second) })}\n`).join(''));
  }, everyMs);
  return () => clearInterval(timer);
}
