// A node in this process: opened from its directory, driven by timers, reachable by links and by its control socket, closed in order.

import { hex } from '../../src/event/bytes.ts';
import { framing } from '../../src/carry/frame.ts';
import type { Channel } from '../../src/io/channel.ts';
import { serveControl, type Control } from '../../src/io/control.ts';
import { openNode, type Node } from '../../src/node.ts';
import type { Notice } from '../../src/node-options.ts';
import { nodeDatabase } from './direct.ts';
import type { Database, DatabaseState, InputReport } from './database.ts';
import { openHome } from './home.ts';
import { laterKind, openLinks, type LinkEvents, type Links } from './links.ts';
import type { Home } from './medium.ts';
import { tcpLinks, type Converse } from './tcp-links.ts';
import { counted } from './output.ts';
import { nameOf } from './report.ts';
import type { Settings } from './settings.ts';

/** What a caller wants of a station, and wants to hear from it. */
export interface StationOptions {
  settings?: Pick<Settings, 'windowMs' | 'clock'>;
  /** Whether commands of other processes may use it while it is open. */
  control: boolean;
  links?: LinkEvents;
  /** Something worth a line: an alarm, what a recovery found. */
  notice?(text: string): void;
  /** The node cannot go on (a flush failed): close and end the process. */
  fatal?(error: unknown): void;
}

/** An open node with everything around it. */
export interface Station {
  node: Node;
  database: Database;
  links: Links;
  /** From now on reports show these inputs. */
  showInputs(inputs: () => InputReport[]): void;
  /** As `Home.database`. */
  underneath(): DatabaseState | undefined;
  /** As `Home.beat`. */
  beat(): Promise<void>;
  close(): Promise<void>;
}

/** How long closing waits for requests of commands. */
const PARTING_MS = 3_000;
const SILENT: LinkEvents = { connected: () => {}, ended: () => {} };

/** Opens the node of a directory. Faults: those of `openHome` and of the node. */
export async function openStation(dir: string, options: StationOptions): Promise<Station> {
  const home = await openHome(dir, { ...(options.settings && { clock: options.settings.clock }), notice: (text) => options.notice?.(text), fatal: (error) => options.fatal?.(error) });
  const driver = drive();
  let node: Node;
  try {
    node = await openNode({
      ...home.parts, wake: driver.wake, notice: (notice) => tell(notice, options),
      ...(options.settings === undefined ? {} : { windowMs: options.settings.windowMs }),
    });
  } catch (error) {
    await home.abandon();
    throw error;
  }
  driver.begin(node);
  home.opened?.(node);
  return stationOf(dir, node, home, driver, options);
}

async function stationOf(dir: string, node: Node, home: Home, driver: Driver, options: StationOptions): Promise<Station> {
  const events = options.links ?? SILENT;
  const notice = (text: string): void => options.notice?.(text);
  const converse = converseWith(node), unusable = (what: string) => (error: unknown) => notice(`${what} cannot be used: ${String(error)}`);
  const links = openLinks([
    tcpLinks(framing, converse, events, Math.random),
    laterKind(['serial'], async () => (await import('./serial-links.ts')).serialLinks(converse, events, node.options.random), unusable('serial links')),
    laterKind(['mqtt', 'mqtts'], async () => (await import('./broker-links.ts')).brokerLinks(node, dir, events, Math.random, notice), unusable('links to brokers')),
    laterKind(['file'], async () => (await import('./file-link.ts')).fileLinks(node, events, notice), unusable('sticks and folders')),
  ]);
  const began = performance.now();
  let control: Control | undefined;
  let inputs: () => InputReport[] = () => [];
  const database = nodeDatabase({ dir, node, links, inputs: () => inputs(), home, clock: home.clock, running: options.control, uptimeMs: () => Math.round(performance.now() - began) });
  const work = { requests: 0 };
  // What is known of a database that goes away later.
  if (options.control && home.database !== undefined) void database.report().catch(() => {});
  // What answers commands is loaded with the first one.
  const serve = async (channel: Channel) => (await import('./serve.ts')).serveChannel(database, channel, work);
  if (options.control) control = await serveControl(dir, (channel) => {
    serve(channel).catch((error: unknown) => {
      channel.close();
      notice(`commands cannot be answered: ${String(error)}`);
    });
  });
  return {
    node, database, links,
    showInputs(shown) { inputs = shown; },
    underneath: () => home.database?.(),
    beat: () => home.beat(),
    async close() {
      try {
        // What commands are in the middle of is finished, within reason.
        for (const until = performance.now() + PARTING_MS; work.requests > 0 && performance.now() < until;) await new Promise((resolve) => setTimeout(resolve, 10));
        await control?.close();
        await links.close();
        await node.close();
      } finally {
        driver.end();
        await home.unlock();
      }
    },
  };
}

/** Conversations of links.ts, held by the node. */
function converseWith(node: Node): Converse {
  return (link, role, once, preference, patience) => {
    const connection = node.connect(link, role, { once, ...(preference === undefined ? {} : { preference }), ...(patience === undefined ? {} : { patience }) });
    return {
      get peer() {
        const { peer } = connection;
        return peer === undefined ? undefined : { node: hex(peer), name: nameOf(node, peer), known: node.desk.membership.member(peer) !== undefined };
      },
      get resting() { return connection.resting; },
      done: connection.done,
      close: () => connection.close(),
    };
  };
}

function tell(notice: Notice, { notice: say, fatal }: StationOptions): void {
  switch (notice.kind) {
    case 'alarm': return say?.(`ALARM ${notice.alarm.text}`);
    case 'fatal': return fatal?.(notice.fault);
    case 'recovered': {
      if (notice.events > 0) say?.(`recovered ${counted(notice.events, 'event')} from the journal: the last stop was not a clean one`);
      for (const what of notice.skipped) say?.(`the journal is damaged: ${what}`);
      return;
    }
    default: return;
  }
}

/** Calls `tick` whenever it is due: the node itself has no timers. */
interface Driver { wake(): void; begin(node: Node): void; end(): void }

function drive(): Driver {
  let node: Node | undefined;
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;
  const step = () => {
    soon = undefined;
    clearTimeout(timer);
    const due = node?.tick();
    // A timer takes no more than 2^31 - 1 ms; waking once a day does no harm.
    if (due !== undefined) timer = setTimeout(step, Math.min(Math.max(1, due), 86_400_000));
  };
  return {
    wake() {
      if (node !== undefined) soon ??= setImmediate(step);
    },
    begin(opened) {
      node = opened;
      step();
    },
    end() {
      node = undefined;
      clearTimeout(timer);
      if (soon !== undefined) clearImmediate(soon);
      soon = undefined;
    },
  };
}
