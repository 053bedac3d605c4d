// `serial`: lines from a device on a serial port, which may be pulled out and come back at any time.

import { realpath, stat } from 'node:fs/promises';
import type { SerialPort } from 'serialport';
import { Fault } from '../../src/fault.ts';
import type { InputContext, InputKind } from './input.ts';
import { LINE_OPTIONS, openLines, type Lines } from './input-lines.ts';
import { numberOption, type Options, switchOption, textOption, wordOption, wrongOption } from './input-option.ts';
import { readSpan } from './input-span.ts';

/** How often a port that is away is looked for; waits between attempts to open one that is there: from one to the other, doubling, each taken at random between half and one and a half. */
const LOOK_MS = 1_000, FIRST_WAIT_MS = 1_000, LONGEST_WAIT_MS = 30_000;
/** Bytes that come this soon after the port was opened were on their way before: their line may have lost its beginning. */
const MIDLINE_MS = 100;
/** Lines that are refused before any is taken, until the settings of the port are doubted. */
const DOUBTFUL_LINES = 5;

interface SerialSettings {
  path: string; baudRate: number; dataBits: 5 | 6 | 7 | 8; stopBits: 1 | 1.5 | 2; parity: 'none' | 'even' | 'odd'; rtscts: boolean; xon: boolean; xoff: boolean;
  send: string | undefined;
  /** Milliseconds; 0: only when the port is opened. */
  sendEach: number;
}

/** A serial port of lines. */
export const serialInput: InputKind = {
  options: ['path', 'baud', 'data_bits', 'parity', 'stop_bits', 'rtscts', 'xonxoff', 'send', 'send_interval', ...LINE_OPTIONS],
  waits: false,
  check(options) {
    readSerial(options);
    openLines(options, SILENT);
  },
  start: startSerial,
};

const SILENT: InputContext = { accept: () => Promise.resolve(), refuse: () => {}, state: () => {}, signal: AbortSignal.abort() };

/** Reads the settings of a port. Fault `bad-config`. */
function readSerial(options: Options): SerialSettings {
  const path = textOption(options, 'path');
  if (path === undefined) throw new Fault('bad-config', 'a serial input needs a path, such as /dev/serial/by-id/usb-… (which stays the same wherever it is plugged in) or /dev/ttyUSB0.');
  const whole = (name: string, least: number, most: number, otherwise: number): number => {
    const value = numberOption(options, name, least, most, otherwise);
    return Number.isInteger(value) ? value : wrongOption(name, 'it must be a whole number', value);
  };
  const stop = numberOption(options, 'stop_bits', 1, 2, 1);
  if (stop !== 1 && stop !== 1.5 && stop !== 2) wrongOption('stop_bits', 'it can be 1, 1.5 or 2', stop);
  const interval = options['send_interval'], send = textOption(options, 'send');
  const sendEach = interval === undefined ? 0 : readSpan(interval) ?? wrongOption('send_interval', 'it must be a length of time such as "10s"', interval);
  if (interval !== undefined && sendEach < 50) wrongOption('send_interval', 'the shortest is "50ms"', interval);
  if (interval !== undefined && send === undefined) throw new Fault('bad-config', 'send_interval says how often to send, so it needs send = "…": what to send, with its line end ("READ?\\r\\n").');
  const flow = switchOption(options, 'xonxoff');
  return {
    path, baudRate: whole('baud', 50, 4_000_000, 9_600), dataBits: whole('data_bits', 5, 8, 8) as SerialSettings['dataBits'], stopBits: stop,
    parity: wordOption(options, 'parity', ['none', 'even', 'odd']), rtscts: switchOption(options, 'rtscts'), xon: flow, xoff: flow, send, sendEach,
  };
}

/** Ports that inputs of this process have: by the path in their settings, and by the device that it leads to while it is open. */
const taken = new Set<string>();

/** Starts reading a port; goes on while it is away and when it comes back. Fault `bad-config`, also when another input has the same path. */
async function startSerial(options: Options, context: InputContext): Promise<{ stop(): Promise<void> }> {
  const settings = readSerial(options);
  const health = healthOf(context);
  const lines = openLines(options, health.context);
  if (taken.has(settings.path)) throw new Fault('bad-config', `Two inputs read ${settings.path}; what one takes the other would miss. Leave one of them out.`);
  taken.add(settings.path);
  const end = new AbortController();
  const signal = AbortSignal.any([context.signal, end.signal]);
  const done = keepOpen(settings, lines, health, signal).finally(() => taken.delete(settings.path));
  return {
    async stop() {
      end.abort();
      await done;
      lines.broken(false);
      await lines.end();
    },
  };
}

