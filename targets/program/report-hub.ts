// What the HTTP API shows and does of an open node besides its database.

import { hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { alarmsIn, receiptsIn } from '../../src/node-notes.ts';
import { bundlesMade } from '../../src/node-bundles.ts';
import type { Database } from './database.ts';
import type { Place } from './direct.ts';
import type { BundleRow, Named, NodeRow } from './fleet-rows.ts';
import type { Hub } from './http-hub.ts';
import { tokenFile } from './http-tokens.ts';
import { checkUrl } from './link-url.ts';
import { reachable } from './reachable.ts';
import { standing } from './report-alarms.ts';
import { FleetPicture } from './report-fleet.ts';
import { hostBody } from './report-hosts.ts';

/** Makes the hub of an open node; it ends with the node. */
export function hubOf(place: Place, database: Database): Hub {
  const { node, links } = place, { membership } = node.desk;
  let made: FleetPicture | undefined;
  // Who never asks for the fleet has nothing of it in memory.
  const picture = (): FleetPicture => made ??= new FleetPicture(place, database);
  const named = (id: Uint8Array): Named => ({ node: hex(id), name: membership.member(id)?.name ?? hex(id).slice(0, 12) });
  const ofHex = (id: string): Named => named(Buffer.from(id, 'hex'));
  const bundles = async (): Promise<BundleRow[]> => (await bundlesMade(node)).map((each) => ({ ...each, for: each.for.map(ofHex), arrived: each.arrived.map(({ node: id, at }) => ({ ...ofHex(id), at })) }));

  /** The row that somebody means, members first: anybody can be in quarantine. */
  async function rowOf(wanted: string): Promise<NodeRow> {
    const { nodes } = await picture().now(), typed = wanted.trim(), byName = nodes.filter(({ name, state }) => name === typed && state !== 'unknown');
    const fitting = byName.length > 0 ? byName : /^[0-9a-f]{4,64}$/i.test(typed) ? nodes.filter((row) => row.node.startsWith(typed.toLowerCase())) : [];
    if (fitting.length === 0) throw new Fault('not-found', `No node of this fleet is named ${JSON.stringify(typed.slice(0, 100))}, and no id begins so (with at least 4 digits).`);
    if (fitting.length > 1) throw new Fault('too-many', `${JSON.stringify(typed.slice(0, 100))} fits ${fitting.length} nodes: ${fitting.slice(0, 5).map((row) => row.node.slice(0, 16)).join(', ')}. Give the beginning of the id.`);
    return fitting[0]!;
  }

  return {
    identity: () => ({ node: hex(node.id), name: node.name, fleet: hex(node.fleet), fleetName: node.desk.fleetName, now: node.options.clock.now() }),
    fleet: () => picture().now(),
    async node(wanted) {
      const row = await rowOf(wanted), id = Buffer.from(row.node, 'hex'), member = membership.member(id);
      const { alarms } = await picture().now(), receipt = (await receiptsIn(node)).find((each) => each.node === row.node);
      const stored = (await alarmsIn(node)).filter((each) => hex(each.node) === row.node).map((each) => ({ ...standing(each.code, row.node, each.text, (other) => membership.member(Buffer.from(other, 'hex'))?.name), at: null }));
      const listed = alarms.filter((each) => each.node === row.node);
      return {
        ...row, read: member?.rights.read ?? [], write: member?.rights.write ?? [], joinedBy: member === undefined || member.joinedBy.length === 0 ? null : named(member.joinedBy), revokedBy: member?.revokedBy.map(named) ?? [],
        receipt: receipt === undefined ? null : { at: receipt.at, complete: receipt.complete }, host: await hostBody(database, row.node, row.name),
        alarms: [...listed, ...stored.filter((each) => !listed.some((other) => other.text === each.text && other.code === each.code))],
        bundles: (await bundles()).filter((each) => each.for.some((one) => one.node === row.node)),
      };
    },
    links: () => ({ listening: links.listening(), links: links.peers() }),
    async *receipts() {
      for (const { node: id, at, complete } of await receiptsIn(node)) yield { ...ofHex(id), at, complete };
    },
    quarantine: () => [...node.archive.quarantine.values()].filter((each) => each.segments > 0).map(({ node: id, segments, bytes }) => {
      const state = membership.member(id)?.state;
      return { ...named(id), segments, bytes, state: state === 'live' ? 'member' : state === 'killed' ? 'revoked' : 'unknown' };
    }),
    bundles,
    tokens: place.home.tokens ?? tokenFile(place.dir),
    get admin() {
      const self = membership.member(node.id);
      return self?.state === 'live' && self.rights.admin;
    },
    addresses: () => reachable(links.listening()),
    checkAddress: async (url) => { await checkUrl(url); },
    bundleFor: async (wanted) => (await import('./report-carry.ts')).outgoing(node, await rowOf(wanted)),
    takeBundles: async (pieces, spool) => (await import('./report-carry.ts')).incoming(node, place.dir, pieces, spool),
    async ready() {
      // Any row will do: what matters is that the store answers.
      await node.options.store.scan('frontier', { limit: 1 });
    },
  };
}
