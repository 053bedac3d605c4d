// The README's tour, run as it stands there by the built program (dist/edge/holdfast): each block of commands must say what the block after it promises.
// timeout: 300s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, resolve } from 'node:path';
import { inFolder } from './program.ts';

const README = readFileSync('README.md', 'utf8');
/** Stands alone on a line between what two blocks say. */
const BORDER = '=-=-=';

/** The tour's blocks: commands, and the lines promised for them. */
function tour(): { commands: string; promised: string[] }[] {
  return [...README.matchAll(/^```sh\n([^]*?)^```\n(?:```answer\n([^]*?)^```\n)?/gm)]
    .map(([, commands, answer]) => ({ commands: commands!, promised: (answer ?? '').split('\n').filter((line) => line !== '') }));
}

/** Whether a line is what was promised; `…` stands for anything. */
function keeps(promise: string, line: string): boolean {
  return new RegExp(`^${promise.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(line);
}

/** Where a reader waits two seconds for nodes to listen, this waits until they do, however busy the machine is. */
function patient(script: string): string {
  return script.split(`echo ${BORDER}\n`).map((commands) => {
    const ports = [...commands.split(/^sleep/m)[0]!.matchAll(/listen tcp:\/\/127\.0\.0\.1:(\d+)/g)].map((found) => found[1]!);
    return commands.replace(/^sleep \d+$/gm, ports.map((port) => `for i in {1..600}; do (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && break; sleep 0.1; done`).join('\n'));
  }).join(`echo ${BORDER}\n`);
}

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

/** Runs a script in bash; everything that it says, in the order in which it said it. */
function bash(script: string, cwd: string): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_')));
  const child = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd, stdio: ['ignore', 'pipe', 'inherit'], detached: true,
    env: { ...env, PATH: [resolve('dist/edge'), resolve(process.execPath, '..'), env['PATH'] ?? ''].join(delimiter) },
  });
  // Whatever the tour has left running ends with this test.
  const end = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Nothing is left.
    }
  };
  process.on('exit', end);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('exit', () => {
      end();
      done(said);
    });
  });
}

test('a promised line is matched whole, and only with gaps where it says so', () => {
  assert.ok(keeps('sent … event…, received', 'sent 1 event, received'));
  assert.ok(keeps('a (b) [c]', 'a (b) [c]'));
  assert.not(keeps('a', 'a b'));
  assert.not(keeps('4 events', '14 events'));
});

test('the tour of the README does what it says', () => inFolder(async (path) => {
  const blocks = tour();
  assert.ok(blocks.length >= 8 && blocks.every(({ promised }) => promised.length > 0));
  mkdirSync(path('tour'), { recursive: true });
  const script = blocks.map(({ commands }) => commands).join(`echo ${BORDER}\n`);
  const ports = new Map<string, string>();
  // The tour's own ports may be in use where tests run.
  for (const port of new Set(script.match(/\b77\d\d\b/g))) ports.set(port, String(await freePort()));
  const local = (text: string) => text.replace(/(?<=tcp:\/\/[\d.]+:)77\d\d\b/g, (port) => ports.get(port)!);
  const answers = (await bash(patient(local(script)), path('tour'))).split(`${BORDER}\n`).map((text) => text.split('\n'));
  assert.is(answers.length, blocks.length, answers.at(-1)!.join('\n'));
  for (const [index, { promised, commands }] of blocks.entries()) {
    let at = 0;
    for (const promise of promised.map(local)) {
      const found = answers[index]!.findIndex((line, number) => number >= at && keeps(promise, line));
      assert.ok(found >= 0, `${promise}\nis promised, but not said after line ${at}, by\n${commands}\nwhich says\n${answers[index]!.join('\n')}`);
      at = found + 1;
    }
  }
  assert.ok(existsSync(path('tour/alpha/root.key')));
}));

test('the links of the README lead somewhere, and no command is left out', () => {
  const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map((found) => found[1]!);
  assert.equal(links.filter((link) => !existsSync(link)), []);
  const files = [...README.matchAll(/`((?:src|test|targets)\/[\w/.-]+)`/g)].map((found) => found[1]!);
  assert.ok(links.length > 8 && files.length > 20);
  assert.equal(files.filter((file) => !existsSync(file)), []);
  const names = [...readFileSync('targets/edge/help.ts', 'utf8').matchAll(/^ {2}\['[\w ]+', \[([^\]]+)\]\],$/gm)].flatMap((found) => found[1]!.split(/[', ]+/).filter(Boolean));
  assert.ok(names.length >= 17);
  assert.equal(names.filter((name) => !new RegExp(`^\\|[^|]*\`${name}\\b[^|]*\\|[^|]*\\|$`, 'm').test(README)), []);
});

test.run();
