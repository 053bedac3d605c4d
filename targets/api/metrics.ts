// How a node is, as Prometheus reads it (text format 0.0.4).

import type { Report } from '../program/database.ts';
import type { AlarmRow } from '../program/fleet-rows.ts';
import type { FleetNow } from '../program/http-hub.ts';

/** One sample: its labels and its value. */
type Sample = [labels: { [name: string]: string }, value: number];

/** One metric. `name` without the prefix. */
interface Metric { name: string; type: 'gauge' | 'counter'; help: string; samples: Sample[] }

const PREFIX = 'holdfast_';
/** Nodes that have series of their own, of each kind: those of a large fleet are counted together. */
const NODES = 200;
const KINDS: AlarmRow['kind'][] = ['fork', 'clone', 'quarantine', 'clock', 'disk', 'silence', 'damage', 'other'];
/** The qualities of clocks as numbers. */
const QUALITY = { none: 0, rtc: 1, synced: 2 };

/** The metrics of a report, of the fleet, and of this process. */
export function metricsOf(report: Report, fleet: FleetNow, version: string): string {
  return [...ofNode(report, version), ...ofStreams(report), ...ofLinks(report), ...ofMembers(report), ...ofFleet(fleet), ...ofInputs(report), ...ofDatabase(report), ...ofProcess()].map(written).join('');
}

function written({ name, type, help, samples }: Metric): string {
  const head = `# HELP ${PREFIX}${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${PREFIX}${name} ${type}\n`;
  return samples.length === 0 ? '' : head + samples.map(([labels, value]) => `${PREFIX}${name}${labelled(labels)} ${value}\n`).join('');
}

function labelled(labels: { [name: string]: string }): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

const one = (value: number): Sample[] => [[{}, value]];
const flag = (on: boolean): number => on ? 1 : 0;

function ofNode(report: Report, version: string): Metric[] {
  return [
    { name: 'info', type: 'gauge', help: 'Who this node is; always 1.', samples: [[{ node: report.node, name: report.name, fleet: report.fleet, fleet_name: report.fleetName, version }, 1]] },
    { name: 'uptime_seconds', type: 'gauge', help: 'Since the node was opened.', samples: one(report.uptimeMs / 1_000) },
    { name: 'member', type: 'gauge', help: '1 while this node is a member of its fleet, 0 once it was revoked.', samples: one(flag(report.member !== 'revoked')) },
    { name: 'disk_used_bytes', type: 'gauge', help: 'What the data directory takes on the disk.', samples: one(report.disk.used) },
    { name: 'disk_journal_bytes', type: 'gauge', help: 'What the journal takes of it.', samples: one(report.disk.journal) },
    { name: 'disk_free_bytes', type: 'gauge', help: 'What is left on the disk.', samples: report.disk.free === Number.MAX_SAFE_INTEGER ? [] : one(report.disk.free) },
    { name: 'clock_quality', type: 'gauge', help: 'How good the clock is: 0 not trusted, 1 kept by a battery, 2 set from a time source.', samples: one(QUALITY[report.clock.quality]) },
    { name: 'alarms', type: 'gauge', help: 'Alarms that stand.', samples: one(report.alarms.length) },
    { name: 'damaged', type: 'gauge', help: 'Places of the store that are known to be damaged.', samples: one(report.damage.length) },
    { name: 'worries', type: 'gauge', help: 'Things that call for attention; bad ones soon.', samples: (['odd', 'bad'] as const).map((kind) => [{ kind }, report.worries.filter((each) => each.kind === kind).length]) },
  ];
}

function ofStreams({ streams, holes, void: voids, unknown }: Report): Metric[] {
  return [
    { name: 'stream_events', type: 'gauge', help: 'Events that are held and count, by stream.', samples: streams.map(({ stream, events }) => [{ stream }, events]) },
    { name: 'stream_logs', type: 'gauge', help: 'Logs that were begun, by stream.', samples: streams.map(({ stream, logs }) => [{ stream }, logs]) },
    { name: 'holes', type: 'gauge', help: 'Ranges that are missing below what is held.', samples: one(holes) },
    { name: 'void_segments', type: 'gauge', help: "Segments that nobody can read, by their author's fault.", samples: one(voids) },
    { name: 'unknown_segments', type: 'gauge', help: 'Segments of later versions.', samples: one(unknown) },
  ];
}

