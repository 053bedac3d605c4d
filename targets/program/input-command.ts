// An input of what a command prints, run at intervals: bounded in time and output, and never twice at a time.

import { isUtf8 } from 'node:buffer';
import { spawn, type ChildProcess } from 'node:child_process';
import { Fault } from '../../src/fault.ts';
import type { InputContext, InputKind, Reading } from './input.ts';
import { keepTime, spanOption } from './input-interval.ts';
import { LINE_OPTIONS, openLines, readJson } from './input-lines.ts';
import { numberOption, type Options, wordOption, wrongOption } from './input-option.ts';

/** Bytes of output that are taken unless the configuration says otherwise, the most that it can say, and of what the command says on stderr. */
const OUTPUT_BYTES = 1_048_576, MOST_OUTPUT_BYTES = 16 * 1_048_576, COMPLAINT_BYTES = 4_096;
/** From a polite request to end to the end; and how long processes that a command left behind may keep its output open. */
const GRACE_MS = 1_000;

export const commandInput: InputKind = {
  options: ['command', 'every', 'timeout', 'output', 'max_output', ...LINE_OPTIONS],
  waits: true,
  check(options) {
    planOf(options);
    openLines(options, {} as InputContext);
  },
  start(options, context) {
    const plan = planOf(options);
    let said = '';
    return Promise.resolve(keepTime(plan.every, context, async () => {
      const result = await runOnce(plan, context.signal);
      if (context.signal.aborted) return;
      if (result.why !== undefined) context.refuse(result.why.code, result.why.message, result.output.length > 0 ? result.output : result.complaint);
      else await take(plan, options, context, result.output);
      const words = result.why === undefined ? `runs ${plan.words}` : result.why.message;
      if (words !== said) context.state(result.why === undefined, said = words);
    }));
  },
};

interface Plan { program: string; args: string[]; shell: boolean; words: string; every: number; timeout: number; whole: boolean; json: boolean; most: number }

function planOf(options: Options): Plan {
  const { command } = options;
  const list = Array.isArray(command) && command.length > 0 && command.every((each): each is string => typeof each === 'string') ? command : undefined;
  if (list === undefined && (typeof command !== 'string' || command.trim() === '')) wrongOption('command', 'it must be a program and its arguments, ["vcgencmd", "measure_temp"], or a line for the shell in quotes', command);
  if (list?.[0] === '') wrongOption('command', 'its first part must be a program', command);
  const every = spanOption(options, 'every', '60s', 100);
  const whole = wordOption(options, 'output', ['lines', 'whole']) === 'whole';
  const format = options['format'] ?? 'json';
  if (whole && format !== 'json' && format !== 'text') throw new Fault('bad-config', 'output = "whole" goes with format "json" or "text".');
  return {
    program: list?.[0] ?? command as string, args: list?.slice(1) ?? [], shell: list === undefined, words: (list?.join(' ') ?? command as string).slice(0, 80),
    every, timeout: spanOption(options, 'timeout', '30s', 10), whole, json: format === 'json',
    most: numberOption(options, 'max_output', 1, MOST_OUTPUT_BYTES, OUTPUT_BYTES),
  };
}

/** What a run brought: its output, or why that cannot be used. */
interface Result { output: Buffer; complaint: Buffer; why: Fault | undefined }

/** Runs the command to its end, or to its limits; never rejects. When this resolves, its group is gone. */
function runOnce(plan: Plan, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve) => {
    const output: Buffer[] = [], complaint: Buffer[] = [];
    let size = 0, complained = 0;
    let why: Fault | undefined;
    let child: ChildProcess;
    try {
      // A group of its own, so that what it starts can be ended with it.
      child = spawn(plan.program, plan.args, { shell: plan.shell, detached: true, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    } catch (error) {
      return resolve({ output: Buffer.alloc(0), complaint: Buffer.alloc(0), why: new Fault('input-failed', `${plan.words} cannot be started: ${(error as Error).message}`, { cause: error }) });
    }
    let over = false, killing: NodeJS.Timeout | undefined, lingering: NodeJS.Timeout | undefined;
    const giveUp = (fault: Fault | undefined): void => {
      why ??= fault;
      if (killing !== undefined || over) return;
      kill(child, 'SIGTERM');
      killing = setTimeout(() => {
        kill(child, 'SIGKILL');
        // Whatever has left the group can keep the pipes open for ever.
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, GRACE_MS);
    };
    const timer = setTimeout(() => giveUp(new Fault('timeout', `${plan.words} took longer than ${plan.timeout} ms`)), plan.timeout);
    const stop = () => giveUp(new Fault('closed', 'the node stopped'));
    signal.addEventListener('abort', stop, { once: true });
    child.stdout!.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > plan.most) {
        if (output.length === 0) output.push(chunk.subarray(0, 512));
        return giveUp(new Fault('too-large', `${plan.words} said more than ${plan.most} bytes`));
      }
      output.push(chunk);
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      if (complained < COMPLAINT_BYTES) complaint.push(chunk.subarray(0, COMPLAINT_BYTES - complained));
      complained += chunk.length;
    });
    child.on('error', (error) => {
      why ??= new Fault('input-failed', `${plan.words} cannot be started: ${error.message}`, { cause: error });
      // Without a process nothing else will happen.
      if (child.pid === undefined) finish(null, null);
    });
    // A child of it that hangs may hold its output open: what it was asked for has ended.
    child.on('exit', () => {
      lingering = setTimeout(() => giveUp(undefined), GRACE_MS);
    });
    child.on('close', finish);
    function finish(code: number | null, signalled: NodeJS.Signals | null): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      clearTimeout(killing);
      clearTimeout(lingering);
      signal.removeEventListener('abort', stop);
      // What it left running in its group without its output goes too: it is not to pile up run by run.
      kill(child, 'SIGKILL');
      const said = Buffer.concat(complaint);
      if (code !== 0 && why === undefined) {
        const reason = said.toString('utf8').trim().slice(0, 200);
        why = new Fault('input-failed', `${plan.words} ended with ${code === null ? signalled : `exit status ${code}`}${reason === '' ? '' : `: ${reason}`}`);
      }
      resolve({ output: Buffer.concat(output), complaint: said, why });
    }
  });
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Readings of what a command printed. */
async function take(plan: Plan, options: Options, context: InputContext, output: Buffer): Promise<void> {
  if (!plan.whole) {
    const lines = openLines(options, context);
    await lines.push(output);
    return lines.end();
  }
  const text = output.toString('utf8').trim();
  if (text === '') return;
  let reading: Reading;
  try {
    if (!isUtf8(output)) throw new Fault('bad-encoding', 'the output is not UTF-8');
    reading = { value: plan.json ? readJson(text) : text, raw: text };
  } catch (error) {
    return context.refuse(error instanceof Fault ? error.code : 'bad-encoding', (error as Error).message, output);
  }
  await context.accept(reading);
}
