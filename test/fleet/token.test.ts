// What people and files hand in: genesis, invitations, tokens, identities, rights; and the golden vectors of version 1.
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, crc32c, hex, unhex, base64url } from '../../src/event/bytes.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import { keyHash } from '../../src/event/segment.ts';
import { fleetId, isRoot, makeGenesis, parseGenesis } from '../../src/fleet/genesis.ts';
import { decodeIdentity, encodeIdentity } from '../../src/fleet/identity.ts';
import { checkInvite, joinProof, makeInvite, proofHolds, readInvite } from '../../src/fleet/invite.ts';
import { mayRead, mayWrite } from '../../src/fleet/rights.ts';
import type { Token } from '../../src/fleet/token.ts';
import { decodeToken, encodeToken } from '../../src/fleet/token.ts';
import { openBefore, sealBefore, streamKey, unwrapKey } from '../../src/fleet/wrap.ts';
import { codeOf } from '../../src/fault.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import { code, runs, same, values } from '../event/samples.ts';
import { fixed } from './actors.ts';

const test = suite('token');
const crypto = createCrypto();

const rootSeed = fixed('root'), root = crypto.signer(rootSeed), genesis = makeGenesis('Hof Ärmel', [root], fixed('salt', 16)), fleet = fleetId(crypto, genesis);
const seed = fixed('invite'), rights = { admin: false, read: ['*'], write: ['telemetry', '$later'] };
const given = { issuerSeed: rootSeed, fleet, inviteKey: crypto.signer(seed), rights, name: 'barn', nonce: fixed('nonce', 16) };
const signed = makeInvite(crypto, given);
const token: Token = { genesis, signed, seed, keys: [fixed('key')], addresses: ['tcp://10.0.0.1:7000'], context: [fixed('segment', 20), new Uint8Array(0)] };

test('genesis', () => {
  const other = crypto.signer(fixed('other root'));
  const both = makeGenesis('x', [root, other], fixed('salt', 16));
  assert.is(hex(both), hex(makeGenesis('x', [other, root], fixed('salt', 16))), 'roots are sorted');
  assert.equal(parseGenesis(both).name, 'x');
  assert.ok(isRoot(parseGenesis(both), other) && !isRoot(parseGenesis(genesis), other));
  assert.not.equal(fleetId(crypto, both), fleet);
  for (const bad of [() => makeGenesis('', [root], fixed('s', 16)), () => makeGenesis('x', [], fixed('s', 16)), () => makeGenesis('x', [root, root], fixed('s', 16)), () => makeGenesis('x', [root], fixed('s', 15)), () => makeGenesis('ä'.repeat(128), [root], fixed('s', 16))]) {
    assert.is(code(bad), 'bad-argument');
  }
  assert.is(code(() => parseGenesis(encode([2, 'x']))), 'unsupported');
  assert.is(code(() => parseGenesis(encode([1, 'x', fixed('s', 16), 2, [root]]))), 'unsupported');
  for (const bad of [encode(null), encode([1]), encode([1, 'x', fixed('s', 16), 1, [root], 0]), encode([1, 'x', fixed('s', 16), 1, [other, root].sort().concat(root)]), concat(genesis, genesis), new Uint8Array(0)]) assert.is(code(() => parseGenesis(bad)), 'bad-encoding');
});

test('rights', () => {
  assert.ok(mayWrite(rights, 'telemetry') && mayWrite(rights, '$fleet') && mayRead(rights, 'anything') && mayRead(rights, '$fleet'));
  assert.not.ok(mayWrite(rights, 'config') || mayWrite({ ...rights, write: [] }, 'telemetry'));
  for (const bad of [{ ...rights, read: ['a b'] }, { ...rights, write: Array.from({ length: 65 }, (_, i) => `s${i}`) }, { ...rights, admin: 1 as never }]) assert.is(code(() => makeInvite(crypto, { ...given, rights: bad })), 'bad-argument');
});

test('invitations', () => {
  const invite = checkInvite(crypto, fleet, signed);
  same(invite, { fleet, inviteKey: given.inviteKey, rights, issuer: root, name: 'barn', nonce: given.nonce });
  assert.is(code(() => checkInvite(crypto, fixed('other'), signed)), 'other-fleet');
  const [bytes, signature] = decode(signed) as [Uint8Array, Uint8Array];
  assert.is(code(() => checkInvite(crypto, fleet, encode([bytes, signature.map((b, i) => (i ? b : b ^ 1))]))), 'bad-signature');
  const more = encode([...(decode(bytes) as unknown[]), { later: 1 }]);
  assert.is(readInvite(encode([more, signature])).invite.name, 'barn', 'items of later versions are carried');
  assert.is(code(() => checkInvite(crypto, fleet, encode([more, signature]))), 'bad-signature');
  assert.is(code(() => readInvite(encode([encode([2, ...(decode(bytes) as unknown[]).slice(1)]), signature]))), 'unsupported');
  for (const bad of [{ name: '' }, { nonce: fixed('n', 15) }, { inviteKey: fixed('k', 31) }, { fleet: fixed('f', 3) }]) assert.is(code(() => makeInvite(crypto, { ...given, ...bad })), 'bad-argument');
  fc.assert(fc.property(values, (value) => assert.ok(['bad-encoding', 'unsupported'].includes(code(() => readInvite(encode([encode(value), signature])))))), runs(200));
  const node = fixed('node'), box = fixed('box'), proof = joinProof(crypto, seed, fleet, node, box);
  assert.ok(proofHolds(crypto, invite.inviteKey, fleet, node, box, proof));
  assert.not.ok(proofHolds(crypto, invite.inviteKey, fleet, box, node, proof) || proofHolds(crypto, root, fleet, node, box, proof));
});

