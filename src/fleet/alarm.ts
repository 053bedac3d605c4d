// What of the fleet's own history somebody should look at.
import type { Bytes } from '../ports.ts';
import { compare, hex } from '../event/bytes.ts';
import type { Effects } from './effect.ts';
import { compareVertices } from './effect.ts';
import type { Join, Verdicts } from './verdict.ts';

/**
 * `invite-reused`: several nodes joined by one invitation, all of them members. `invite-void`: a node's invitation fell with the admin who had made it. `revoke-crossed`: a revocation counts
 * though its author was itself revoked by somebody who had not seen it, or left it out. `no-admin`: no admin is left, only the root key can invite one. `node`: who is meant, empty for the fleet.
 */
export interface Alarm { code: 'invite-reused' | 'invite-void' | 'revoke-crossed' | 'no-admin'; node: Bytes; text: string }

/** All alarms by what is known, in a fixed order. */
export function alarmsOf(verdicts: Verdicts, effects: Effects): Alarm[] {
  const alarms: Alarm[] = [];
  for (const [, joins] of verdicts.reused()) {
    const users = new Map(joins.filter((j) => verdicts.of(j).valid && verdicts.sound(j)).sort(inOrder).map((j) => [j.vertex.author, j]));
    if (users.size < 2) continue;
    for (const join of users.values()) {
      alarms.push({ code: 'invite-reused', node: join.vertex.node, text: `One invitation was used by ${users.size} nodes, ${named(join)} among them: all are members; revoke those that were not meant.` });
    }
  }
  let admins = 0;
  for (const joins of verdicts.joinsOf.values()) {
    const sound = joins.filter((join) => join.power >= 0 || !verdicts.of(join).valid ? verdicts.sound(join) : true);
    if (sound.some((join) => join.power >= 0 && verdicts.lives(join))) admins++;
    const last = sound.sort(inOrder).at(-1);
    if (last && sound.every((join) => !verdicts.of(join).valid)) {
      alarms.push({ code: 'invite-void', node: last.vertex.node, text: `The invitation of ${named(last)} was made by node ${last.issuer}, which was revoked by somebody who had not seen it: invite it again.` });
    }
  }
  const seen = new Set<string>();
  for (const revoke of verdicts.revokes) {
    const { author, node } = revoke.vertex;
    const pair = `${author} ${revoke.target}`;
    if (author === revoke.target || seen.has(pair) || effects.standsAs(revoke)) continue;
    seen.add(pair);
    alarms.push({ code: 'revoke-crossed', node, text: `Node ${author} revoked node ${revoke.target}, and was itself revoked by somebody who did not know of that, or left it out: both revocations count. Invite again who should stay.` });
  }
  if (admins === 0 && verdicts.joinsOf.size > 0) alarms.push({ code: 'no-admin', node: new Uint8Array(0), text: 'No admin is left in this fleet. Make an invitation for a new one with the root key.' });
  return alarms.sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0) || compare(a.node, b.node) || (a.text < b.text ? -1 : 1));
}

function inOrder(a: Join, b: Join): number {
  return compareVertices(a.vertex, b.vertex);
}

function named(join: Join): string {
  return `"${join.body.name}" (node ${hex(join.vertex.node)})`;
}
