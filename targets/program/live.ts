// The live status of a node on a terminal: a block of lines that is redrawn in place, with what happens written above it.

import type { HostMetrics } from '../../src/io/host.ts';
import type { Report } from './database.ts';
import { spanText } from './moment.ts';
import { byteText, grouped, printable } from './output.ts';
import { sqlPlace } from './sql-place.ts';

/** Colours by meaning. */
export type Paint = (kind: 'bold' | 'dim' | 'good' | 'odd' | 'bad', text: string) => string;

const CODES = { bold: 1, dim: 2, good: 32, odd: 33, bad: 31 };

/** Colours where the terminal wants them: none with NO_COLOR, on a dumb terminal, or off a terminal. */
export function painter(terminal: boolean, environment: { [name: string]: string | undefined }): Paint {
  const plain = !terminal || (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return (kind, text) => plain ? text : `\u001b[${CODES[kind]}m${text}\u001b[0m`;
}

/** Cuts a line to the terminal's width; colours take no room. */
export function fit(line: string, columns: number): string {
  let room = columns - 1;
  let out = '';
  for (const [part] of line.matchAll(/\u001b\[\d*m|./gu)) {
    if (part.startsWith('\u001b')) out += part;
    else if (room-- > 0) out += part;
  }
  return out;
}

function machineLine({ load, memory, temperature }: HostMetrics): string {
  return `this machine: load ${load[0].toFixed(2)}, memory ${byteText(memory.available)} of ${byteText(memory.total)} free${temperature === undefined ? '' : `, ${temperature.toFixed(1)} °C`}, ${byteText(process.memoryUsage.rss())} used by this program`;
}

/** Rows of streams and links that are shown; the rest is counted. */
const ROWS = 8;

/** The block for one report; `rates` are events a second for each stream; `machine`: what it runs on; `page`: where the page is. */
export function liveLines(report: Report, rates: Map<string, number>, paint: Paint, machine?: HostMetrics, page?: string): string[] {
  const found = report.worries;
  const health = found.length === 0 ? paint('good', 'healthy') : found.map(({ kind, text }) => paint(kind, text)).join(', ');
  const lines = [
    '',
    `${paint('bold', printable(report.name))}  ${paint('dim', `${report.node.slice(0, 12)}…`)}  fleet ${printable(report.fleetName)}  ${paint('dim', `up ${spanText(report.uptimeMs)}`)}`,
    `${health}  ${paint('dim', '·')}  clock ${report.clock.quality === 'none' ? paint('odd', 'not trusted') : report.clock.quality}  ${paint('dim', '·')}  disk ${byteText(report.disk.used)} used, ${byteText(report.disk.free)} free`,
    ...(machine === undefined ? [] : [paint('dim', machineLine(machine))]),
    '',
    paint('dim', `  ${'stream'.padEnd(24)} ${'events'.padStart(12)} ${'per s'.padStart(9)} ${'logs'.padStart(7)}`),
  ];
  for (const { stream, events, logs } of report.streams.slice(0, ROWS)) {
    lines.push(`  ${stream.padEnd(24)} ${grouped(events).padStart(12)} ${(rates.get(stream) ?? 0).toFixed(1).padStart(9)} ${grouped(logs).padStart(7)}`);
  }
  if (report.streams.length > ROWS) lines.push(paint('dim', `  and ${report.streams.length - ROWS} more streams`));
  lines.push('');
  if (report.database !== undefined) lines.push(`  ${paint('dim', 'SQL at')} ${sqlPlace(report.database)}${report.database.connected ? '' : `  ${paint('bad', 'out of reach; trying again')}`}`);
  if (page !== undefined) lines.push(`  ${paint('dim', 'page at')} ${page}  ${paint('dim', '(holdfast page prints the link that opens it)')}`);
  for (const url of report.listening) lines.push(`  ${paint('dim', 'listening on')} ${url}`);
  for (const peer of report.peers.slice(0, ROWS)) {
    const who = peer.name === undefined ? '' : ` ${printable(peer.name)}`;
    lines.push(peer.state === 'connected' && peer.reason === undefined ? `  ${peer.url}  ${paint('good', 'connected')}${who}  in ${byteText(peer.in)}  out ${byteText(peer.out)}`
      : `  ${peer.url}  ${paint(peer.state === 'connected' ? 'good' : 'odd', peer.state)}${peer.reason === undefined ? '' : `  ${paint('dim', printable(peer.reason))}`}`);
  }
  if (report.peers.length > ROWS) lines.push(paint('dim', `  and ${report.peers.length - ROWS} more links`));
  for (const each of report.inputs.slice(0, ROWS)) lines.push(`  ${paint('dim', 'input')} ${each.name}  ${each.ok ? paint('good', 'ok') : paint('odd', printable(each.words))}  ${grouped(each.recorded)} recorded${each.refused > 0 ? paint('odd', `, ${grouped(each.refused)} refused`) : ''}`);
  for (const alarm of report.alarms.slice(0, 3)) lines.push(`  ${paint('bad', 'ALARM')} ${printable(alarm.text)}`);
  lines.push(paint('dim', '  Ctrl-C stops; nothing is lost by it.'));
  return lines;
}

/** Events a second of each stream, from the counts of two reports. */
export function ratesBetween(before: { at: number; report: Report } | undefined, at: number, report: Report): Map<string, number> {
  const rates = new Map<string, number>();
  if (before === undefined || at <= before.at) return rates;
  const counts = new Map(before.report.streams.map((each) => [each.stream, each.events]));
  for (const { stream, events } of report.streams) rates.set(stream, Math.max(0, (events - (counts.get(stream) ?? 0)) * 1000 / (at - before.at)));
  return rates;
}

/** A block of lines at the bottom of a terminal. */
export interface Block {
  /** Replaces the block, in one write. */
  draw(lines: string[]): void;
  /** Writes a line above the block. */
  above(line: string): void;
  /** Leaves the block where it is; later words follow below it. */
  end(): void;
}

/** Draws on `terminal`. Nothing is cleared before it is overwritten, so nothing flickers. */
export function terminalBlock(terminal: { write(text: string): unknown; columns?: number; rows?: number }): Block {
  let shown: string[] = [];
  const top = () => (shown.length > 0 ? `\r\u001b[${shown.length}A` : '\r');
  const text = (lines: string[]) => lines.map((line) => `${line}\u001b[K\n`).join('');
  const clip = (lines: string[]) => {
    // A block higher than the screen could not be drawn over.
    const most = Math.max(1, (terminal.rows ?? 24) - 1);
    return lines.slice(0, most).map((line) => fit(line, terminal.columns || 80));
  };
  return {
    draw(lines) {
      const clipped = clip(lines);
      terminal.write(`${top()}${text(clipped)}\u001b[J`);
      shown = clipped;
    },
    above(line) {
      terminal.write(`${top()}${text([line])}${text(shown)}\u001b[J`);
    },
    end() {
      shown = [];
    },
  };
}
