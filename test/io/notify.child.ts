// Tells the service manager of its environment that it is ready, alive three times, and stopping.

import { feedWatchdog, serviceNotifier } from '../../src/io/notify.ts';

const notifier = serviceNotifier();
notifier.ready('holds\n2 streams');
let beats = 0;
const stop = feedWatchdog(notifier, async () => {
  if (++beats < 4) return;
  stop();
  notifier.stopping();
});
console.log(JSON.stringify({ pid: process.pid, intervalMs: notifier.intervalMs }));
// The watchdog alone keeps no process.
setTimeout(() => {}, 500);
