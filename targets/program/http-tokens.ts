// Tokens of the HTTP API with names and scopes: kept as hashes in one document, made, listed and taken back by name, and recognised when they come.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { base64url } from '../../src/event/bytes.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import { keyFile } from '../../src/io/key-file.ts';
import type { Bytes } from '../../src/ports.ts';

/** What who bears a token may do; each includes those before it. */
export const SCOPES = ['read', 'append', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A token as it is told: never itself. `at`: when it was made, ms since 1970. */
export interface TokenShown { name: string; scope: Scope; at: number }

/** Something that is wanted of the tokens; neither: only the list. */
export interface TokenWish { make?: { name: string; scope: string }; revoke?: string }

/** The list after that, and the token that was made: it is told this once. */
export interface TokensTold { tokens: TokenShown[]; made?: string }

/** Where the tokens are kept: one document. `save` resolves to false, and does nothing, when the document is not `before` (undefined: not there) any more. */
export interface TokenDocument { load(): Promise<Bytes | undefined>; save(next: Bytes, before: Bytes | undefined): Promise<boolean> }

/** A token as it is kept. */
interface Row extends TokenShown { hash: string }

/** The file in a data directory. */
const TOKENS_FILE = 'http-tokens';
/** Tokens at most. */
const MOST = 256;
/** How often saving is tried when others save at the same time. */
const TRIES = 8;

/** Writers of one process take turns; a data directory has one such process. */
let turn: Promise<unknown> = Promise.resolve();

/** The document as a file that only its owner reads. */
export function tokenFile(dir: string): TokenDocument {
  const file = keyFile(join(dir, TOKENS_FILE));
  return {
    load: () => file.load(),
    save(after, before) {
      const mine = turn.catch(() => undefined).then(async () => {
        const now = await file.load();
        if (Buffer.compare(now ?? new Uint8Array(0), before ?? new Uint8Array(0)) !== 0) return false;
        await file.save(after);
        return true;
      });
      turn = mine;
      return mine;
    },
  };
}

/** Counts the changes that this process made: what it knows of a document is stale then. */
let changes = 0;

/** Does what is wanted of a document, or of that of a data directory. Faults: `bad-argument` (a name or scope), `not-found`, `too-many`, `busy`, those of the document. */
export async function changeTokens(where: TokenDocument | string, { make, revoke }: TokenWish): Promise<TokensTold> {
  const document = typeof where === 'string' ? tokenFile(where) : where;
  for (let tries = 0; tries < TRIES; tries++) {
    const before = await document.load(), rows = readRows(before);
    if (make === undefined && revoke === undefined) return { tokens: rows.map(shown) };
    const secret = base64url(randomBytes(32)), after = make === undefined ? without(rows, revoke!) : [...rows, made(rows, make, secret)];
    if (!await document.save(Buffer.from(JSON.stringify({ version: 1, tokens: after })), before)) continue;
    changes++;
    return { tokens: after.map(shown), ...(make === undefined ? {} : { made: secret }) };
  }
  throw new Fault('busy', 'Others change the tokens at the same time; try again.');
}

function made(rows: Row[], { name, scope }: { name: string; scope: string }, secret: string): Row {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) throw new Fault('bad-argument', `${JSON.stringify(name.slice(0, 80))} is not a name for a token: 1 to 64 letters, digits, dots, dashes and underscores.`);
  if (!SCOPES.includes(scope as Scope)) throw new Fault('bad-argument', `${JSON.stringify(scope.slice(0, 40))} is not a scope; there are ${SCOPES.join(', ')}.`);
  if (rows.some((each) => each.name === name)) throw new Fault('bad-argument', `There is a token named ${name} already; revoke it first, or choose another name.`);
  if (rows.length >= MOST) throw new Fault('too-many', `There are ${MOST} tokens; revoke some first.`);
  return { name, scope: scope as Scope, at: Date.now(), hash: hashOf(secret).toString('hex') };
}

