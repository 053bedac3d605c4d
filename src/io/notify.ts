// Tells a service manager that this process is ready, alive or stopping, by the protocol of systemd's sd_notify.
// Its socket is a datagram socket of the file system, which Node cannot open. `hw/notify-exec.c` opens it before Node starts and hands it over as HOLDFAST_NOTIFY_FD: then a message
// is one write. Without it the program `systemd-notify` carries the messages, a process each time, which the unit must allow (NotifyAccess=all).

import { spawn } from 'node:child_process';
import { fstatSync, writeSync } from 'node:fs';

/** What the service manager is told. Without a service manager nothing happens. Nothing here throws. */
export interface ServiceNotifier {
  /** The service does what it is for. `status` is shown by `systemctl status`. */
  ready(status?: string): void;
  /** It is still well. The manager ends and restarts a service that has not said so for its WatchdogSec. */
  watchdog(): void;
  /** It is on its way out: this is no crash. */
  stopping(): void;
  /** How often to call `watchdog`, ms: half of what the manager waits; undefined if it does not. */
  readonly intervalMs: number | undefined;
}

/** The notifier for the environment that a process was started with. */
export function serviceNotifier(env: { readonly [name: string]: string | undefined } = process.env): ServiceNotifier {
  const send = sender(env);
  const limit = Number(env['WATCHDOG_USEC']);
  // The variables are inherited: a program started by the service must not answer for it.
  const mine = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === process.pid;
  return {
    ready: (status) => send(`READY=1${status === undefined ? '' : `\nSTATUS=${status.replaceAll(/\s+/g, ' ')}`}`),
    watchdog: () => send('WATCHDOG=1'),
    stopping: () => send('STOPPING=1'),
    intervalMs: send !== SILENT && mine && Number.isSafeInteger(limit) && limit > 0 ? Math.max(1, Math.floor(limit / 2_000)) : undefined,
  };
}

type Send = (message: string) => void;
const SILENT: Send = () => {};

function sender(env: { readonly [name: string]: string | undefined }): Send {
  if (!env['NOTIFY_SOCKET']) return SILENT;
  const fd = Number(env['HOLDFAST_NOTIFY_FD'] ?? '');
  if (fd > 2 && isSocket(fd)) {
    return (message) => {
      // The socket does not block: a manager that does not read (it is busy, or starts anew) misses this one and gets the next.
      try { writeSync(fd, message); } catch { /* told again soon */ }
    };
  }
  return (message) => {
    const child = spawn('systemd-notify', message.split('\n'), { stdio: 'ignore' });
    child.on('error', () => {});
    child.unref();
  };
}

function isSocket(fd: number): boolean {
  try { return fstatSync(fd).isSocket(); } catch { return false; }
}

/**
 * Feeds the watchdog as often as it wants, each time after `beat` has resolved: after the medium has taken a flush, say. While a beat takes long, or fails, nothing is said,
 * and the manager acts. Returns what ends it; does nothing where no watchdog waits.
 */
export function feedWatchdog(notifier: ServiceNotifier, beat: () => Promise<void>): () => void {
  const { intervalMs } = notifier;
  if (intervalMs === undefined) return () => {};
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const feed = async (): Promise<void> => {
    const fed = await beat().then(() => true, () => false);
    if (ended) return;
    if (fed) notifier.watchdog();
    timer = setTimeout(() => void feed(), intervalMs);
    timer.unref();
  };
  void feed();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
