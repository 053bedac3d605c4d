// What the machine says: how far the clock can be trusted, and its metrics, read from files that a test can make up.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { judgeClock, systemClock } from '../../src/io/clock.ts';
import { cpuTemperature, hostMetrics, parseNetwork } from '../../src/io/host.ts';
import { CLOCK_NONE, CLOCK_RTC, CLOCK_SYNCED } from '../../src/ports.ts';

const test = suite('machine');
const NOW = Date.UTC(2026, 10, 20);

function inRoot(files: { [path: string]: string }, body: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'hf-root-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      utimesSync(join(root, path), NOW / 1000, NOW / 1000);
    }
    body(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('a clock is synced, kept by a battery, or not to be trusted, and it is said why', () => {
  const chrony = { 'run/chrony/chronyd.pid': '7', 'var/lib/chrony/drift': '1' };
  const cases: [{ [path: string]: string }, number, number, string][] = [
    [{}, NOW, CLOCK_NONE, 'no battery clock'], [{ 'run/systemd/timesync/synchronized': '' }, NOW, CLOCK_SYNCED, 'timesyncd'], [chrony, NOW, CLOCK_SYNCED, 'chrony'],
    [chrony, NOW + 3 * 86_400_000, CLOCK_NONE, 'no battery'], [{ 'var/lib/chrony/drift': '1' }, NOW, CLOCK_NONE, 'no battery'], [{ 'run/ntpd.pid': '1', 'var/lib/ntpsec/ntp.drift': '1' }, NOW, CLOCK_SYNCED, 'ntpd'],
    [{ 'sys/class/rtc/rtc0/hctosys': '1\n' }, NOW, CLOCK_RTC, 'battery clock kept it'], [{ 'sys/class/rtc/rtc0/hctosys': '0\n' }, NOW, CLOCK_NONE, 'not used at boot'], [{ 'sys/class/rtc/rtc0/name': 'x' }, NOW, CLOCK_RTC, 'battery'],
    [{ 'run/systemd/timesync/synchronized': '', 'sys/class/rtc/rtc0/hctosys': '1' }, 0, CLOCK_NONE, '1970-01-01'], [{ 'run/systemd/timesync/synchronized': '' }, Date.UTC(2104, 0), CLOCK_NONE, '2104'],
  ];
  for (const [files, now, quality, word] of cases) {
    inRoot(files, (root) => {
      const found = judgeClock(now, root);
      assert.is(found.quality, quality, word);
      assert.match(found.because, word);
    });
  }
});

test('the system clock keeps to its contract', () => {
  const clock = systemClock();
  assert.ok(Number.isInteger(clock.now()) && clock.now() > NOW / 2);
  assert.ok(Number.isInteger(clock.uptime()) && clock.uptime() >= 0);
  assert.is(clock.boot.length, 8);
  assert.equal(systemClock().boot, clock.boot);
  assert.ok([CLOCK_NONE, CLOCK_RTC, CLOCK_SYNCED].includes(clock.quality()));
  assert.is(systemClock(CLOCK_RTC).quality(), CLOCK_RTC);
});

test('metrics are figures that make sense', async () => {
  const metrics = await hostMetrics('.');
  assert.is(metrics.load.length, 3);
  assert.ok(metrics.cpus >= 1 && metrics.uptime > 0);
  assert.ok(metrics.memory.available > 0 && metrics.memory.available <= metrics.memory.total);
  assert.ok(metrics.disk === undefined || (metrics.disk.free >= 0 && metrics.disk.free <= metrics.disk.total));
  assert.is((await hostMetrics('./no such folder')).disk, undefined);
});

test('network bytes are summed over interfaces, without the loopback', () => {
  const table = 'Inter-| Receive | Transmit\n face |bytes ...\n    lo:  10 1 0 0 0 0 0 0  10 1 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\nwlan0:3 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0\nbroken\n';
  assert.equal(parseNetwork(table), { in: 103, out: 204 });
  assert.is(parseNetwork(undefined), undefined);
});

test('the temperature is that of the processor', () => {
  inRoot({ 'sys/class/thermal/thermal_zone0/type': 'battery\n', 'sys/class/thermal/thermal_zone0/temp': '1000\n', 'sys/class/thermal/thermal_zone1/type': 'cpu-thermal\n', 'sys/class/thermal/thermal_zone1/temp': '48312\n' },
    (root) => assert.is(cpuTemperature(root), 48.3));
  inRoot({ 'sys/class/hwmon/hwmon0/name': 'coretemp\n', 'sys/class/hwmon/hwmon0/temp1_input': '51000\n' }, (root) => assert.is(cpuTemperature(root), 51));
  inRoot({ 'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n', 'sys/class/thermal/thermal_zone0/temp': '-274000\n' }, (root) => assert.is(cpuTemperature(root), undefined));
  inRoot({}, (root) => assert.is(cpuTemperature(root), undefined));
});

test.run();
