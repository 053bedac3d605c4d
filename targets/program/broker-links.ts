// Links to MQTT brokers: a node takes its place at each broker that is named, and stays there; or meets everybody there once.

import { codeOf, Fault } from '../../src/fault.ts';
import { parseBroker } from '../../src/io/mqtt-address.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import type { BrokerMembership } from '../../src/node-broker.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import type { Node } from '../../src/node.ts';
import type { ConnectionCounts, PeerReport } from './database.ts';
import type { KeptLink } from './link-settings.ts';
import { shownUrl } from './link-url.ts';
import type { LinkEvents, LinkKind } from './links.ts';

/** How often the progress of an exchange is told, and the state of a broker looked at. */
const PROGRESS_MS = 200, LOOK_MS = 1_000;
const NOBODY: ConnectionCounts = { accepted: 0, refused: 0, garbage: 0, strangers: 0 };

/** One broker that is kept. */
interface Kept { url: string; membership: BrokerMembership; up: boolean; known: Set<string> }

/**
 * The broker links of one node. `dir`: where relative paths of certificates and password files start. `random` gives numbers from 0 to 1.
 * `notice` hears what a person may have to see to at a broker (its rules refuse something).
 */
export function brokerLinks(node: Node, dir: string, events: LinkEvents, random: () => number, notice: (text: string) => void): LinkKind {
  const kept = new Map<string, Kept>();
  const single = new Set<BrokerMembership>();
  let closed = false;

  /** Connects and joins. `twin`: what to do when a copy of this process's memory is met. */
  function enter(url: string, o: { once?: boolean; twin?(): void }): BrokerMembership {
    const { extra } = parseBroker(url);
    const plan = planBroker(node, extra['topic']);
    const shown = shownUrl(url);
    const broker = mqttBroker(url, { clientId: plan.clientId, will: plan.will, random, folder: dir, once: o.once === true, notice: (text) => notice(`${shown}: ${text}`) });
    return joinBroker(node, broker, { plan, ...(o.once === undefined ? {} : { once: o.once }), ...(o.twin === undefined ? {} : { twin: o.twin }) });
  }

  function keep({ url }: KeptLink): void {
    if (closed || kept.has(url)) return;
    const again = (): void => {
      const old = kept.get(url);
      kept.delete(url);
      void old?.membership.close();
      keep({ url });
    };
    kept.set(url, { url, membership: enter(url, { twin: again }), up: false, known: new Set() });
  }

  /** News for whoever shows it: a broker that came or went, and who was met there for the first time. */
  function look(): void {
    for (const one of kept.values()) {
      const report = one.membership.report(), url = shownUrl(one.url);
      if (one.up && !report.up) events.ended(url, report.reason ?? 'the connection ended', undefined, LOOK_MS);
      if (!one.up && !report.up && report.reason !== undefined) events.ended(url, report.reason, undefined, LOOK_MS);
      one.up = report.up;
      if (!report.up) one.known.clear();
      for (const { node: id, name, instance, state } of report.peers) {
        // A new member's name arrives with the first things it says.
        if (one.known.has(instance) || (name === '' && state !== 'equal')) continue;
        one.known.add(instance);
        events.connected(url, { node: id, name: name === '' ? id.slice(0, 12) : name });
      }
    }
  }
  const timer = setInterval(look, LOOK_MS);
  timer.unref();

  return {
    schemes: ['mqtt', 'mqtts'],
    keep,
    async once(url, signal, progress) {
      const shown = shownUrl(url);
      let membership: BrokerMembership;
      try {
        membership = enter(url, { once: true });
      } catch (error) {
        throw new Fault(codeOf(error), error instanceof Error ? error.message : String(error), { cause: error });
      }
      single.add(membership);
      const told = setInterval(() => { const { bytesOut, bytesIn } = membership.report(); progress(bytesOut, bytesIn); }, PROGRESS_MS);
      const stop = () => void membership.close();
      signal.addEventListener('abort', stop);
      try {
        const { sent, received, bytesOut, bytesIn, ms } = await membership.done;
        return { sent, received, bytesOut, bytesIn, ms };
      } catch (error) {
        if (signal.aborted) throw new Fault('closed', `The exchange at ${shown} was given up; what had arrived is kept.`, { cause: error });
        throw new Fault(codeOf(error), `${shown}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      } finally {
        signal.removeEventListener('abort', stop);
        clearInterval(told);
        single.delete(membership);
        await membership.close();
      }
    },
    listening: () => [],
    counts: () => NOBODY,
    peers: () => [...kept.values()].map(({ url, membership }): PeerReport => {
      const r = membership.report();
      return {
        url: shownUrl(url), state: r.up ? 'connected' : r.reason === undefined ? 'connecting' : 'waiting', in: r.bytesIn, out: r.bytesOut, ...(r.up || r.reason === undefined ? {} : { reason: r.reason }),
        broker: {
          topics: r.topics, clientId: r.clientId,
          members: r.peers.map((each) => ({ node: each.node, name: each.name === '' ? each.node.slice(0, 12) : each.name, instance: each.instance, equal: each.state === 'equal', ...(each.state === 'late' ? { late: true } : {}), ahead: each.items, heardMs: each.heard, ...(each.deaf === undefined ? {} : { refuses: each.deaf }) })),
          published: r.published, received: r.received, refused: r.refused + r.dropped, repeated: r.repeated, sessions: r.sessions.now,
        },
      };
    }),
    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all([...kept.values()].map(({ membership }) => membership.close()).concat([...single].map((each) => each.close())));
    },
  };
}
