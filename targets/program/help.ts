// Help: the overview of all commands, and the page of each.

import { commonFlags, type Command, type Flag } from './command.ts';
import { VERSION } from './version.ts';

/** Columns that text is broken at. */
const WIDTH = 80;

/** Breaks a text at spaces; later lines are indented. */
function wrap(text: string, indent: string, first = indent): string {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  lines.push(line.trimEnd());
  return lines.join('\n');
}

/** `usage: holdfast append STREAM [flags]`. */
export function usageLine(command: Command | undefined): string {
  if (command === undefined) return 'usage: holdfast COMMAND [arguments] [--dir DIR] [--json]';
  return `usage: holdfast ${[command.name, ...command.positionals].join(' ')} [flags]`;
}

function flagLines(flags: { [name: string]: Flag }): string {
  const rows = Object.entries(flags).map(([name, flag]) => [`  --${name}${flag.value === undefined ? '' : ` ${flag.value}`}`, flag.help + (flag.many === true ? ' May be given more than once.' : '')] as const);
  const column = Math.min(30, Math.max(...rows.map(([left]) => left.length)) + 2);
  return rows.map(([left, help]) => {
    const padded = left.padEnd(column);
    return padded.length > column ? `${left}\n${wrap(help, ' '.repeat(column))}` : wrap(help, ' '.repeat(column), padded);
  }).join('\n');
}

/** The page of one command. */
export function commandHelp(command: Command): string {
  const parts = [`holdfast ${command.name}: ${command.summary}.`, usageLine(command), ...command.about.map((each) => wrap(each, ''))];
  if (Object.keys(command.flags).length > 0) parts.push(`Flags\n${flagLines(command.flags)}`);
  parts.push(`Flags of every command\n${flagLines(commonFlags())}`);
  if (command.examples.length > 0) {
    parts.push(`Examples\n${command.examples.map(([line, what]) => `${wrap(`# ${what}`, '  # ', '  ')}\n  ${line}`).join('\n')}`);
  }
  return parts.join('\n\n');
}

/** Groups of the overview; every command stands in one. */
export const GROUPS: [title: string, names: string[]][] = [
  ['Begin', ['init', 'invite', 'join', 'run', 'page', 'token']],
  ['Events', ['append', 'read', 'get', 'streams', 'keys']],
  ['Other nodes', ['sync', 'listen', 'export', 'import', 'revoke', 'release']],
  ['Health', ['status', 'digest', 'verify', 'backup', 'recover', 'doctor']],
];

/** The overview. */
export function overview(commands: readonly Command[]): string {
  const lines = [`holdfast ${VERSION}: a database that keeps writing.`, '', usageLine(undefined)];
  for (const [title, names] of GROUPS) {
    lines.push('', title);
    for (const name of names) {
      const command = commands.find((each) => each.name === name);
      if (command !== undefined) lines.push(wrap(command.summary, ' '.repeat(22), `  ${[command.name, ...command.positionals].join(' ').padEnd(20)}`));
    }
  }
  lines.push('', 'A first tour', ...[
    ['holdfast init --dir a --name alpha', 'found a fleet'],
    ['holdfast append telemetry --dir a --key pump-7 --type pressure --body 4.2', ''],
    ['holdfast read telemetry --dir a', 'what is recorded'],
    ['holdfast run --dir a', 'keep alpha running'],
    ['holdfast invite --dir a', 'elsewhere: a token for one more'],
    ['holdfast join TOKEN --dir b --name beta', 'beta joins, with no connection'],
    ['holdfast sync tcp://127.0.0.1:7700 --dir b', 'exchange until both hold the same'],
  ].flatMap(([line, what]) => what === '' ? [`  ${line}`] : [`  ${line!.padEnd(42)} # ${what}`]));
  lines.push('', 'holdfast help COMMAND shows how to use one. holdfast version tells the version.',
    wrap('Exit status: 0 done, 1 it failed (a sentence and a stable code are on stderr), 2 it was asked wrongly, 3 it ended but not everything is well (see the command), 75 the process lost its place and is to be started again, 130 it was interrupted.', ''));
  return lines.join('\n');
}