function without(rows: Row[], name: string): Row[] {
  const left = rows.filter((each) => each.name !== name);
  if (left.length === rows.length) throw new Fault('not-found', `There is no token named ${JSON.stringify(name.slice(0, 80))}; \`holdfast token --list\` lists them.`);
  return left;
}

function shown({ name, scope, at }: Row): TokenShown {
  return { name, scope, at };
}

/** The hash by which a token is kept: it has 256 random bits, so one round will do. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update('holdfast token\0').update(token).digest();
}

function readRows(bytes: Bytes | undefined): Row[] {
  if (bytes === undefined) return [];
  try {
    const { version, tokens } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { version: number; tokens: Row[] };
    if (version === 1 && tokens.every(({ name, scope, at, hash }) => typeof name === 'string' && SCOPES.includes(scope) && typeof at === 'number' && /^[0-9a-f]{64}$/.test(hash))) return tokens;
  } catch {
    // Not even JSON.
  }
  throw new Fault('bad-config', `The tokens of the HTTP API (${TOKENS_FILE}) cannot be read. Delete them, and make new ones with holdfast token.`);
}

/** Who bears a token: undefined name: the node's own. `gone` aborts when it is taken back. */
export interface Bearer { name: string | null; scope: Scope; gone: AbortSignal }

/** The tokens as requests are judged by them. */
export interface Tokens { bearerOf(token: string): Promise<Bearer | undefined>; lastUsed(name: string): number | null; close(): void }

/** How old what was read of the document may be, and how often it is read again because of a token that is not known, ms. */
const FRESH_MS = 2_000, UNKNOWN_MS = 200;

/** Judges by a document, and by the node's own token, which may do everything. What it does not recognise takes as long as what it does. */
export function recognise(own: string, document: TokenDocument): Tokens {
  const never = new AbortController(), ownHash = hashOf(own), used = new Map<string, number>();
  let rows: (Row & { bytes: Buffer })[] = [], at = -Infinity, seen = -1, reading: Promise<void> | undefined;
  const bearers = new Map<string, { bearer: Bearer; hash: string; end: AbortController }>();
  setMaxListeners(0, never.signal); // every client that follows listens

  async function read(): Promise<void> {
    const before = changes;
    try {
      rows = readRows(await document.load()).map((row) => ({ ...row, bytes: Buffer.from(row.hash, 'hex') }));
    } catch (error) {
      // A document that cannot be read lets nobody in; a database that does not answer now leaves what was known.
      if (codeOf(error) === 'bad-config') rows = [];
    }
    at = performance.now();
    seen = before;
    for (const [name, { hash, end }] of bearers) {
      if (rows.some((row) => row.name === name && row.hash === hash)) continue;
      bearers.delete(name);
      end.abort();
    }
  }
  const refresh = (age: number): Promise<void> => (performance.now() - at < age && seen === changes ? Promise.resolve() : reading ??= read().finally(() => { reading = undefined; }));
  // Who follows makes one request for hours: it must end soon after its token did.
  const timer = setInterval(() => { if (bearers.size > 0) void refresh(FRESH_MS); }, FRESH_MS);
  timer.unref();

  function find(hash: Buffer): Row | undefined {
    let found: Row | undefined;
    for (const row of rows) if (timingSafeEqual(row.bytes, hash)) found = row;
    return found;
  }

  return {
    async bearerOf(token) {
      const hash = hashOf(token);
      if (timingSafeEqual(hash, ownHash)) return { name: null, scope: 'admin', gone: never.signal };
      await refresh(FRESH_MS);
      let row = find(hash);
      if (row === undefined) {
        await refresh(UNKNOWN_MS);
        row = find(hash);
      }
      if (row === undefined) return undefined;
      used.set(row.name, Date.now());
      const known = bearers.get(row.name);
      if (known?.hash === row.hash) return known.bearer;
      const end = new AbortController();
      setMaxListeners(0, end.signal);
      const bearer = { name: row.name, scope: row.scope, gone: end.signal };
      bearers.set(row.name, { bearer, hash: row.hash, end });
      return bearer;
    },
    lastUsed: (name) => used.get(name) ?? null,
    close: () => clearInterval(timer),
  };
}
