// Lengths of time as settings have them: "250ms", "5s", "10m", "1h", "1d".

const UNITS: { [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a length of time; undefined when it is none, or above a year. A number alone has no unit and is none. */
export function readSpan(written: unknown): number | undefined {
  const parts = typeof written === 'string' ? /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|min|h|d)$/.exec(written) : null;
  if (parts === null) return undefined;
  const ms = Math.round(Number(parts[1]) * UNITS[parts[2]!]!);
  return ms <= 366 * UNITS['d']! ? ms : undefined;
}
