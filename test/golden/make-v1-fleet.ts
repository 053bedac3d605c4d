// Writes the golden file of the fleet's version 1, only if it does not exist: what stands there was written for ever. `node build/go.mjs run test/golden/make-v1-fleet.ts`
import { existsSync, writeFileSync } from 'node:fs';
import { hex, utf8 } from '../../src/event/bytes.ts';
import { keyHash } from '../../src/event/segment.ts';
import { fleetId, makeGenesis } from '../../src/fleet/genesis.ts';
import { encodeIdentity } from '../../src/fleet/identity.ts';
import { joinProof, makeInvite } from '../../src/fleet/invite.ts';
import type { Rights } from '../../src/fleet/rights.ts';
import { encodeToken } from '../../src/fleet/token.ts';
import { sealBefore, streamKey, wrapKey } from '../../src/fleet/wrap.ts';
import { createCrypto } from '../../src/io/crypto.ts';

const PATH = 'test/golden/v1/fleet.json';
const crypto = createCrypto();
const fixed = (label: string, length = 32) => crypto.sha256(utf8(`golden ${label}`)).slice(0, length);

function one(name: string, roots: number, rights: Rights, addresses: string[], keys: number, context: number): unknown {
  const of = (label: string, length?: number) => fixed(`${name} ${label}`, length);
  const rootSeeds = Array.from({ length: roots }, (_, i) => of(`root ${i}`));
  const genesis = makeGenesis(name, rootSeeds.map((seed) => crypto.signer(seed)), of('salt', 16));
  const fleet = fleetId(crypto, genesis), issuerSeed = rootSeeds[0]!, inviteSeed = of('invite'), node = crypto.signer(of('node')), boxSecret = of('box'), box = crypto.boxKey(boxSecret), key = of('key'), older = of('older'), stream = 'telemetry';
  const signed = makeInvite(crypto, { issuerSeed, fleet, inviteKey: crypto.signer(inviteSeed), rights, name: `pump 7 of ${name}`.slice(0, 250), nonce: of('nonce', 16) });
  const segments = Array.from({ length: context }, (_, i) => of(`segment ${i}`));
  const held = Array.from({ length: keys }, (_, i) => of(`key ${i}`));
  return {
    genesis: hex(genesis), fleet: hex(fleet), issuerSeed: hex(issuerSeed), signed: hex(signed), inviteSeed: hex(inviteSeed), node: hex(node), boxSecret: hex(boxSecret), box: hex(box), proof: hex(joinProof(crypto, inviteSeed, fleet, node, box)),
    token: encodeToken({ genesis, signed, seed: inviteSeed, keys: held, addresses, context: segments }), key: hex(key), keyHash: hex(keyHash(crypto, key)), wrap: hex(wrapKey(crypto, { bytes: () => of('ephemeral') }, box, key)),
    older: hex(older), before: hex(sealBefore(crypto, key, older)), stream, streamKey: hex(streamKey(crypto, key, stream)),
    identity: hex(encodeIdentity({ seed: of('node'), boxSecret, genesis, name, grant: context ? of('grant', 8) : null, keys: held, context: segments })),
  };
}

if (!existsSync(PATH)) {
  const all = [
    one('farm', 1, { admin: true, read: ['*'], write: ['*'] }, [], 0, 0),
    one('Ünterwegs 型', 3, { admin: false, read: [], write: ['telemetry', 'alarms.v2', '$later'] }, ['tcp://10.0.0.1:7000', 'mqtts://broker.example:8883'], 2, 1),
    one('x'.repeat(255), 16, { admin: false, read: ['config'], write: [] }, ['serial:/dev/ttyUSB0?baud=115200'], 1, 3),
  ];
  writeFileSync(PATH, `[\n${all.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`);
  process.stdout.write(`${PATH}\n`);
}
