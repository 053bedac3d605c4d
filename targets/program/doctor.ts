// `doctor`: looks for what goes wrong on devices, and says what to do about it.

import { existsSync, lstatSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../../src/fault.ts';
import { framing } from '../../src/carry/frame.ts';
import { systemClock } from '../../src/io/clock.ts';
import { dialTcp } from '../../src/io/tcp.ts';
import { CLOCK_NONE, CLOCK_SYNCED } from '../../src/ports.ts';
import type { Command, Invocation } from './command.ts';
import type { Database, Report } from './database.ts';
import { KEY_FILE, ROOT_KEY_FILE } from './home.ts';
import { openDatabase } from './open.ts';
import { byteText, counted, printable } from './output.ts';
import { schemeOf, shownUrl } from './link-url.ts';
import { readSettings, type Settings } from './settings.ts';
import { medium } from './target.ts';

/** What one look found. `warn` is worth knowing; `bad` makes the exit status 1. */
interface Finding { check: string; state: 'ok' | 'warn' | 'bad'; text: string; advice?: string }

/** Free bytes below which a disk is worth a warning, and is nearly full. */
const DISK_LOW = 500_000_000, DISK_FULL = 50_000_000;
/** Files that only the user of the service may read. */
const PRIVATE = [ROOT_KEY_FILE, 'control.sock'];
const DAMAGED = 'Copy the directory away before you do anything else; then `holdfast verify` names what is damaged, and `holdfast sync` fetches it from another node.';
/** Time for each peer to answer. */
const DIAL_MS = 5_000;

export const doctorCommand: Command = {
  name: 'doctor',
  positionals: [],
  summary: 'look for what is wrong, and say what to do',
  about: ['Looks at the clock, the disk, who may read the keys, the store, the configuration, the alarms, and whether peers can be reached. Exit status 1 when something needs to be done.'],
  flags: { peers: { value: 'URL', many: true, help: 'Look whether this node can be reached (default: those of the configuration).' } },
  examples: [['holdfast doctor', 'before you leave a device alone'], ['holdfast doctor --json', '{"ok","findings":[{"check","state","text","advice"}]}']],
  async run(invocation) {
    const { dir, out } = invocation;
    const findings: Finding[] = [];
    const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
    if (major < 20 || (major === 20 && minor < 12)) findings.push({ check: 'program', state: 'bad', text: `Node ${process.versions.node} is too old`, advice: 'Install Node 20.12 or later.' });
    let settings: Settings | undefined;
    try {
      settings = await readSettings(dir, invocation, process.env);
      findings.push({ check: 'settings', state: 'ok', text: 'the configuration can be read' });
    } catch (error) {
      findings.push({ check: 'settings', state: 'bad', text: (error as Error).message, advice: 'Correct it; `holdfast run` will not start before.' });
    }
    findings.push(clockFinding(settings), ...permissionFindings(dir, await keyPath(dir)), ...diskFindings(dir));
    findings.push(...await storeFindings(invocation));
    for (const url of [...settings?.peers ?? [], ...(settings?.links ?? []).map((link) => link.url)]) {
      out.progress(`connecting to ${shownUrl(url)}`);
      findings.push(await peerFinding(url));
    }
    out.progress('');
    const bad = findings.some((each) => each.state === 'bad');
    await out.result({ ok: !bad, findings }, () => [
      ...findings.map((each) => `${{ ok: 'ok  ', warn: 'note', bad: 'BAD ' }[each.state]}  ${each.check.padEnd(12)} ${printable(each.text)}${each.advice === undefined ? '' : `\n${' '.repeat(19)}${each.advice}`}`),
      bad ? 'Something needs to be done.' : 'Nothing needs to be done.',
    ].join('\n'));
    return bad ? 1 : 0;
  },
};

function clockFinding(settings: Settings | undefined): Finding {
  if (settings !== undefined && settings.clock !== 'auto') return { check: 'clock', state: 'ok', text: `${settings.clock}, as the configuration says` };
  const { quality, because } = systemClock().judgement();
  const now = new Date().toISOString().slice(0, 19).replace('T', ' ');
  if (quality === CLOCK_SYNCED) return { check: 'clock', state: 'ok', text: `${because}; it is ${now} UTC` };
  return {
    check: 'clock', state: 'warn', text: `${because}; it is ${now} UTC`,
    advice: quality === CLOCK_NONE
      ? 'Events keep their order all the same, but their times may be wrong. Enable systemd-timesyncd or chrony, fit a battery clock, or set clock = "synced" if you know better.'
      : 'Enable systemd-timesyncd or chrony where a time source can be reached.',
  };
}

/** Where the key is; where the configuration cannot be read, in its usual place. */
function keyPath(dir: string): Promise<string> {
  return medium().then((its) => its.keyPath(dir), () => join(dir, KEY_FILE));
}

function permissionFindings(dir: string, key: string): Finding[] {
  if (!existsSync(dir)) return [];
  const findings: Finding[] = [];
  const own = process.getuid?.();
  const look = (path: string) => {
    const state = lstatSync(path);
    if ((state.mode & 0o077) !== 0) findings.push({ check: 'permissions', state: 'bad', text: `other users may use ${path}`, advice: `chmod 600 ${path}` });
    if (own !== undefined && own !== 0 && state.uid !== own) findings.push({ check: 'permissions', state: 'bad', text: `${path} belongs to another user`, advice: `Run holdfast as that user, or: chown ${own} ${path}` });
  };
  try {
    for (const name of readdirSync(dir)) if (PRIVATE.includes(name)) look(join(dir, name));
    if (existsSync(key)) look(key);
  } catch (error) {
    return [{ check: 'permissions', state: 'bad', text: `${dir} cannot be read: ${(error as Error).message}`, advice: 'Run holdfast as the user that the directory belongs to.' }];
  }
  if ((statSync(dir).mode & 0o077) !== 0) findings.push({ check: 'permissions', state: 'warn', text: `other users may look into ${dir}`, advice: `chmod 700 ${dir}` });
  if (existsSync(join(dir, ROOT_KEY_FILE))) {
    findings.push({ check: 'root key', state: 'warn', text: `the root key of the fleet is on this device, in ${join(dir, ROOT_KEY_FILE)}`, advice: 'Move that file to a place of its own, a stick in a safe for example: whoever steals this device must not get it.' });
  }
  return findings.some((each) => each.state === 'bad') ? findings : [{ check: 'permissions', state: 'ok', text: 'the keys are readable by this user alone' }, ...findings];
}

function diskFindings(dir: string): Finding[] {
  try {
    const { bavail, bsize, blocks } = statfsSync(dir);
    const free = bavail * bsize;
    const text = `${byteText(free)} of ${byteText(blocks * bsize)} free`;
    if (free < DISK_FULL) return [{ check: 'disk', state: 'bad', text, advice: 'Make room: when the disk is full no more events can be recorded (what is recorded stays readable).' }];
    return [{ check: 'disk', state: free < DISK_LOW ? 'warn' : 'ok', text, ...(free < DISK_LOW ? { advice: 'Make room before it runs out.' } : {}) }];
  } catch {
    return [];
  }
}

async function storeFindings(where: Pick<Invocation, 'dir' | 'out'>): Promise<Finding[]> {
  let database: Database | undefined;
  let report: Report;
  try {
    database = await openDatabase(where);
    report = await database.report();
  } catch (error) {
    const code = codeOf(error);
    const advice = code === 'store-damaged' || code === 'journal-damaged'
      ? DAMAGED
      : code === 'internal' ? 'This should not happen; please report it.' : undefined;
    return [{ check: 'store', state: 'bad', text: error instanceof Fault ? error.message : String(error), ...(advice === undefined ? {} : { advice }) }];
  } finally {
    await database?.close();
  }
  const events = report.streams.reduce((sum, each) => sum + each.events, 0);
  const findings: Finding[] = [{ check: 'store', state: 'ok', text: `opens; ${counted(events, 'event')} in ${counted(report.streams.length, 'stream')}${report.running ? `; process ${report.pid} runs on it` : ''}` }];
  if (report.database !== undefined) {
    const { place, version, connected, processes, embedded } = report.database;
    findings.push({ check: 'database', state: connected ? 'ok' : 'bad', text: `PostgreSQL ${version} ${embedded ? 'of its own ' : ''}at ${place}${processes > 1 ? `, shared by ${processes} processes` : ''}${connected ? '' : ', out of reach'}`, ...(connected ? {} : { advice: 'Start it again; the node goes on by itself when it is back.' }) });
  }
  for (const what of report.damage) findings.push({ check: 'store', state: 'bad', text: what, advice: DAMAGED });
  for (const alarm of report.alarms) findings.push({ check: 'alarm', state: 'warn', text: alarm.text });
  for (const { node, name, segments } of report.quarantine) {
    findings.push({ check: 'quarantine', state: 'warn', text: `${counted(segments, 'segment')} of ${name}, which is revoked or not admitted yet`, advice: `\`holdfast release ${node.slice(0, 12)}\` admits them if they are good.` });
  }
  for (const peer of report.peers) {
    if (peer.state !== 'connected' && peer.reason !== undefined) findings.push({ check: 'link', state: 'warn', text: `${peer.url}: ${peer.reason}` });
  }
  return findings;
}

async function peerFinding(url: string): Promise<Finding> {
  if (schemeOf(url) !== 'tcp') return { check: 'link', state: 'ok', text: `${shownUrl(url)} is not tried here; \`holdfast sync\` with this link does, and \`holdfast status\` shows how it is` };
  try {
    const link = await dialTcp(url, framing, { timeoutMs: DIAL_MS });
    link.close();
    return { check: 'link', state: 'ok', text: `${url} answers` };
  } catch (error) {
    return { check: 'link', state: 'bad', text: (error as Error).message, advice: 'Events wait here until the peer can be reached; nothing is lost meanwhile.' };
  }
}

