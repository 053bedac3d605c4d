// The edge program: reads the command line, runs one command, and turns its outcome into words and an exit status.

import { codeOf } from '../../src/fault.ts';
import { appendCommand } from './append.ts';
import { readArguments } from './arguments.ts';
import { asMisuse, type Command } from './command.ts';
import { doctorCommand } from './doctor.ts';
import { listenCommand, syncCommand } from './exchange.ts';
import { initCommand, inviteCommand, joinCommand, releaseCommand, revokeCommand } from './fleet.ts';
import { commandHelp, overview, usageLine } from './help.ts';
import { digestCommand, statusCommand, verifyCommand } from './inspect.ts';
import { errorText, processOutput } from './output.ts';
import { getCommand, keysCommand, readCommand, streamsCommand } from './read.ts';
import { runCommand } from './run.ts';
import { VERSION } from './version.ts';

const COMMANDS: Command[] = [
  initCommand, inviteCommand, joinCommand, runCommand, appendCommand, readCommand, getCommand, streamsCommand, keysCommand,
  syncCommand, listenCommand, revokeCommand, releaseCommand, statusCommand, digestCommand, verifyCommand, doctorCommand,
];

async function main(args: string[]): Promise<number> {
  const out = processOutput(args.includes('--json'));
  try {
    const request = readArguments(args, COMMANDS, process.env);
    if (request.kind === 'version') await out.result({ version: VERSION }, () => `holdfast ${VERSION}`);
    else if (request.kind === 'help') await out.result({ help: request.command === undefined ? overview(COMMANDS) : commandHelp(request.command) }, () =>
      request.command === undefined ? overview(COMMANDS) : commandHelp(request.command));
    else return (await request.invocation.command.run({ ...request.invocation, out })) ?? 0;
    return 0;
  } catch (error) {
    await out.flush();
    const misuse = asMisuse(error);
    // Somebody who types nothing but the name wants to be shown around, not scolded.
    if (args.length === 0) {
      out.note(overview(COMMANDS));
      return 2;
    }
    out.note(errorText(error, out.json));
    if (misuse !== undefined && !out.json) {
      out.note(`${usageLine(misuse.command)}\n${misuse.command === undefined ? 'holdfast help lists the commands.' : `holdfast help ${misuse.command.name} shows its flags and examples.`}`);
    }
    // An error that is not one of ours is a defect: its trace helps whoever has to find it.
    if (codeOf(error) === 'internal' && error instanceof Error && process.env['HOLDFAST_DEBUG'] !== undefined) out.note(error.stack ?? '');
    return misuse === undefined ? 1 : 2;
  }
}

void main(process.argv.slice(2)).then((status) => {
  // Sockets in their last seconds and timers of links must not keep a command that is done.
  process.stdout.write('', () => process.exit(status));
});
