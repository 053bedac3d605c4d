// The live status: a block that is redrawn in place on a terminal, and what stands in it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Report } from '../../targets/program/database.ts';
import { fit, liveLines, painter, ratesBetween, terminalBlock } from '../../targets/program/live.ts';
import { reportLines } from '../../targets/program/report-lines.ts';
import { worriesOf } from '../../targets/program/worries.ts';

const test = suite('live');

/** As much of a terminal as the block uses: writing lines, going up, clearing to the end of line or screen. */
function screen(columns = 80, rows = 24) {
  const lines: string[] = [''];
  let row = 0, column = 0;
  return {
    columns, rows, lines,
    get text() { return lines.map((line) => line.trimEnd()).join('\n').trimEnd(); },
    write(text: string) {
      for (const [token] of text.matchAll(/\u001b\[\d*[A-Za-z]|\r|\n|[^\u001b\r\n]+/g)) {
        const up = /^\u001b\[(\d+)A$/.exec(token);
        if (up) row = Math.max(0, row - Number(up[1]));
        else if (token === '\u001b[K') lines[row] = lines[row]!.slice(0, column);
        else if (token === '\u001b[J') { lines[row] = lines[row]!.slice(0, column); lines.length = row + 1; }
        else if (token === '\r') column = 0;
        else if (token === '\n') { row++; column = 0; lines[row] ??= ''; }
        else if (!token.startsWith('\u001b')) {
          lines[row] = lines[row]!.padEnd(column).slice(0, column) + token + lines[row]!.slice(column + token.length);
          column += token.length;
        }
      }
    },
  };
}

test('the block is replaced, longer or shorter, and lines stand above it', () => {
  const terminal = screen();
  const block = terminalBlock(terminal);
  block.above('first');
  block.draw(['a long line', 'b', 'c']);
  block.draw(['a', 'b']);
  assert.is(terminal.text, 'first\na\nb');
  block.above('second');
  assert.is(terminal.text, 'first\nsecond\na\nb');
  block.draw(['x', 'y', 'z', 'w']);
  assert.is(terminal.text, 'first\nsecond\nx\ny\nz\nw');
  block.end();
  block.above('after');
  assert.is(terminal.text, 'first\nsecond\nx\ny\nz\nw\nafter');
});

test('nothing is wider or higher than the terminal', () => {
  const terminal = screen(20, 5);
  const block = terminalBlock(terminal);
  block.draw(Array.from({ length: 30 }, (_, i) => `${i} ${'x'.repeat(100)}`));
  assert.is(terminal.lines.length, 5);
  for (const line of terminal.lines) assert.ok(line.length < 20);
  assert.is(fit('\u001b[32mabcdef\u001b[0m', 4), '\u001b[32mabc\u001b[0m');
});

const report: Report = {
  node: 'ab'.repeat(32), name: 'al\u001bpha', fleet: 'cd'.repeat(32), fleetName: 'north', running: true, pid: 7, dir: 'd', uptimeMs: 61_000,
  streams: [{ stream: 'telemetry', events: 1200, logs: 2 }], member: 'member', members: [{ node: 'ab'.repeat(32), name: 'alpha', state: 'member', admin: true, read: ['*'], write: ['*'] }], receipts: [], holes: 0, void: 0, unknown: 0, quarantine: [], alarms: [],
  connections: { accepted: 1, refused: 0, garbage: 0, strangers: 0 }, listening: ['tcp://127.0.0.1:7700'], peers: [{ url: 'tcp://hq:1', state: 'connected', name: 'hq', in: 10, out: 2_000 }], clock: { quality: 'synced', because: 'chrony keeps it', now: 0 }, disk: { used: 5, journal: 1, free: 9e9 }, damage: [], inputs: [], bundles: [], worries: [],
};

test('it shows what is held, at which rate, with whom, and whether all is well', () => {
  const rates = ratesBetween({ at: 1_000, report: { ...report, streams: [{ stream: 'telemetry', events: 1_180, logs: 2 }] } }, 6_000, report);
  assert.is(rates.get('telemetry'), 4);
  const text = liveLines(report, rates, painter(false, {})).join('\n');
  for (const word of ['al\\u001bpha', 'north', 'up 61 s', 'healthy', 'clock synced', 'telemetry', '1,200', '4.0', 'listening on tcp://127.0.0.1:7700', 'tcp://hq:1  connected hq']) assert.ok(text.includes(word), word);
  assert.not(text.includes('\u001b'));
});

test('what is wrong is said instead of healthy', () => {
  const sick: Report = {
    ...report, alarms: [{ code: 'clone', node: '', text: 'two machines run as beta' }], quarantine: [{ node: 'ee'.repeat(32), name: 'x', segments: 3, bytes: 9 }], disk: { used: 1, journal: 0, free: 1_000 },
    peers: [{ url: 'tcp://hq:1', state: 'waiting', reason: 'refused', in: 0, out: 0 }], clock: { quality: 'none', because: 'x', now: 0 },
  };
  assert.equal(worriesOf(report), []);
  sick.worries = worriesOf(sick);
  assert.is(sick.worries.length, 4);
  const text = liveLines(sick, new Map(), painter(false, {})).join('\n');
  for (const word of ['1 alarm', '3 segments in quarantine', '1 peer out of reach', 'only 1.0 kB of disk left', 'ALARM two machines run as beta', 'refused', 'not trusted']) assert.ok(text.includes(word), word);
  assert.not(text.includes('healthy'));
  assert.ok(reportLines(sick).some((line) => line.includes('ALARM')));
});

test('colours only where a terminal wants them', () => {
  assert.is(painter(true, {})('good', 'x'), '\u001b[32mx\u001b[0m');
  for (const paint of [painter(false, {}), painter(true, { NO_COLOR: '1' }), painter(true, { TERM: 'dumb' })]) assert.is(paint('good', 'x'), 'x');
});

test.run();