test('a token goes there and back, with the line breaks of mail and terminals', () => {
  const text = encodeToken(token);
  assert.match(text, /^holdfast1:[A-Za-z0-9_-]+$/);
  const wrapped = ` \n${text.replace(/(.{60})/g, '$1\r\n  ')}\t\n`;
  for (const one of [text, wrapped]) {
    const { invite, fleet: id, ...rest } = decodeToken(crypto, one);
    same(rest, token);
    assert.equal(id, fleet);
    assert.is(invite.name, 'barn');
  }
  assert.is(code(() => encodeToken({ ...token, context: [new Uint8Array(800_000)] })), 'too-large');
});

test('a token that is cut, mistyped, foreign or forged says so', () => {
  const text = encodeToken(token);
  const why = (t: string): string => {
    try {
      decodeToken(crypto, t);
      return 'ok';
    } catch (error) {
      assert.is(codeOf(error), 'bad-token');
      return (error as Error).message;
    }
  };
  fc.assert(fc.property(fc.nat(text.length - 1), fc.constantFrom(...'abcXYZ019-_'), (i, c) => {
    assert.match(why(text.slice(0, i)), i < 10 ? /starts with/ : /cut short/);
    if (text[i] !== c && i >= 10) assert.match(why(text.slice(0, i) + c + text.slice(i + 1)), /mistyped/);
  }), runs(300));
  assert.match(why('holdfast7:AAAA'), /newer version/);
  assert.match(why('hunter2'), /starts with/);
  assert.match(why(`${text}=`), /mistyped/);
  assert.match(why('x'.repeat(3_000_000)), /too long/);
  const packed = (items: unknown[]): string => {
    const body = encode(items), crc = crc32c(body);
    return `holdfast1:${base64url(concat(body, Uint8Array.of(crc >>> 24, crc >>> 16, crc >>> 8, crc)))}`;
  };
  const items: unknown[] = [1, genesis, signed, seed, token.keys, token.addresses, token.context];
  assert.is(why(packed([...items, 'later'])), 'ok');
  assert.match(why(packed(items.with(3, fixed('other seed')))), /seed/);
  assert.match(why(packed(items.with(1, makeGenesis('other', [root], fixed('s', 16))))), /another fleet/);
  assert.match(why(packed(items.with(1, fixed('x')))), /cannot be used/);
  for (let i = 0; i < items.length; i++) assert.is.not(why(packed(items.with(i, { x: [1] }))), 'ok');
  fc.assert(fc.property(fc.array(values), (list) => assert.is.not(why(packed(list)), 'ok')), runs(200));
});

test('an identity goes there and back; a damaged key file is named', () => {
  const identity = { seed: fixed('a'), boxSecret: fixed('b'), genesis, name: 'barn', grant: null, keys: [fixed('k')], context: [fixed('c', 40)] };
  same(decodeIdentity(encodeIdentity(identity)), identity);
  same(decodeIdentity(encodeIdentity({ ...identity, grant: fixed('g', 8) })), { ...identity, grant: fixed('g', 8) });
  assert.is(code(() => encodeIdentity({ ...identity, seed: fixed('a', 31) })), 'bad-argument');
  assert.is(code(() => decodeIdentity(encode([2]))), 'unsupported');
  fc.assert(fc.property(values, (value) => assert.ok(['bad-encoding', 'unsupported'].includes(code(() => decodeIdentity(encode(value)))))), runs(100));
  const bytes = encodeIdentity(identity);
  for (let i = 0; i < bytes.length; i += 3) assert.is(code(() => decodeIdentity(bytes.slice(0, i))), 'bad-encoding');
});

interface Golden { [name: string]: string }

test('golden files of version 1', () => {
  const list = JSON.parse(readFileSync('test/golden/v1/fleet.json', 'utf8')) as Golden[];
  assert.ok(list.length >= 3);
  for (const g of list) {
    const at = (name: string) => unhex(g[name]!);
    const id = fleetId(crypto, at('genesis'));
    assert.is(hex(id), g['fleet']);
    assert.is(hex(makeGenesis(parseGenesis(at('genesis')).name, parseGenesis(at('genesis')).roots, parseGenesis(at('genesis')).salt)), g['genesis']);
    const read = checkInvite(crypto, id, at('signed'));
    assert.is(hex(makeInvite(crypto, { ...read, issuerSeed: at('issuerSeed') })), g['signed']);
    const parts = decodeToken(crypto, g['token']!);
    assert.is(encodeToken(parts), g['token']);
    assert.is(hex(parts.seed), g['inviteSeed']);
    assert.is(hex(joinProof(crypto, at('inviteSeed'), id, at('node'), at('box'))), g['proof']);
    assert.is(hex(crypto.boxKey(at('boxSecret'))), g['box']);
    assert.is(hex(unwrapKey(crypto, at('boxSecret'), at('wrap'))!), g['key']);
    assert.is(hex(keyHash(crypto, at('key'))), g['keyHash']);
    assert.is(hex(sealBefore(crypto, at('key'), at('older'))), g['before']);
    assert.is(hex(openBefore(crypto, at('key'), keyHash(crypto, at('older')), at('before'))!), g['older']);
    assert.is(hex(streamKey(crypto, at('key'), g['stream']!)), g['streamKey']);
    assert.is(hex(encodeIdentity(decodeIdentity(at('identity')))), g['identity']);
  }
});

test.run();
