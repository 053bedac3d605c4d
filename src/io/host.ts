// What the machine says about itself: load, memory, disk, network traffic and, where the kernel offers one, the CPU's temperature.

import { readdirSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { cpus, freemem, loadavg, totalmem, uptime } from 'node:os';

/** One look at the machine; bytes, seconds, degrees Celsius. What the system does not offer is left out. */
export interface HostMetrics {
  /** Processes that ran or wanted to, averaged over 1, 5 and 15 minutes. */
  load: [number, number, number];
  cpus: number;
  uptime: number;
  memory: { total: number; available: number };
  disk?: { total: number; free: number };
  /** Bytes since boot, over all interfaces but the loopback. */
  network?: { in: number; out: number };
  temperature?: number;
}

/** Reads the machine's state; `dir` chooses the file system whose space counts. Never fails: what cannot be read is left out. */
export async function hostMetrics(dir: string): Promise<HostMetrics> {
  const metrics: HostMetrics = {
    load: loadavg().map((each) => Math.round(each * 100) / 100) as [number, number, number],
    cpus: cpus().length || 1,
    uptime: Math.round(uptime()),
    memory: { total: totalmem(), available: available() ?? freemem() },
  };
  try {
    const disk = await statfs(dir);
    metrics.disk = { total: disk.blocks * disk.bsize, free: disk.bavail * disk.bsize };
  } catch {
    // A file system that does not tell.
  }
  const network = parseNetwork(content('/proc/net/dev'));
  if (network !== undefined) metrics.network = network;
  const temperature = cpuTemperature();
  if (temperature !== undefined) metrics.temperature = temperature;
  return metrics;
}

function content(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Memory that programs could still get, caches included, in bytes; Node's freemem counts caches as used. */
function available(): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(content('/proc/meminfo') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Sums /proc/net/dev over all interfaces but the loopback; undefined when it cannot be read. */
export function parseNetwork(table: string | undefined): { in: number; out: number } | undefined {
  if (table === undefined) return undefined;
  const sum = { in: 0, out: 0 };
  for (const line of table.split('\n').slice(2)) {
    const [name, rest] = line.split(':', 2);
    const columns = rest?.trim().split(/\s+/).map(Number);
    if (name === undefined || columns === undefined || columns.length < 9 || name.trim() === 'lo') continue;
    sum.in += columns[0] || 0;
    sum.out += columns[8] || 0;
  }
  return sum;
}

// Names that kernels give to the sensor of the processor: Raspberry Pi and most Arm boards, Intel, AMD.
const CPU_SENSORS = /^(cpu|soc|x86_pkg_temp|coretemp|k10temp|zenpower|bcm2835)/i;

/** Degrees Celsius of the CPU, to a tenth; undefined when the kernel offers no such sensor. `root` is the file system's root, for tests. */
export function cpuTemperature(root = ''): number | undefined {
  for (const [folder, prefix, label, value] of [
    [`${root}/sys/class/thermal`, 'thermal_zone', 'type', 'temp'],
    [`${root}/sys/class/hwmon`, 'hwmon', 'name', 'temp1_input'],
  ] as const) {
    let names: string[];
    try {
      names = readdirSync(folder).filter((name) => name.startsWith(prefix)).sort();
    } catch {
      continue;
    }
    const sensors = names.map((name) => ({ kind: content(`${folder}/${name}/${label}`)?.trim() ?? '', milli: Number(content(`${folder}/${name}/${value}`) ?? NaN) }));
    const chosen = sensors.find(({ kind, milli }) => CPU_SENSORS.test(kind) && Number.isFinite(milli));
    // A reading outside of what silicon survives is a sensor that is not connected.
    if (chosen !== undefined && chosen.milli > -60_000 && chosen.milli < 200_000) return Math.round(chosen.milli / 100) / 10;
  }
  return undefined;
}
