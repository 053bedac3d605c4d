// `token` and `page`: what somebody needs to use the HTTP API and the page of a node that runs.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { connectControl } from '../../src/io/control.ts';
import { misused, type Command } from './command.ts';
import { hasNode, noNode } from './home.ts';
import { PLACE_FILE } from './http-place.ts';
import { TOKEN_FILE } from './http-token.ts';
import { momentText } from './moment.ts';
import { openDatabase } from './open.ts';
import { printable } from './output.ts';

export const tokenCommand: Command = {
  name: 'token',
  positionals: [],
  summary: 'print the token of the HTTP API, or make one of narrower scope',
  about: [
    "Without flags it prints the node's own token: whoever has it can do everything that this node can, so treat it like a password. `holdfast run` makes it when it first runs; to have another one, delete http-token in the data directory and start the node anew.",
    'Others are made with a name and a scope: read sees what the node can read, append also records and carries bundles, admin also invites, revokes and makes tokens. Such a token is printed once; only a hash of it is kept.',
    'None of them is the token of `invite`, with which a node joins the fleet.',
  ],
  flags: {
    scope: { value: 'SCOPE', help: 'Make a token that may do this: read, append or admin.' },
    name: { value: 'NAME', help: 'What the new token is called.' },
    list: { help: 'List the tokens that have names.' },
    revoke: { value: 'NAME', help: 'Take the token of this name back; it is refused within seconds.' },
  },
  examples: [
    ['curl -H "Authorization: Bearer $(holdfast token)" http://127.0.0.1:7717/api/streams', 'what is held, for a program'],
    ['holdfast token --scope read --name grafana', 'a token that can only read'],
    ['holdfast token --revoke grafana', 'and back again'],
  ],
  async run({ command, dir, out, text, on }) {
    const scope = text('scope'), name = text('name'), revoke = text('revoke'), list = on('list');
    if (Number(scope !== undefined || name !== undefined) + Number(revoke !== undefined) + Number(list) > 1) misused('Make a token, list them, or revoke one: each by itself.', command);
    if (scope === undefined && name === undefined && revoke === undefined && !list) {
      const token = await readToken(dir);
      return out.result({ token }, () => token);
    }
    if ((scope === undefined) !== (name === undefined)) misused('A token is made with --scope and --name.', command);
    const database = await openDatabase({ dir, out });
    try {
      const { tokens, made } = await database.tokens({ ...(name === undefined ? {} : { make: { name, scope: scope! } }), ...(revoke === undefined ? {} : { revoke }) });
      if (made !== undefined) out.note('This is the only time that it is shown.');
      if (made !== undefined) await out.result({ name, scope, token: made }, () => made);
      else if (revoke !== undefined) await out.result({ name: revoke }, () => `the token ${printable(revoke)} is no longer taken`);
      // When one was last used is known to the process that it came to.
      else await out.result({ tokens: tokens.map((each) => ({ ...each, used: null })) }, () => tokens.length === 0 ? 'no tokens besides the one of the node' : tokens.map((each) => `${each.name.padEnd(24)} ${each.scope.padEnd(8)} made ${momentText(each.at).slice(0, 16)}`).join('\n'));
    } finally {
      await database.close();
    }
  },
};

export const pageCommand: Command = {
  name: 'page',
  positionals: [],
  summary: 'print the link that opens the page of the running node',
  about: ['The link has the token in it, so it opens for whoever sees it: do not send it around. A browser keeps the token; afterwards the address alone will do.'],
  flags: {},
  examples: [['holdfast page', 'open what it prints in a browser'], ['xdg-open "$(holdfast page)"', 'with a desktop, at once']],
  async run({ dir, out }) {
    const token = await readToken(dir);
    const url = await placeOf(dir);
    await out.result({ url, link: `${url}/#token=${token}` }, () => `${url}/#token=${token}`);
  },
};

/** The token as `run` left it. Faults: `no-fleet`, `not-found` (there is none yet), `bad-argument` (this user may not read it). */
async function readToken(dir: string): Promise<string> {
  // It is not made here: a file made by another user (with sudo) could not be read by the node.
  const token = read(join(dir, TOKEN_FILE));
  if (token !== undefined) return token;
  // A process whose key lies elsewhere has its token here all the same.
  if (!await hasNode(dir)) throw await noNode(dir);
  return missing(`There is no token in ${dir} yet: \`holdfast run --dir ${dir}\` makes it, unless http is off.`);
}

/** The URL of the API while it runs. Fault `not-found`. */
async function placeOf(dir: string): Promise<string> {
  const channel = await connectControl(dir);
  if (channel === undefined) missing(`No node runs on ${dir}, so there is no page. \`holdfast run --dir ${dir}\` starts it.`);
  channel.close();
  return read(join(dir, PLACE_FILE)) ?? missing(`The node on ${dir} runs without the HTTP API: http is off in its settings.`);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Fault('bad-argument', `${path} cannot be read (${code ?? message}); run holdfast as the user that the directory belongs to.`, { cause: error });
  }
}

function missing(sentence: string): never {
  throw new Fault('not-found', sentence);
}
