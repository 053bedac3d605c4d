// The settings of a running node: from D/holdfast.toml, HOLDFAST_* variables and flags, checked, with every mistake named.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { DEFAULT_PORT } from '../../src/io/address.ts';
import { asWritten, type Flag, type Invocation } from './command.ts';
import { checkHttpName, DEFAULT_HTTP, parseHttp, type HttpPlace } from './http-place.ts';
import type { KeptLink } from './link-settings.ts';
import { checkListenUrl, checkUrl } from './link-url.ts';
import { didYouMean, nearest } from './suggest.ts';
import { defaults, targetSettings } from './target.ts';

/** What a node that runs can be told. */
export interface Settings {
  /** The node's name, used when it is founded; undefined: the host's. */
  name: string | undefined;
  listen: string[];
  /** Whether `listen` was chosen by the user; the default gives way when its port is taken. */
  listenChosen: boolean;
  peers: string[];
  metricsSeconds: number;
  windowMs: number;
  clock: 'auto' | 'none' | 'rtc' | 'synced';
  /** Where the HTTP API listens; undefined: nowhere. */
  http: HttpPlace | undefined;
  /** As `listenChosen`. */
  httpChosen: boolean;
  /** Names, besides addresses, by which others call this machine. */
  httpNames: string[];
  /** The [[input]] tables, not looked at yet (input-settings.ts), and where each stands; undefined: none. */
  inputs: Declared | undefined;
  /** The [[link]] tables: links that are kept besides `peers`. */
  links: KeptLink[];
  /** How a node that runs tells what happens: lines for people, or one JSON object a line on stderr. */
  log: 'text' | 'json';
  /** What the settings of the target say, by name; undefined where there are none. */
  more?: { [name: string]: unknown };
}

/** Tables of the configuration that are checked by whoever knows them; `where` says for a message where the table of an index stands. */
export interface Declared { tables: unknown; where(index: number): string }

/** Where the configuration lies in a data directory. */
export const CONFIG_FILE = 'holdfast.toml';

/** By default only this machine can connect. */
const DEFAULT_LISTEN = `tcp://127.0.0.1:${DEFAULT_PORT}`;

/** One setting. */
export interface Setting {
  /** In the file; the variable is HOLDFAST_ and this in capitals unless `variable` says otherwise, the flag has dashes. */
  name: string;
  variable?: string;
  kind: 'text' | 'list' | 'number' | 'word';
  words?: readonly string[];
  /** What text, or each text of a list, must fulfil; throws what is wrong with it, or rejects. */
  fits?(text: string): unknown;
  /** A list as it may look. */
  such?: string;
  least?: number;
  most?: number;
  /** A value as the configuration may have it, for the file that `init` leaves. */
  example?: string;
  /** As the help of `run` shows it. */
  value: string;
  help: string;
}

const LINKS = `a list of links, such as ["tcp://pump-house:${DEFAULT_PORT}"]`;
/** All settings of this target. */
export function allSettings(): readonly Setting[] {
  return [...commonSettings(), ...targetSettings()];
}

const commonSettings = (): Setting[] => [
  { name: 'name', kind: 'text', value: 'NAME', help: "This node's name, when --init founds a fleet (default: the host's name)." },
  { name: 'listen', kind: 'list', fits: checkListenUrl, such: LINKS, value: 'URL', help: `Where to wait for other nodes (default: ${DEFAULT_LISTEN}, this machine only; tcp://0.0.0.0:${DEFAULT_PORT} for the network).` },
  { name: 'peers', kind: 'list', fits: checkUrl, such: LINKS, value: 'URL', help: 'What to keep a link to: a node (tcp://HOST:PORT, serial:/dev/ttyUSB0?baud=115200), a broker where nodes meet (mqtt://HOST), the place where sticks appear (file:/PATH).' },
  { name: 'metrics_seconds', kind: 'number', least: 0, most: 86_400, value: 'N', help: `Record the metrics of this machine each N seconds in stream telemetry; 0: never (default: ${defaults().metricsSeconds}).` },
  { name: 'window_ms', kind: 'number', least: 0, most: 60_000, value: 'N', help: `How long events may wait to be sent together (default: ${defaults().windowMs}).` },
  { name: 'clock', kind: 'word', words: ['auto', 'none', 'rtc', 'synced'], value: 'HOW', help: "How far to trust this machine's clock: auto, none, rtc or synced (default: auto)." },
  { name: 'http', kind: 'text', fits: parseHttp, value: 'PLACE', help: `Where the page and the HTTP API are (default: ${DEFAULT_HTTP}, this machine only), or off. Elsewhere than on this machine put a proxy with TLS before it: the token travels as it is.` },
  { name: 'http_names', kind: 'list', fits: checkHttpName, such: 'a list of names, such as ["pi.local"]', value: 'NAME', help: 'A name by which browsers may call this machine; its addresses need not be named.' },
  { name: 'log', kind: 'word', words: ['text', 'json'], value: 'HOW', help: 'How a running node tells what happens: text, or json: one object a line on stderr (default: text).' },
];

/** The flags of `run`, one for each setting that not every command has. */
export function settingFlags(): { [flag: string]: Flag } {
  return Object.fromEntries(commonSettings().map((setting) => [setting.name.replaceAll('_', '-'), { value: setting.value, help: setting.help, ...(setting.kind === 'list' ? { many: true } : {}) }]));
}

/** The variables, for the help. */
export function settingVariables(): string[] {
  return allSettings().map((setting) => variable(setting));
}

