// The program: reads the command line, runs one command, and turns its outcome into words and an exit status.

import { codeOf } from '../../src/fault.ts';
import { readArguments } from './arguments.ts';
import { asMisuse } from './command.ts';
import type { Named } from './commands.ts';
import { errorText, processOutput } from './output.ts';
import { invoked, use, type Target } from './target.ts';
import { VERSION } from './version.ts';

async function outcome(args: string[], commands: readonly Named[]): Promise<number> {
  const out = processOutput(args.includes('--json'));
  try {
    const request = await readArguments(args, commands, process.env);
    if (request.kind === 'version') await out.result({ version: VERSION }, () => `holdfast ${VERSION}`);
    else if (request.kind === 'help') {
      const help = request.command === undefined ? await tour(commands) : (await import('./help.ts')).commandHelp(request.command);
      await out.result({ help }, () => help);
    } else {
      invoked(request.invocation);
      return (await request.invocation.command.run({ ...request.invocation, out })) ?? 0;
    }
    return 0;
  } catch (error) {
    await out.flush();
    const misuse = asMisuse(error);
    // Somebody who types nothing but the name wants to be shown around, not scolded.
    if (args.length === 0) {
      out.note(await tour(commands));
      return 2;
    }
    out.note(errorText(error, out.json));
    if (misuse !== undefined && !out.json) {
      const { usageLine } = await import('./help.ts');
      out.note(`${usageLine(misuse.command)}\n${misuse.command === undefined ? 'holdfast help lists the commands.' : `holdfast help ${misuse.command.name} shows its flags and examples.`}`);
    }
    // An error that is not one of ours is a defect: its trace helps whoever has to find it.
    if (codeOf(error) === 'internal' && error instanceof Error && process.env['HOLDFAST_DEBUG'] !== undefined) out.note(error.stack ?? '');
    return misuse === undefined ? 1 : 2;
  }
}

async function tour(commands: readonly Named[]): Promise<string> {
  const { overview } = await import('./help.ts');
  return overview(await Promise.all(commands.map((each) => each.load())));
}

/** Runs the program as a target has it, and ends the process with its status. */
export function start(args: string[], target: Target): void {
  use(target);
  void outcome(args, target.commands).then((status) => {
    // Sockets in their last seconds and timers of links must not keep a command that is done.
    process.stdout.write('', () => process.exit(status));
  });
}
