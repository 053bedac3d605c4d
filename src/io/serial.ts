// Serial ports under lines: a port is opened, looked for again when it goes away, and moved by the clock of the system.

import type { SerialPort } from 'serialport';
import { Fault } from '../fault.ts';
import type { Bytes, Link } from '../ports.ts';
import type { SerialAddress } from './serial-address.ts';

/** What a line needs of the port under it. */
export interface LineHost {
  write(bytes: Bytes): void;
  wake(): void;
  opened(link: Link, side: 'open' | 'accept'): void;
}

/** What makes links of a port's bytes; handed in, so that this file knows nothing of its format. Times are milliseconds of one monotonic clock. */
export interface LineEngine {
  arrived(bytes: Bytes, now: number): void;
  written(now: number): void;
  pump(now: number): void;
  readonly deadline: number | undefined;
  away(): void;
  back(now: number): void;
  stop(reason: string, now: number): void;
  readonly stopped: boolean;
}

/** What the owner of a port hears. */
export interface SerialEvents {
  /** Both sides have met: a link, until it closes; another one may follow. Set its handlers at once. `side`: which one this is. */
  onLink(link: Link, side: 'open' | 'accept'): void;
  /** The port has gone, or is back (no reason). */
  onPort?(reason: string | undefined): void;
}

/** A port in use. */
export interface SerialStation {
  /** False while its port is away. */
  readonly present: boolean;
  /** Ends the link, delivering what was sent as long as that takes a few seconds at most, and gives the port back. */
  close(reason?: string): Promise<void>;
}

/** Waits between attempts to open a port that has gone. */
const LOOK_LEAST_MS = 500, LOOK_MOST_MS = 5_000;
/** What is left to say at `close` may take so long. */
const LINGER_MS = 5_000;
/** And the system with what it has of it. */
const DRAIN_MS = 2_000;

/** Opens a port. Faults: `link-failed` (says why: not there, not allowed), `busy` (another program has it). */
export async function openSerial(address: SerialAddress, engine: (host: LineHost, now: number) => LineEngine, events: SerialEvents): Promise<SerialStation> {
  let port: SerialPort | undefined = await open(address);
  let timer: NodeJS.Timeout | undefined, looking: NodeJS.Timeout | undefined, woken = false, closing: (() => void) | undefined, closed = false;
  const now = () => performance.now();

  const line = engine({
    write(bytes) {
      const to = port;
      if (!to?.isOpen) return;
      to.write(bytes, () => {
        // A port that has been replaced meanwhile owes nothing.
        if (to === port) touch(() => line.written(now()));
      });
    },
    wake() {
      if (woken) return;
      woken = true;
      setImmediate(() => {
        woken = false;
        touch(() => line.pump(now()));
      });
    },
    opened: (link, side) => events.onLink(link, side),
  }, now());

  /** Something happens to the line; then its timer is set anew. */
  function touch(act: () => void): void {
    if (closed) return;
    act();
    clearTimeout(timer);
    if (closing && line.stopped) return closing();
    const { deadline } = line;
    if (deadline !== undefined) timer = setTimeout(() => touch(() => line.pump(now())), Math.min(0x7fff_ffff, Math.max(0, Math.ceil(deadline - now()))));
  }

  function attach(to: SerialPort): void {
    // A plain array: the slice of a Buffer does not copy, and the core relies on slices that do.
    to.on('data', (chunk: Bytes) => touch(() => line.arrived(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length), now())));
    let lost = false;
    const gone = (error: Error | null | undefined) => {
      if (lost || closed) return;
      lost = true;
      port = undefined;
      if (to.isOpen) to.close(() => {});
      touch(() => line.away());
      events.onPort?.(error?.message ?? 'the port was closed');
      if (closing) closing();
      else look(LOOK_LEAST_MS);
    };
    to.on('close', gone);
    to.on('error', gone);
  }

  function look(wait: number): void {
    looking = setTimeout(() => {
      open(address).then((found) => {
        if (closed || closing) return found.close();
        port = found;
        attach(found);
        events.onPort?.(undefined);
        touch(() => line.back(now()));
      }, () => {
        if (!closed && !closing) look(Math.min(LOOK_MOST_MS, 2 * wait));
      });
    }, wait);
  }

  attach(port);
  touch(() => line.pump(now()));
  return {
    get present() { return port !== undefined; },
    async close(reason = 'closed here') {
      if (closed || closing) return;
      await new Promise<void>((resolve) => {
        const linger = setTimeout(resolve, LINGER_MS);
        closing = () => {
          clearTimeout(linger);
          resolve();
        };
        touch(() => line.stop(reason, now()));
        if (port === undefined) closing();
      });
      // The last word leaves the system before the port is given back, unless nobody takes it: a cable without its other end, flow control.
      const last = port;
      if (last?.isOpen) await new Promise<void>((resolve) => {
        setTimeout(resolve, DRAIN_MS).unref();
        last.drain(() => resolve());
      });
      closed = true;
      clearTimeout(timer);
      clearTimeout(looking);
      if (last?.isOpen) await new Promise<void>((resolve) => { last.close(() => resolve()); });
    },
  };
}

async function open({ path, baud, flow }: SerialAddress): Promise<SerialPort> {
  // Only who has such a link needs the library.
  const { SerialPort: Port } = await import('serialport');
  const port = new Port({ path, baudRate: baud, autoOpen: false, rtscts: flow === 'rtscts', hupcl: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => {
      if (error === null || error === undefined) resolve();
      else reject(faultOf(path, error));
    });
  });
  return port;
}

function faultOf(path: string, error: Error): Fault {
  const { message } = error;
  if (/lock|busy|temporarily unavailable/i.test(message)) return new Fault('busy', `${path} is in use by another program; only one can have a port.`, { cause: error });
  if (/no such file|ENOENT|ENXIO|ENODEV/i.test(message)) return new Fault('link-failed', `There is no port ${path}: is it plugged in? (ls /dev/serial/by-id shows those that are.)`, { cause: error });
  if (/permission denied|EACCES/i.test(message)) return new Fault('link-failed', `${path} may not be opened by this user: add the user to the group that owns it (usually dialout).`, { cause: error });
  return new Fault('link-failed', `${path} cannot be opened: ${message}`, { cause: error });
}
