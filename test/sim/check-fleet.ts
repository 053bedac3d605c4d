// The part of the verdict that is about trust: revoked nodes, quarantine, and alarms that name the right nodes.

import type { Entry } from '../../src/node-entry.ts';
import { members } from './heal.ts';
import type { World } from './world.ts';

/** What a revoked node wrote stays as far as every revocation had seen it, and no further. */
export async function checkRevoked(world: World, byMark: ReadonlyMap<string, Entry[]>): Promise<void> {
  const { ledger } = world;
  for (const node of new Set(ledger.revocations.map((revocation) => revocation.node))) {
    const all = ledger.revocations.filter((revocation) => revocation.node === node);
    for (const [mark, attempt] of ledger.attempts) {
      if (attempt.node !== node) continue;
      if (byMark.has(mark) && all.some(({ most }) => !most.has(mark))) ledger.problem(`${mark} of ${attempt.machine} is admitted, beyond the cut of a revocation`);
      if (!byMark.has(mark) && all.every(({ least }) => least.has(mark))) ledger.problem(`${mark} of ${attempt.machine} is missing, every revocation had seen it`);
    }
  }
}

/** What was taken back is visible as quarantined. */
export async function checkQuarantine(world: World): Promise<void> {
  for (const { machine: label, disk, node } of world.ledger.mustShow) {
    const machine = members(world).find((one) => one.label === label && one.disk.label === disk);
    const status = await machine?.ask((each) => each.status());
    if (status && !status.quarantined.some((one) => one.node === node && one.segments > 0)) world.ledger.problem(`${label} held events of ${node.slice(0, 8)} beyond its revocation, and shows nothing in quarantine`);
  }
}

/** Clones, restored backups and copied memories are named by an alarm on every member; nobody else is. */
export async function checkAlarms(world: World, byMark: ReadonlyMap<string, Entry[]>): Promise<void> {
  const { ledger } = world;
  for (const machine of members(world)) {
    const status = await machine.ask((node) => node.status());
    if (!status) continue;
    const named = new Set(status.alarms.filter(({ code }) => code === 'clone' || code === 'fork').map((alarm) => alarm.node));
    for (const { node, marks, why } of ledger.mustAlarm) {
      if (marks.every((mark) => byMark.has(mark)) && !named.has(node)) ledger.problem(`${machine.label} raised no alarm about ${node.slice(0, 8)}: ${why}`);
    }
    for (const { code, node, text } of status.alarms) if ((code === 'clone' || code === 'fork') && !ledger.mayAlarm.has(node)) ledger.problem(`${machine.label} raised an alarm about ${node.slice(0, 8)} that was never copied or restored: ${text}`);
  }
}
