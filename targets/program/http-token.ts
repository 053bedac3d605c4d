// The token of the HTTP API: a secret in a file of the data directory, made when it is first needed.

import { randomBytes } from 'node:crypto';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { base64url } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { keyFile } from '../../src/io/key-file.ts';

/** Where the token lies in a data directory. Who deletes it and starts the node anew has another. */
export const TOKEN_FILE = 'http-token';

/** Reads the token, or makes one of 32 random bytes. Faults: `bad-config` (somebody wrote something else there), `store-full`, `store-failed`. */
export async function httpToken(dir: string): Promise<string> {
  const path = join(dir, TOKEN_FILE), file = keyFile(path);
  const bytes = await file.load();
  if (bytes === undefined) {
    const token = base64url(randomBytes(32));
    await file.save(Buffer.from(`${token}\n`));
    return token;
  }
  const token = Buffer.from(bytes).toString('utf8').trim();
  // Anything that a header can carry, as long as nobody can guess it.
  if (!/^[A-Za-z0-9._~+/=-]{22,256}$/.test(token)) throw new Fault('bad-config', `${path} does not hold a token (22 to 256 letters and digits). Delete it, and the node makes a good one.`);
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  return token;
}
