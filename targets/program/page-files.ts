// The files of the local page as the build left them beside the program, in memory with their compressed forms.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Asset } from '../api/context.ts';

/** An entry of the manifest that the build writes. */
interface Entry { path: string; file: string; type: string; hash: string; br?: number; gz?: number }

/** The page's files by the path that browsers ask for; undefined where the program was started without a page beside it. */
export async function pageFiles(): Promise<ReadonlyMap<string, Asset> | undefined> {
  const at = (name: string): string => fileURLToPath(import.meta.resolve(`#page/${name}`));
  let manifest: Entry[];
  try {
    manifest = JSON.parse(await readFile(at('manifest.json'), 'utf8')) as Entry[];
  } catch {
    return undefined;
  }
  const assets = new Map<string, Asset>();
  for (const { path, file, type, hash, br, gz } of manifest) {
    const [bytes, brotli, gzip] = await Promise.all([readFile(at(file)), br === undefined ? undefined : readFile(at(`${file}.br`)), gz === undefined ? undefined : readFile(at(`${file}.gz`))]);
    assets.set(path, { type, bytes: new Uint8Array(bytes), etag: hash, ...(brotli && { brotli: new Uint8Array(brotli) }), ...(gzip && { gzip: new Uint8Array(gzip) }) });
  }
  return assets;
}
