// `run`: the node as a daemon, with its links, its metrics and its status on the terminal.

import { setFlagsFromString } from 'node:v8';
import { hex } from '../../src/event/bytes.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import { connectControl } from '../../src/io/control.ts';
import { formatAddress, parseAddress } from '../../src/io/address.ts';
import { feedWatchdog, serviceNotifier } from '../../src/io/notify.ts';
import type { Command, Invocation } from './command.ts';
import { checkInputs, openGateway, type Gateway } from './gateway.ts';
import { hasNode } from './home.ts';
import { errorText, printable, printableLines } from './output.ts';
import { readSettings, settingFlags, settingVariables, type Settings } from './settings.ts';
import { sqlPlace } from './sql-place.ts';
import { openStation, type Station, type StationOptions } from './station.ts';

/** How long a command may keep this waiting. */
const PATIENCE_MS = 5_000;
/** How long an orderly end may take: supervisors wait for about 30 s. */
const STOP_MS = 25_000;
/** The exit status of one of several processes that lost its place: whoever started it starts it again (EX_TEMPFAIL). */
const AGAIN = 75;
/** Ports after the default one that are tried when it is taken, before any free one. */
const MORE_PORTS = 9;

export const runCommand: Command = {
  name: 'run',
  positionals: [],
  summary: 'keep the node running: listen, connect to peers, record metrics, show its state',
  about: [
    'Reads holdfast.toml in the data directory; every setting there is also a flag here and a variable, which go before it: ' + settingVariables().join(', ') + ' (several links are separated by commas).',
    'Ctrl-C stops it cleanly, a second Ctrl-C at once; being killed or losing power does it no harm. Other commands work on the same directory while it runs.',
    'On a terminal it shows what it holds and whether it is healthy; otherwise it prints a line when something changes.',
  ],
  flags: { ...settingFlags(), init: { help: 'Found a fleet first if there is no node in the data directory yet.' } },
  examples: [
    ['holdfast run', 'with the settings of holdfast.toml in the data directory'],
    ['holdfast run --listen tcp://0.0.0.0:7700 --peers tcp://hq.example:7700', 'let the network in, and keep a link to HQ'],
    ['HOLDFAST_DIR=/var/lib/holdfast holdfast run --init', 'as a service that founds its own fleet'],
  ],
  run,
};

/** Tells what happened: a name for programs, words for people. */
type Say = (event: string, words: string, more?: { [name: string]: unknown }) => void;

async function run(invocation: Invocation): Promise<number> {
  const settings = await readSettings(invocation.dir, invocation, process.env);
  if (settings.log === 'text') return running(invocation, settings);
  try {
    return await running(invocation, settings);
  } catch (error) {
    logLine('error', codeOf(error), error instanceof Error ? error.message : String(error), {});
    return 1;
  }
}

