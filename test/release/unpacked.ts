// A release, made and unpacked for a test; or why there can be none here.

import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Made { path: string; name: string; bytes: number; sha256: string }

/** Makes the archive of a target. Undefined, having said why, where its compiler is not installed or its Node cannot be fetched; everything else that goes wrong is an error. */
export async function made(target: string): Promise<Made | undefined> {
  // Bundled into the test it would take the test's folder for the repository.
  const { buildRelease } = await import(pathToFileURL(resolve('build/release.mjs')).href) as { buildRelease(target: string): Promise<Made> };
  try {
    return await buildRelease(target);
  } catch (error) {
    const { message } = error as Error;
    if (!/cannot be fetched|apt-get install/.test(message)) throw error;
    console.log(`no release for ${target} here: ${message}`);
    return undefined;
  }
}

/** An archive in a fresh folder. */
export interface Unpacked {
  /** The fresh folder, and the one of the release in it. */
  folder: string; root: string;
  /** Runs a program of it in an environment that holds nothing but `env`, by way of `through`. */
  run(program: string, args: string[], options?: { env?: NodeJS.ProcessEnv; input?: string; through?: string[] }): SpawnSyncReturns<string>;
  remove(): void;
}

/** Unpacks by the system's tar, as a user would. */
export function unpack({ path, name }: Made): Unpacked {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-release-'));
  const result = spawnSync('tar', ['-xzf', path, '-C', folder], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(result.stderr);
  const root = join(folder, name);
  return {
    folder, root,
    run(program, args, { env = {}, input = '', through = [] } = {}) {
      const [command, ...rest] = [...through, join(root, program), ...args];
      return spawnSync(command!, rest, { cwd: folder, env, input, encoding: 'utf8', timeout: 60_000 });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