async function keepOpen(settings: SerialSettings, lines: Lines, health: Health, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const before = await identity(settings.path);
    if (before === undefined) {
      health.away(`${settings.path} is not there: is the device plugged in?`);
      wait = FIRST_WAIT_MS;
      await sleep(LOOK_MS, signal);
      continue;
    }
    let opened = false;
    try {
      await whileOpen(settings, lines, health, signal, () => opened = true);
      if (!signal.aborted) health.away(`${settings.path} was pulled out or closed`);
    } catch (error) {
      health.away(`${settings.path}: ${words(error as Error)}`);
    }
    if (opened) wait = FIRST_WAIT_MS;
    // Another device under the same name is tried at once.
    const until = performance.now() + wait * (0.5 + Math.random());
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    while (!signal.aborted && performance.now() < until) {
      await sleep(Math.min(LOOK_MS / 2, Math.max(1, until - performance.now())), signal);
      if (await identity(settings.path) !== before) break;
    }
  }
}

/** Opens the port and reads it until it closes. Throws why it could not be opened or read. */
async function whileOpen(settings: SerialSettings, lines: Lines, health: Health, signal: AbortSignal, opened: () => void): Promise<void> {
  const { SerialPort: Port } = await import('serialport');
  const device = await realpath(settings.path);
  // The same device under two names: by-id and ttyUSB0.
  const mark = `open ${device}`;
  if (taken.has(mark)) throw new Error('another input of this node reads this device already');
  taken.add(mark);
  const { path, send, sendEach, ...rest } = settings;
  const port = new Port({ path, ...rest, autoOpen: false, lock: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => port.open((error) => error === null ? resolve() : reject(error)));
    opened();
    health.open(path);
    if (send !== undefined) timer = sendTo(port, send, sendEach);
    await readFrom(port, lines, signal);
  } finally {
    clearInterval(timer);
    if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
    taken.delete(mark);
  }
}

function sendTo(port: SerialPort, send: string, each: number): NodeJS.Timeout | undefined {
  let waiting = false;
  const write = () => {
    // A device that takes nothing must not make this program hold more and more of it.
    if (waiting || !port.isOpen) return;
    waiting = true;
    port.write(send, 'utf8');
    port.drain(() => waiting = false);
  };
  write();
  return each > 0 ? setInterval(write, each) : undefined;
}

function readFrom(port: SerialPort, lines: Lines, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let first = true;
    const stop = () => port.isOpen ? port.close(() => resolve()) : resolve();
    signal.addEventListener('abort', stop, { once: true });
    const over = (error?: Error | null) => {
      signal.removeEventListener('abort', stop);
      if (error === undefined || error === null) resolve();
      else reject(error);
    };
    port.on('close', over).on('error', over);
    port.on('data', (chunk: Buffer) => {
      if (first) lines.broken(performance.now() - began < MIDLINE_MS);
      first = false;
      port.pause();
      void lines.push(chunk).then(() => port.resume());
    });
    if (signal.aborted) stop();
  });
}

/** How the port is, for the status; told when it changes. */
interface Health { context: InputContext; open(path: string): void; away(why: string): void }

function healthOf(context: InputContext): Health {
  let said = '', good = 0, bad = 0;
  const say = (ok: boolean, words: string) => {
    if (said !== `${ok} ${words}`) context.state(ok, words);
    said = `${ok} ${words}`;
  };
  let open = '';
  return {
    context: {
      signal: context.signal, state: say,
      accept(reading) {
        if (good++ === 0) say(true, `reads ${open}`);
        return context.accept(reading);
      },
      refuse(code, reason, raw) {
        if (++bad === DOUBTFUL_LINES && good === 0) say(false, `${open} is open, but no line of it can be used: are baud, data_bits, parity and format right? The last one: ${reason}`);
        context.refuse(code, reason, raw);
      },
    },
    open(path) {
      open = path;
      good = bad = 0;
      say(true, `${path} is open, nothing heard yet`);
    },
    away: (why) => say(false, why),
  };
}

/** Something that differs when the file does; undefined when there is none. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, rdev, ctimeMs, mode, uid, gid } = await stat(path);
    return [dev, ino, rdev, ctimeMs, mode, uid, gid].join(' ');
  } catch {
    return undefined;
  }
}

function words(error: Error): string {
  const { message } = error;
  if (/Permission denied/i.test(message)) return 'this program may not open it: its user must be in the group of the device, often dialout (sudo usermod -aG dialout USER)';
  if (/cannot lock|temporarily unavailable|resource busy/i.test(message)) return 'another program has it open';
  if (/no such (file|device)/i.test(message)) return 'it is gone again';
  if (/ioctl|not a tty|inappropriate/i.test(message)) return `it is no serial port, or does not take these settings (${message})`;
  return message.replace(/^Error:? ?/, '');
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake, { once: true });
  });
}