function variable(setting: Setting): string {
  return setting.variable ?? `HOLDFAST_${setting.name.toUpperCase()}`;
}

/** Checks one setting; `where` says for the message where it was found. Fault: `bad-config`. */
async function check(setting: Setting, value: unknown, where: string): Promise<unknown> {
  const refuse = (wanted: string): never => {
    throw new Fault('bad-config', `${where}: ${setting.name} is ${JSON.stringify(value)}; it must be ${wanted}.`);
  };
  switch (setting.kind) {
    case 'text':
      if (typeof value !== 'string' || value.trim() === '') refuse('text');
      await fitting(setting, value as string, where);
      return value;
    case 'word':
      return setting.words?.includes(value as string) ? value : refuse(`one of ${setting.words?.join(', ')}`);
    case 'number': {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : typeof value === 'bigint' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number) || number < setting.least! || number > setting.most!) refuse(`a whole number from ${setting.least} to ${setting.most}`);
      return number;
    }
    case 'list': {
      if (!Array.isArray(value) || value.some((each) => typeof each !== 'string')) refuse(setting.such!);
      for (const each of value as string[]) await fitting(setting, each, where);
      return value;
    }
  }
}

async function fitting(setting: Setting, text: string, where: string): Promise<void> {
  try {
    await setting.fits?.(text);
  } catch (error) {
    // A flag says already which setting it is.
    throw new Fault('bad-config', `${where}: ${where.startsWith('--') || where === setting.variable ? '' : `${setting.name}: `}${(error as Error).message}`, { cause: error });
  }
}

/** Checks a setting of the configuration file by its name. Fault: `bad-config`. */
export async function checkSetting(name: string, value: unknown, where: string): Promise<unknown> {
  const setting = allSettings().find((each) => each.name === name);
  if (setting === undefined) throw new Fault('bad-config', `${where}: there is no setting ${JSON.stringify(name)}.${didYouMean(name, [...allSettings().map((each) => each.name), 'input', 'link'])}`);
  return check(setting, value, where);
}

/** Puts the settings together: flags before variables before the file before the defaults. Fault: `bad-config`, a usage fault where a flag is wrong. */
export async function readSettings(dir: string, invocation: Pick<Invocation, 'text' | 'list'> & Partial<Pick<Invocation, 'command'>>, environment: { [name: string]: string | undefined }): Promise<Settings> {
  const path = join(dir, CONFIG_FILE);
  let file: { [name: string]: unknown } = {};
  try {
    const text = readFileSync(path, 'utf8');
    // The one that `init` leaves says nothing: a node with default settings needs no parser.
    if (/^\s*[^#\s]/m.test(text)) file = await (await import('./config-file.ts')).parseConfig(text, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error instanceof Fault ? error : new Fault('bad-config', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
  const known = [...settingVariables().filter((each) => each.startsWith('HOLDFAST_')), 'HOLDFAST_DIR', 'HOLDFAST_DEBUG'];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('HOLDFAST_') || known.includes(name)) continue;
    // Others may use such names for their own ends (clusters make them up for services): only what looks like a slip is refused.
    const near = nearest(name.slice('HOLDFAST_'.length), known.map((each) => each.slice('HOLDFAST_'.length).toLowerCase()));
    if (near !== undefined) throw new Fault('bad-config', `The variable ${name} is no setting. Did you mean HOLDFAST_${near.toUpperCase()}?`);
  }
  const value = async (setting: Setting): Promise<unknown> => {
    const flag = setting.name.replaceAll('_', '-');
    if (setting.kind === 'list') {
      const urls = invocation.list(flag);
      if (urls !== undefined) return asWritten(invocation.command, () => check(setting, urls.length === 1 && urls[0] === 'none' ? [] : urls, `--${flag}`));
    } else {
      const text = invocation.text(flag);
      if (text !== undefined) return asWritten(invocation.command, () => check(setting, text, `--${flag}`));
    }
    const said = environment[variable(setting)];
    // An empty variable is how shells and units say "not set"; an empty list is written "none".
    if (said !== undefined && said !== '') {
      const many = said === 'none' ? [] : said.split(/[\s,]+/).filter((each) => each !== '');
      return check(setting, setting.kind === 'list' ? many : said, variable(setting));
    }
    return file[setting.name];
  };
  const values: unknown[] = [], more: { [name: string]: unknown } = {};
  for (const setting of commonSettings()) values.push(await value(setting));
  for (const setting of targetSettings()) more[setting.name] = await value(setting);
  const [name, listen, peers, metrics, window, clock, http, names, log] = values;
  return {
    name: name as string | undefined,
    listen: (listen as string[] | undefined) ?? [DEFAULT_LISTEN],
    listenChosen: listen !== undefined,
    peers: (peers as string[] | undefined) ?? [],
    metricsSeconds: (metrics as number | undefined) ?? defaults().metricsSeconds,
    windowMs: (window as number | undefined) ?? defaults().windowMs,
    clock: (clock as Settings['clock'] | undefined) ?? 'auto',
    http: parseHttp((http as string | undefined) ?? DEFAULT_HTTP),
    httpChosen: http !== undefined,
    httpNames: ((names as string[] | undefined) ?? []).map((each) => each.toLowerCase()),
    inputs: file['input'] as Declared | undefined,
    links: (file['link'] as KeptLink[] | undefined) ?? [],
    log: (log as Settings['log'] | undefined) ?? 'text',
    ...(Object.keys(more).length > 0 && { more }),
  };
}
