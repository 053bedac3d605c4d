// Command blocks of the README and of pages beside the code, run by the built program as they stand there: what a block must say stands in the block after it.

import * as assert from 'uvu/assert';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, resolve } from 'node:path';

export const README = readFileSync('README.md', 'utf8');
/** Stands alone on a line between what two blocks say. */
const BORDER = '=-=-=';

/** Commands, and the lines promised for them. */
export interface Block { commands: string; promised: string[] }

/** A page's blocks without a name (the tour's), or those of an example: ```` ```sh example=NAME ````. */
export function blocksOf(page: string, example?: string): Block[] {
  const info = example === undefined ? '' : ` example=${example}`;
  return [...page.matchAll(new RegExp(`^\`\`\`sh${info}\\n([^]*?)^\`\`\`\\n(?:\`\`\`answer\\n([^]*?)^\`\`\`\\n)?`, 'gm'))]
    .map(([, commands, answer]) => ({ commands: commands!, promised: (answer ?? '').split('\n').filter((line) => line !== '') }));
}

/** Whether a line is what was promised; `…` stands for anything. */
export function keeps(promise: string, line: string): boolean {
  return new RegExp(`^${promise.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(line);
}

/**
 * Runs blocks one after the other in folder `cwd`, which is made, and asserts that each says what it promises. Ports that `ports` finds are replaced by free ones: those of the README may be
 * in use where tests run. `patient` puts waiting until something is so in place of waiting for so long; `more` are variables for the commands.
 */
export async function walk(blocks: Block[], cwd: string, ports: RegExp, patient: (commands: string) => string, more: { [name: string]: string } = {}): Promise<void> {
  mkdirSync(cwd, { recursive: true });
  const free = new Map<string, string>();
  for (const { commands } of blocks) for (const port of commands.match(ports) ?? []) if (!free.has(port)) free.set(port, String(await freePort()));
  const local = (text: string): string => text.replace(ports, (port) => free.get(port) ?? port);
  const script = blocks.map(({ commands }) => patient(local(commands))).join(`echo ${BORDER}\n`);
  const answers = (await bash(script, cwd, more)).split(`${BORDER}\n`).map((text) => text.split('\n'));
  assert.is(answers.length, blocks.length, answers.at(-1)!.join('\n'));
  for (const [index, { promised, commands }] of blocks.entries()) {
    let at = 0;
    for (const promise of promised.map(local)) {
      const found = answers[index]!.findIndex((line, number) => number >= at && keeps(promise, line));
      assert.ok(found >= 0, `${promise}\nis promised, but not said after line ${at}, by\n${commands}\nwhich says\n${answers[index]!.join('\n')}`);
      at = found + 1;
    }
  }
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
function bash(script: string, cwd: string, more: { [name: string]: string }): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_') && name !== 'DATABASE_URL'));
  const child = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd, stdio: ['ignore', 'pipe', 'inherit'], detached: true,
    // Brokers lie where users do not look for programs.
    env: { ...env, ...more, PATH: [resolve('dist/edge'), resolve(process.execPath, '..'), env['PATH'] ?? '', '/usr/sbin'].join(delimiter) },
  });
  // Whatever the script has left running ends with this test.
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