/** One object a line on stderr, for whoever gathers logs. */
function logLine(level: 'info' | 'warn' | 'error', code: string, text: string, more: { [name: string]: unknown }): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, code, text, ...more })}\n`);
}

async function running(invocation: Invocation, settings: Settings): Promise<number> {
  // Keeps the part of the heap where everything begins at its first size: a third less memory under load, for a fifth more work.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { dir, out } = invocation, logs = settings.log === 'json';
  await checkInputs(settings);
  if (invocation.on('init') && !await hasNode(dir)) {
    const { defaultName, foundFleet } = await import('./found.ts');
    const name = settings.name ?? defaultName();
    const founded = await foundFleet(dir, { name, fleetName: name });
    const words = `Founded a fleet in ${dir}; this node is ${printable(name)}. Its root key is in ${founded.rootKeyFile}: move that file off this device and keep it safe.`;
    if (logs) logLine('warn', 'founded', words, { node: founded.node, fleet: founded.fleet });
    else out.note(words);
  }
  const live = process.stdout.isTTY && !out.json && !logs && process.env['TERM'] !== 'dumb';
  const screen = live ? (await import('./screen.ts')).liveScreen(process.stdout, process.env) : undefined;
  // A reader of stdout that goes away must not take the node with it.
  let silent = false;
  out.onGone = () => (silent = true);
  const say: Say = (event, words, more = {}) => {
    if (silent) return;
    if (logs) return logLine(['alarm', 'failed', 'notice'].includes(event) ? 'warn' : 'info', event, words, more);
    if (screen !== undefined) return screen.say(words);
    void out.line(out.json ? JSON.stringify({ event, ...more }) : words);
    void out.flush();
  };

  const stop = stopSignal();
  const station = await openPatiently(dir, {
    settings, control: true,
    links: {
      connected: (url, peer) => say('connected', `connected to ${printable(peer.name)} at ${url}`, { url, ...peer }),
      ended: (url, reason, peer, retry) => sayEnded(say, url, reason, peer, retry),
    },
    notice: (text) => say('notice', printableLines(text), { text }),
    fatal: (error) => stop.fail(error),
  });
  let gateway: Gateway | undefined;
  const service = serviceNotifier();
  let stopFeeding = () => {};
  try {
    const { name } = station.node;
    say('running', `${printable(name)} runs on ${dir} (process ${process.pid})`, { node: hex(station.node.id), name, dir, pid: process.pid });
    for (const url of await listenAll(station, settings, (text) => say('notice', text, { text }))) say('listening', `listening on ${url}`, { url });
    for (const link of [...settings.peers.map((url) => ({ url })), ...settings.links]) station.links.keep(link);
    let last = '';
    gateway = await openGateway(dir, settings, station, (text) => say('notice', printableLines(text), { text }), (error) => {
      // Once is enough while it stays the same.
      const text = errorText(error, false);
      if (text !== last) say('failed', `the metrics were not recorded: ${text.replace(/^holdfast: /, '')}`, { error: text });
      last = text;
    });
    const { url } = gateway;
    const database = station.underneath();
    if (database !== undefined) say('database', `SQL at ${sqlPlace(database)}`, { ...database });
    if (url !== undefined) say('page', `page at ${url} (holdfast page prints the link that opens it)`, { url });
    service.ready(`${printable(name)} runs on ${dir}`);
    stopFeeding = feedWatchdog(service, () => station.beat());
    if (screen !== undefined) screen.show(station.database, url);
    else watchAlarms(station, say, stop.promise);
    await stop.promise;
    screen?.end();
    service.stopping();
    if (stop.failure === undefined) say('stopping', 'stopping');
  } finally {
    screen?.end();
    stopFeeding();
    // A medium that does not answer must not hold up the end for ever.
    const late = setTimeout(() => {
      out.note(errorText(new Fault('timeout', `${dir} could not be closed within ${STOP_MS / 1_000} s; what was acknowledged is safe all the same.`), out.json));
      process.exit(1);
    }, STOP_MS);
    // What is over already cannot be closed in order: why it is over matters.
    await gateway?.close().catch((error: unknown) => { if (stop.failure === undefined) throw error; });
    await station.close().catch((error: unknown) => { if (stop.failure === undefined) throw error; });
    clearTimeout(late);
  }
  if (stop.failure !== undefined) {
    if (station.node.options.store.shared === undefined) throw stop.failure.error;
    const { error } = stop.failure;
    if (logs) logLine('error', codeOf(error), error instanceof Error ? error.message : String(error), {}); else out.note(errorText(error, out.json));
    return AGAIN;
  }
  say('stopped', 'stopped');
  await out.flush();
  return 0;
}

/** A command may have the store open for a moment; a node that runs on it has its control socket, and is not waited for. */
async function openPatiently(dir: string, options: StationOptions): Promise<Station> {
  for (const until = performance.now() + PATIENCE_MS; ;) {
    try {
      return await openStation(dir, options);
    } catch (error) {
      if (codeOf(error) !== 'store-locked' || performance.now() > until) throw error;
      const channel = await connectControl(dir);
      channel?.close();
      if (channel !== undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Tells only what is news: a peer that stays away is not. */
const lastEnd = new Map<string, string>();
function sayEnded(say: Say, url: string, reason: string, peer: string | undefined, retry: number | undefined): void {
  if (retry !== undefined && lastEnd.get(url) === reason) return;
  if (retry !== undefined) lastEnd.set(url, reason);
  say('disconnected', `${peer === undefined ? '' : `${printable(peer)} at `}${url}: ${printable(reason).replace(/[.?]?$/, (end) => end || '.')}${retry === undefined ? '' : ' Trying again.'}`, { url, reason, ...(peer === undefined ? {} : { name: peer }) });
}

/** Resolves at the first SIGINT or SIGTERM, or when something failed for good; a second signal ends the process at once. */
function stopSignal(): { promise: Promise<void>; failure: { error: unknown } | undefined; fail(error: unknown): void } {
  let release = () => {};
  const stop = {
    promise: new Promise<void>((resolve) => (release = resolve)),
    failure: undefined as { error: unknown } | undefined,
    fail(error: unknown) {
      stop.failure ??= { error };
      release();
    },
  };
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130);
      asked = true;
      release();
    });
  }
  return stop;
}

/** Listens everywhere it should; the default place gives way when its port is taken. */
async function listenAll(station: Station, settings: Settings, note: (text: string) => void): Promise<string[]> {
  const urls: string[] = [];
  for (const url of settings.listen) {
    try {
      urls.push((await station.links.listen(url)).url);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'busy' || settings.listenChosen) throw error;
      const { host, port } = parseAddress(url);
      const found = await listenNear(station, host, port);
      note(`port ${port} is taken by another program`);
      urls.push(found);
    }
  }
  return urls;
}

async function listenNear(station: Station, host: string, port: number): Promise<string> {
  for (let next = port + 1; next <= port + MORE_PORTS; next++) {
    try {
      return (await station.links.listen(formatAddress({ host, port: next }))).url;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'busy') throw error;
    }
  }
  return (await station.links.listen(formatAddress({ host, port: 0 }))).url;
}

/** Off a terminal: a line for every alarm that is new. */
function watchAlarms(station: Station, say: Say, end: Promise<void>): void {
  const known = new Set<string>();
  const timer = setInterval(() => {
    station.database.report().then((report) => {
      for (const alarm of report.alarms) {
        if (known.has(alarm.text)) continue;
        known.add(alarm.text);
        say('alarm', `ALARM ${printable(alarm.text)}`, { ...alarm });
      }
    }).catch(() => {});
  }, 30_000);
  void end.then(() => clearInterval(timer));
}
