// The system's clock as a Clock: wall time, uptime, how far it can be trusted, and the id of this boot.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { CLOCK_NONE, CLOCK_RTC, CLOCK_SYNCED, type Clock, type ClockQuality } from '../ports.ts';

/** Before this the date cannot be right: the program did not exist yet (2026-01-01). After the second one nobody will run it (2100-01-01). */
const EARLIEST = 1_767_225_600_000, LATEST = 4_102_444_800_000;
/** How long one look at the system's files holds. */
const LOOK_MS = 30_000;
/** chrony measures again within minutes; a drift file older than this says nothing about now. */
const CHRONY_FRESH_MS = 2 * 86_400_000;

/** Why the clock counts as it does, for `doctor`. */
export interface ClockJudgement { quality: ClockQuality; because: string }

/**
 * Judges the clock from files, without native code. `root` is the file system's root, for tests.
 * Synced: systemd-timesyncd has left /run/systemd/timesync/synchronized; or chronyd runs and has written its drift file in the last two days;
 * or ntpd's drift file is as fresh. Rtc: /sys/class/rtc has a clock (that the kernel set the time from, where it says so). The date must be plausible in both cases.
 * adjtimex(2), which would know best, cannot be called without native code.
 */
export function judgeClock(now: number, root = ''): ClockJudgement {
  if (now < EARLIEST || now > LATEST) return { quality: CLOCK_NONE, because: `the date is not plausible (${new Date(now).toISOString().slice(0, 10)})` };
  if (existsSync(`${root}/run/systemd/timesync/synchronized`)) return { quality: CLOCK_SYNCED, because: 'systemd-timesyncd has set it' };
  for (const [running, drift, who] of [
    [['/run/chrony/chronyd.pid', '/run/chronyd.pid', '/var/run/chrony/chronyd.pid'], ['/var/lib/chrony/drift', '/var/lib/chrony/chrony.drift'], 'chrony'],
    [['/run/ntpd.pid', '/var/run/ntpd.pid'], ['/var/lib/ntpsec/ntp.drift', '/var/lib/ntp/ntp.drift', '/var/lib/ntp/drift'], 'ntpd'],
  ] as const) {
    if (running.some((path) => existsSync(root + path)) && drift.some((path) => age(root + path, now) < CHRONY_FRESH_MS)) {
      return { quality: CLOCK_SYNCED, because: `${who} keeps it` };
    }
  }
  let clocks: string[] = [];
  try {
    clocks = readdirSync(`${root}/sys/class/rtc`);
  } catch {
    // No such class: no battery clock.
  }
  if (clocks.length === 0) return { quality: CLOCK_NONE, because: 'there is no battery clock and no time service that is known to have set it' };
  // The kernel tells which clock it took the time from at boot; without that file every clock counts.
  const said = clocks.map((clock) => firstLine(`${root}/sys/class/rtc/${clock}/hctosys`)).filter((line) => line !== undefined);
  if (said.length > 0 && !said.includes('1')) return { quality: CLOCK_NONE, because: 'the battery clock was not used at boot' };
  return { quality: CLOCK_RTC, because: 'a battery clock kept it' };
}

/** Milliseconds since a file was written; infinite when there is none. */
function age(path: string, now: number): number {
  try {
    return Math.abs(now - statSync(path).mtimeMs);
  } catch {
    return Infinity;
  }
}

function firstLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0]?.trim();
  } catch {
    return undefined;
  }
}

/** 8 bytes that change with each boot: a hash of the kernel's boot id; random for this process where there is none. */
function bootId(): Uint8Array {
  const id = firstLine('/proc/sys/kernel/random/boot_id');
  const source = id ? createHash('sha256').update(`holdfast boot ${id}`).digest() : randomBytes(8);
  return new Uint8Array(source.subarray(0, 8));
}

/** The clock of this machine. `overruled` replaces what the files say, for machines that are known better. */
export function systemClock(overruled?: ClockQuality): Clock & { judgement(): ClockJudgement } {
  const began = performance.now();
  let looked = -Infinity;
  let last: ClockJudgement = { quality: CLOCK_NONE, because: '' };
  const clock = {
    boot: bootId(),
    now: () => Date.now(),
    uptime: () => Math.floor(performance.now() - began),
    quality: () => clock.judgement().quality,
    judgement(): ClockJudgement {
      if (overruled !== undefined) return { quality: overruled, because: 'the configuration says so' };
      const at = performance.now();
      if (at - looked > LOOK_MS) {
        looked = at;
        last = judgeClock(Date.now());
      }
      return last;
    },
  };
  return clock;
}
