// `token` and `page`: what somebody on this machine needs to use the HTTP API and the page of a node that runs.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { connectControl } from '../../src/io/control.ts';
import type { Command } from './command.ts';
import { hasNode, noNode } from './home.ts';
import { PLACE_FILE } from './http-place.ts';
import { TOKEN_FILE } from './http-token.ts';

export const tokenCommand: Command = {
  name: 'token',
  positionals: [],
  summary: 'print the token of the HTTP API',
  about: [
    'Whoever has it can read and append everything that this node can: treat it like a password. `holdfast run` makes it when it first runs; to have another one, delete http-token in the data directory and start the node anew.',
    'It is not the token of `invite`, with which a node joins the fleet.',
  ],
  flags: {},
  examples: [['curl -H "Authorization: Bearer $(holdfast token)" http://127.0.0.1:7717/api/streams', 'what is held, for a program']],
  async run({ dir, out }) {
    const token = await readToken(dir);
    await out.result({ token }, () => token);
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
  if (!await hasNode(dir)) throw noNode(dir);
  // It is not made here: a file made by another user (with sudo) could not be read by the node.
  return read(join(dir, TOKEN_FILE)) ?? missing(`There is no token in ${dir} yet: \`holdfast run --dir ${dir}\` makes it, unless http is off.`);
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
