// Reads the command line: finds the command, checks its flags and positionals, and says what is wrong with them.

import { parseArgs } from 'node:util';
import { commonFlags, misused, type Command, type Flag, type Invocation } from './command.ts';
import type { Named } from './commands.ts';
import { didYouMean } from './suggest.ts';
import { defaults } from './target.ts';

/** What the command line asks for. */
export type Request =
  | { kind: 'run'; invocation: Omit<Invocation, 'out'> }
  | { kind: 'help'; command: Command | undefined }
  | { kind: 'version'; json: boolean };

/** Reads the arguments after the program's name, and loads the command that they ask for. Throws usage faults; the caller shows them. */
export async function readArguments(args: string[], commands: readonly Named[], environment: { [name: string]: string | undefined }): Promise<Request> {
  const names = commands.map((each) => each.name);
  // Flags that all commands have may stand before the command.
  let at = 0;
  while (at < args.length && args[at]!.startsWith('-')) {
    const word = args[at]!;
    const [name = '', inline] = word.replace(/^--/, '').split('=', 2);
    if (word.startsWith('--') && Object.hasOwn(commonFlags(), name) && commonFlags()[name]!.value !== undefined) at += inline === undefined ? 2 : 1;
    else if (['--json', '--help', '-h', '--version'].includes(word)) at++;
    else misused(`${word} is not a flag that can stand before the command.${didYouMean(word.replace(/^-+/, ''), [...Object.keys(commonFlags()), 'version'], '--')}`);
  }
  const before = args.slice(0, at);
  const json = args.includes('--json');
  const word = args[at];
  if (word === undefined) {
    if (before.includes('--version')) return { kind: 'version', json };
    if (before.includes('--help') || before.includes('-h')) return { kind: 'help', command: undefined };
    misused('Which command?');
  }
  const rest = [...before, ...args.slice(at + 1)];
  if (word === 'version') return { kind: 'version', json };
  if (word === 'help') {
    const topic = rest.find((each) => !each.startsWith('-'));
    if (topic === undefined) return { kind: 'help', command: undefined };
    return { kind: 'help', command: await (commands.find((each) => each.name === topic) ?? misused(`There is no command ${topic}.${didYouMean(topic, names)}`)).load() };
  }
  const command = commands.find((each) => each.name === word) ?? misused(`There is no command ${word}.${didYouMean(word, names)}`);
  return readCommand(await command.load(), rest, environment);
}

function readCommand(command: Command, args: string[], environment: { [name: string]: string | undefined }): Request {
  const flags: { [name: string]: Flag } = { ...command.flags, ...commonFlags() };
  const options = Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, { type: flag.value === undefined ? 'boolean' as const : 'string' as const }]));
  // Not strict: the checks below know more about the flags, and say it better.
  const { tokens } = parseArgs({ args, options: { ...options, help: { type: 'boolean', short: 'h' } }, strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  if (tokens.some((token) => token.kind === 'option' && token.name === 'help')) return { kind: 'help', command };
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (flag === undefined) misused(`${command.name} has no flag ${token.rawName}.${didYouMean(token.name, Object.keys(flags), '--')}`, command);
    if (flag.value === undefined) {
      if (token.value !== undefined) misused(`--${token.name} takes no value.`, command);
      given.set(token.name, []);
      continue;
    }
    // A flag that follows at once is not meant as the value; --key=--odd says that it is.
    const swallowed = token.inlineValue === false && token.value?.startsWith('--') && token.value.length > 2;
    if (token.value === undefined || swallowed) misused(`--${token.name} needs a value: --${token.name} ${flag.value}.`, command);
    const values = given.get(token.name);
    if (values === undefined) given.set(token.name, [token.value]);
    else if (flag.many === true) values.push(token.value);
    else misused(`--${token.name} is given twice.`, command);
  }
  const required = command.positionals.filter((name) => !name.startsWith('['));
  if (positionals.length < required.length) misused(`${command.name} needs ${required.slice(positionals.length).join(' and ')}.`, command);
  // A last one with dots stands for any number.
  const many = command.positionals.at(-1)?.includes('…') === true;
  if (positionals.length > command.positionals.length && !many) misused(`${command.name} does not take ${JSON.stringify(positionals[command.positionals.length])}.`, command);
  const dir = given.get('dir')?.[0] ?? (environment['HOLDFAST_DIR'] || defaults().dir);
  if (dir === '') misused('--dir is empty.', command);
  return {
    kind: 'run',
    invocation: {
      command, dir, json: given.has('json'), positionals,
      text: (flag) => given.get(flag)?.[0],
      list: (flag) => given.get(flag),
      on: (flag) => given.has(flag),
      count(flag, least) {
        const written = given.get(flag)?.[0];
        if (written === undefined) return undefined;
        const number = Number(written);
        if (!/^\d+$/.test(written) || !Number.isSafeInteger(number) || number < least) misused(`--${flag} is ${JSON.stringify(written)}; it must be a whole number from ${least}.`, command);
        return number;
      },
    },
  };
}
