// Making a node: founding a fleet, or joining one with a token; and the file of the root key.

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { base64url, hex, unbase64url } from '../../src/event/bytes.ts';
import { decodeToken } from '../../src/fleet/token.ts';
import { Fault } from '../../src/fault.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import { createFleet, joinFleet } from '../../src/node-setup.ts';
import type { Node } from '../../src/node.ts';
import type { NodeOptions } from '../../src/node-options.ts';
import { hasNode, openHome, ROOT_KEY_FILE } from './home.ts';
import { configTemplate } from './config-template.ts';
import { CONFIG_FILE } from './settings.ts';
import { defaults, medium } from './target.ts';

/** The name of a node whose user gives none: the host's, cut and cleaned. */
export function defaultName(): string {
  return hostname().replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 64) || 'node';
}

/** Founds a fleet in `dir` and closes the node again. Faults: `fleet-exists`, `store-locked`, those of the store. */
export async function foundFleet(dir: string, names: { name: string; fleetName: string }): Promise<{ node: string; fleet: string; rootKeyFile: string }> {
  const rootKeyFile = join(dir, ROOT_KEY_FILE);
  // Whose ever it is, no root key is ever written over; only that of a fleet that did not come to be, because its founding was interrupted.
  const interrupted = existsSync((await medium()).keyPath(dir)) && !await hasNode(dir);
  if (existsSync(rootKeyFile) && !interrupted && !await hasNode(dir)) throw new Fault('fleet-exists', `${rootKeyFile} is there already: a fleet was founded in this directory. Move that file away first if you mean to found another one.`);
  return making(dir, async (options) => {
    const { node } = await createFleet(options, { name: names.fleetName, nodeName: names.name }, async (rootSeed, fleet) => {
      if (interrupted) rmSync(rootKeyFile, { force: true });
      writeDurably(rootKeyFile, rootKeyText(fleet, rootSeed), 0o600);
    });
    return { node, result: { node: hex(node.id), fleet: hex(node.fleet), rootKeyFile } };
  });
}

/** Joins the fleet of a token in `dir` and closes the node again. Faults: `bad-token`, `fleet-exists`, `store-locked`, those of the store. */
export async function enterFleet(dir: string, token: string, name: string | undefined): Promise<{ node: string; name: string; fleet: string; peers: string[] }> {
  // A mistyped token must not leave a directory behind.
  const { addresses, invite } = decodeToken(createCrypto(), token);
  // An invitation without a name of its own says `node`.
  const chosen = name ?? (invite.name === '' || invite.name === 'node' ? defaultName() : invite.name);
  return making(dir, async (options) => {
    const node = await joinFleet(options, token, { nodeName: chosen });
    return { node, result: { node: hex(node.id), name: chosen, fleet: hex(node.fleet), peers: addresses } };
  }, addresses);
}

/** Opens the directory for a node that is not there yet, makes it, and leaves a configuration. A directory made for nothing is removed again. */
async function making<T>(dir: string, make: (options: NodeOptions) => Promise<{ node: Node; result: T }>, peers: string[] = []): Promise<T> {
  if (await hasNode(dir)) throw new Fault('fleet-exists', `There is a node in ${dir} already. Choose another directory with --dir, or move that one away.`);
  const fresh = !existsSync(dir);
  const home = await openHome(dir, { create: true }).catch((error: unknown) => {
    if (fresh) rmSync(dir, { recursive: true, force: true });
    throw error;
  });
  try {
    const { node, result } = await make({ ...home.parts, wake: () => {}, notice: () => {} });
    await node.close();
    await home.unlock();
    const config = join(dir, CONFIG_FILE);
    if (!existsSync(config)) {
      const text = peers.length === 0 ? configTemplate() : configTemplate().replace(/^# peers = .*$/m, `peers = ${JSON.stringify(peers)}`);
      // That of a server may come to name a database with its password.
      writeDurably(config, text, defaults().view === 'fleet' ? 0o600 : 0o644);
    }
    return result;
  } catch (error) {
    await home.abandon().catch(() => {});
    if (fresh && !await hasNode(dir)) rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Writes a new file that must not be lost. */
function writeDurably(path: string, text: string, mode: number): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const ROOT_KEY_HEAD = 'holdfast root key 1';

function rootKeyText(fleet: Uint8Array, seed: Uint8Array): string {
  return [
    ROOT_KEY_HEAD,
    `fleet ${hex(fleet)}`,
    `seed ${base64url(seed)}`,
    'Keep this file away from every device of the fleet, where nobody else can read it. `holdfast invite --admin --root FILE` makes a new administrator with it.',
    '',
  ].join('\n');
}

/** Reads a file that `init` wrote. Faults: `not-found`, `bad-argument`. */
export function readRootKey(path: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Fault('not-found', `The root key ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const seed = /^seed ([A-Za-z0-9_-]{43})$/m.exec(text)?.[1];
  if (!text.startsWith(ROOT_KEY_HEAD) || seed === undefined) throw new Fault('bad-argument', `${path} is not a root key that holdfast init wrote.`);
  return unbase64url(seed);
}
