// What a command of the command line is: its name, its flags, its help, and what it does.

import { Fault } from '../../src/fault.ts';
import type { Output } from './output.ts';
import { defaults, targetSettings } from './target.ts';

/** One flag. Without `value` it is a switch; with it, it takes a value that the help shows under this name. */
export interface Flag {
  value?: string;
  /** May be given more than once. */
  many?: boolean;
  help: string;
}

/** One command with everything that its help says. */
export interface Command {
  name: string;
  /** Positional arguments as the usage shows them: 'STREAM' is required, '[KEY]' is not, '[MORE…]' stands for any number. */
  positionals: string[];
  /** One line, without a full stop. */
  summary: string;
  /** Paragraphs of its help. */
  about: string[];
  flags: { [name: string]: Flag };
  /** Command lines after `holdfast `, each with what it does. */
  examples: [line: string, what: string][];
  /** Returns the exit status; nothing means 0. */
  run(invocation: Invocation): Promise<number | void>;
}

/** What was written on the command line, checked against the command. */
export interface Invocation {
  command: Command;
  /** The data directory, from --dir, HOLDFAST_DIR, or the default. */
  dir: string;
  json: boolean;
  positionals: string[];
  out: Output;
  /** The value of a flag that takes one. */
  text(flag: string): string | undefined;
  /** The values of a flag that may be given more than once; undefined when it was not given. */
  list(flag: string): string[] | undefined;
  /** Whether a switch was given. */
  on(flag: string): boolean;
  /** The value of a flag as a whole number from `least`. */
  count(flag: string, least: number): number | undefined;
}

/** Flags that every command has: these three, and those of the target's settings. */
export function commonFlags(): { [name: string]: Flag } {
  return {
    dir: { value: 'DIR', help: `The data directory (default: HOLDFAST_DIR, or ${defaults().dir}).` },
    ...Object.fromEntries(targetSettings().map(({ name, value, help }) => [name.replaceAll('_', '-'), { value, help }])),
    json: { help: 'Print JSON on stdout and nothing else there; errors are JSON on stderr.' },
    help: { help: 'Show this help.' },
  };
}

/** Marks faults that come from how the command was written: exit status 2, and the usage is shown. */
const usageFaults = new WeakMap<Fault, Command | undefined>();

/** Throws a usage fault; `command` is the one whose usage helps. */
export function misused(sentence: string, command?: Command): never {
  const fault = new Fault('bad-argument', sentence);
  usageFaults.set(fault, command);
  throw fault;
}

/** Checks something that was written on the command line: a fault of the check is a usage fault, with its own code and sentence. */
export async function asWritten<T>(command: Command | undefined, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof Fault) usageFaults.set(error, command);
    throw error;
  }
}

/** Whether an error is a usage fault, and of which command. */
export function asMisuse(error: unknown): { command: Command | undefined } | undefined {
  return error instanceof Fault && usageFaults.has(error) ? { command: usageFaults.get(error) } : undefined;
}