function ofLinks({ peers, connections }: Report): Metric[] {
  // One URL may stand for several connections that came from there.
  const byUrl = new Map<string, { peer: string; up: boolean; in: number; out: number }>();
  for (const { url, name, state, in: came, out } of peers) {
    const known = byUrl.get(url);
    byUrl.set(url, { peer: known?.peer || (name ?? ''), up: state === 'connected' || known?.up === true, in: came + (known?.in ?? 0), out: out + (known?.out ?? 0) });
  }
  const links = [...byUrl].map(([url, link]) => ({ labels: { url, peer: link.peer }, ...link }));
  const brokers = peers.flatMap(({ url, broker }) => broker === undefined ? [] : [{ url, broker }]);
  const counts = [...new Map(brokers.map((each) => [each.url, each])).values()].flatMap(({ url, broker }) =>
    (['published', 'received', 'refused', 'repeated'] as const).map((what): Sample => [{ url, what }, broker[what]]));
  return [
    { name: 'links', type: 'gauge', help: 'Links by their state.', samples: (['connected', 'connecting', 'waiting'] as const).map((state) => [{ state }, peers.filter((each) => each.state === state).length]) },
    { name: 'link_up', type: 'gauge', help: '1 while a link is connected.', samples: links.map(({ labels, up }) => [labels, flag(up)]) },
    { name: 'link_received_bytes', type: 'gauge', help: 'Bytes that came over the present connection of a link.', samples: links.map((each) => [each.labels, each.in]) },
    { name: 'link_sent_bytes', type: 'gauge', help: 'Bytes that went over the present connection of a link.', samples: links.map((each) => [each.labels, each.out]) },
    { name: 'connections_total', type: 'counter', help: 'Connections that came to the listeners, by what became of them.', samples: (['accepted', 'refused', 'garbage', 'strangers'] as const).map((outcome) => [{ outcome }, connections[outcome]]) },
    { name: 'broker_segments_total', type: 'counter', help: 'Live segments at a broker.', samples: counts },
  ];
}

function ofMembers({ members, quarantine: held, receipts: told, clock }: Report): Metric[] {
  const quarantine = held.slice(0, NODES), receipts = told.slice(0, NODES);
  const lacking = members.flatMap(({ node, name, lacks }) => lacks === undefined ? [] : [[{ node, name }, lacks] as const]);
  return [
    { name: 'members', type: 'gauge', help: 'Nodes of the fleet by how they stand.', samples: (['member', 'revoked'] as const).map((state) => [{ state }, members.filter((each) => each.state === state).length]) },
    { name: 'member_lacks_events', type: 'gauge', help: 'Events that a node is not known to hold.', samples: lacking.map(([labels, lacks]) => [labels, lacks.events]) },
    { name: 'member_lacks_bytes', type: 'gauge', help: 'About how many bytes these are.', samples: lacking.map(([labels, lacks]) => [labels, lacks.bytes]) },
    { name: 'member_drain_seconds', type: 'gauge', help: 'How long the link to a node needs for these at its rate.', samples: lacking.flatMap(([labels, { drainMs }]): Sample[] => drainMs === undefined ? [] : [[labels, drainMs / 1_000]]) },
    { name: 'quarantine_segments', type: 'gauge', help: 'Segments that are held and do not count, by author.', samples: quarantine.map(({ node, name, segments }) => [{ node, name }, segments]) },
    { name: 'quarantine_bytes', type: 'gauge', help: 'Bytes of these.', samples: quarantine.map(({ node, name, bytes }) => [{ node, name }, bytes]) },
    { name: 'receipt_age_seconds', type: 'gauge', help: 'Since a node said last what it holds.', samples: receipts.map(({ node, name, at }) => [{ node, name }, Math.max(0, (clock.now - at) / 1_000)]) },
    { name: 'receipt_complete', type: 'gauge', help: '1 when that was all that this node holds now.', samples: receipts.map(({ node, name, complete }) => [{ node, name }, flag(complete)]) },
  ];
}

