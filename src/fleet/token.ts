// The token of an invitation: one line of text that lets a node join with no connection (event/FORMAT.md section 6).
import { base64url, concat, crc32c, equal, unbase64url } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { Fault } from '../fault.ts';
import { TOKEN_CHARS } from '../limits.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { fleetId, parseGenesis } from './genesis.ts';
import type { Invite } from './invite.ts';
import { checkInvite } from './invite.ts';
import { isBytes } from './shape.ts';

/** What a token carries: `signed` the signed invite, `seed` of the invite key, `keys` fleet keys (32 bytes each), `addresses` URLs of links, `context` the
 * `$fleet` segments that show the issuer to be an admin. Secret: whoever holds it can join and read. */
export interface Token { genesis: Bytes; signed: Bytes; seed: Bytes; keys: Bytes[]; addresses: string[]; context: Bytes[] }

const PREFIX = 'holdfast1:';

/** The token as text, without line breaks. Fault `too-large` above 1 MiB of text: leave out context then. */
export function encodeToken(token: Token): string {
  const body = encode([1, token.genesis, token.signed, token.seed, token.keys, token.addresses, token.context]);
  const text = PREFIX + base64url(concat(body, big32(crc32c(body))));
  if (text.length > TOKEN_CHARS) throw new Fault('too-large', `This token would have ${text.length} characters; ${TOKEN_CHARS} are allowed.`);
  return text;
}

function big32(n: number): Bytes {
  return Uint8Array.of(n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);
}

function bad(what: string, cause?: unknown): Fault {
  return new Fault('bad-token', what, { cause });
}

/** The parts of a token that somebody typed, pasted or scanned; white space anywhere in it means nothing. What it says is checked as far as it can be alone:
 * checksum, genesis, the invite's signature, that the seed is the invite's. Fault `bad-token` with a sentence for the person who holds it. */
export function decodeToken(crypto: Crypto, given: string): Token & { fleet: Bytes; invite: Invite } {
  if (given.length > 2 * TOKEN_CHARS) throw bad('This text is too long to be a token.');
  const text = given.replace(/\s+/g, '');
  if (!text.startsWith(PREFIX)) {
    const later = /^holdfast(\d+):/.exec(text);
    throw bad(later ? `This token was made by a newer version (holdfast${later[1]}): update this node.` : `A token starts with "${PREFIX}"; this does not. Copy the whole line that invite printed.`);
  }
  let bytes: Bytes;
  try {
    bytes = unbase64url(text.slice(PREFIX.length));
  } catch (error) {
    throw bad('This token is cut short or mistyped: it holds something other than letters, digits, "-" and "_". Copy the whole line again.', error);
  }
  const body = bytes.subarray(0, Math.max(0, bytes.length - 4));
  if (bytes.length < 5 || !equal(bytes.subarray(bytes.length - 4), big32(crc32c(body)))) throw bad('This token is cut short or mistyped: its checksum does not match. Copy the whole line again.');
  try {
    return parts(crypto, body);
  } catch (error) {
    if (error instanceof Fault && error.code !== 'bad-token') throw bad(`This token cannot be used: ${error.message}`, error);
    throw error;
  }
}

function parts(crypto: Crypto, body: Bytes): Token & { fleet: Bytes; invite: Invite } {
  const item = decode(body);
  if (!Array.isArray(item) || item.length < 7 || item[0] !== 1) throw bad('This token was made by another version.');
  const [, genesis, signed, seed, keys, addresses, context] = item;
  if (!isBytes(genesis) || !isBytes(signed) || !isBytes(seed, 32) || !isList(keys, (key) => isBytes(key, 32))
    || !isList(addresses, (a): a is string => typeof a === 'string') || !isList(context, (segment) => isBytes(segment))) {
    throw bad('A part of this token cannot be.');
  }
  parseGenesis(genesis);
  const fleet = fleetId(crypto, genesis);
  const invite = checkInvite(crypto, fleet, signed);
  if (!equal(crypto.signer(seed), invite.inviteKey)) throw bad('The seed in this token is not that of its invitation.');
  return { genesis, signed, seed, keys, addresses, context, fleet, invite };
}

function isList<T>(item: unknown, each: (one: unknown) => one is T): item is T[] {
  return Array.isArray(item) && item.every(each);
}