function ofFleet({ nodes, alarms }: FleetNow): Metric[] {
  const count = (test: (row: FleetNow['nodes'][number]) => boolean): number => nodes.reduce((sum, row) => sum + Number(test(row)), 0);
  const sum = (of: (row: FleetNow['nodes'][number]) => number | undefined): number => nodes.reduce((total, row) => total + (of(row) ?? 0), 0);
  return [
    { name: 'fleet_contact', type: 'gauge', help: 'Nodes by how they are in contact with this one: a link is up, they show themselves at a broker, they were heard of before, or never.', samples: (['connected', 'heard', 'past', 'never'] as const).map((state) => [{ state }, count((row) => !row.self && (row.contact?.state ?? 'never') === state)]) },
    { name: 'fleet_silent', type: 'gauge', help: 'Members that were not heard of for longer than is usual with them.', samples: one(count(({ silent }) => silent !== null)) },
    { name: 'fleet_lacking', type: 'gauge', help: 'Members that are not known to hold all that this node holds.', samples: one(count(({ lacks }) => lacks !== null && lacks.events > 0)) },
    { name: 'fleet_lacks_events', type: 'gauge', help: 'Events that they are not known to hold, of all of them together.', samples: one(sum(({ lacks }) => lacks?.events)) },
    { name: 'fleet_lacks_bytes', type: 'gauge', help: 'About how many bytes these are.', samples: one(sum(({ lacks }) => lacks?.bytes)) },
    { name: 'fleet_behind_events', type: 'gauge', help: 'Events of other nodes that must have been written and are not held here.', samples: one(sum(({ behind }) => behind?.events)) },
    { name: 'fleet_quarantine_segments', type: 'gauge', help: 'Segments that are held and do not count, of all authors.', samples: one(sum(({ quarantine }) => quarantine?.segments)) },
    { name: 'fleet_quarantine_bytes', type: 'gauge', help: 'Bytes of these.', samples: one(sum(({ quarantine }) => quarantine?.bytes)) },
    { name: 'fleet_alarms', type: 'gauge', help: 'Alarms by what they are about (of the 500 that are listed).', samples: KINDS.map((kind) => [{ kind }, alarms.filter((each) => each.kind === kind).length]) },
    { name: 'fleet_versions', type: 'gauge', help: 'Members by the version that they run, as far as they tell.', samples: versionsOf(nodes) },
  ];
}

/** The most frequent versions; anybody may say anything. */
function versionsOf(nodes: FleetNow['nodes']): Sample[] {
  const counts = new Map<string, number>();
  for (const { state, version } of nodes) if (state === 'member' && version !== null) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 10).map(([version, nodesOfIt]) => [{ version }, nodesOfIt]);
}

function ofDatabase({ database }: Report): Metric[] {
  if (database === undefined) return [];
  return [
    { name: 'database_connected', type: 'gauge', help: '1 while the database under this node answers.', samples: [[{ slot: String(database.slot), version: database.version }, flag(database.connected)]] },
    { name: 'database_processes', type: 'gauge', help: 'Processes of this node on its database.', samples: one(database.processes) },
    { name: 'database_bytes', type: 'gauge', help: 'What the node takes in its database.', samples: one(database.bytes) },
    { name: 'database_turn_seconds', type: 'gauge', help: 'How long this process waited last for its turn to write.', samples: one(database.turnMs / 1_000) },
    { name: 'database_turns_total', type: 'counter', help: 'Turns that it has had.', samples: one(database.turns) },
  ];
}

function ofInputs({ inputs }: Report): Metric[] {
  return [
    { name: 'input_up', type: 'gauge', help: '1 while the source of an input works.', samples: inputs.map(({ name, kind, ok }) => [{ input: name, kind }, flag(ok)]) },
    { name: 'input_waiting', type: 'gauge', help: 'Readings of an input that are on their way, or held until their interval is over.', samples: inputs.map(({ name, kind, waiting }) => [{ input: name, kind }, waiting]) },
    {
      name: 'input_readings_total', type: 'counter', help: 'Readings of an input by what became of them.',
      samples: inputs.flatMap((each) => (['accepted', 'recorded', 'unchanged', 'refused', 'lost'] as const).map((outcome): Sample => [{ input: each.name, kind: each.kind, outcome }, each[outcome]])),
    },
  ];
}

function ofProcess(): Metric[] {
  const { rss, heapUsed, external } = process.memoryUsage(), { user, system } = process.cpuUsage();
  return [
    { name: 'process_resident_bytes', type: 'gauge', help: 'Memory that the process takes.', samples: one(rss) },
    { name: 'process_heap_bytes', type: 'gauge', help: 'Memory of its objects.', samples: one(heapUsed) },
    { name: 'process_external_bytes', type: 'gauge', help: 'Memory of its buffers.', samples: one(external) },
    { name: 'process_cpu_seconds_total', type: 'counter', help: 'Time that it took of processors.', samples: one((user + system) / 1_000_000) },
  ];
}
