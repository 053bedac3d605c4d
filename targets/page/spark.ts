// Small charts of how many events came lately: the line, and the rate that it ends with.

/** The size that a small chart is drawn in; it is stretched to its place. `samples`: how many it has room for; where there are fewer yet, they stand at its right. */
export const SPARK = { width: 120, height: 28, samples: 60 };

/** The line of a small chart, as a path; empty when nothing happened. */
export function sparkPath(counts: readonly number[], { width, height, samples } = SPARK): string {
  const top = Math.max(...counts, 0);
  if (counts.length < 2 || top === 0) return '';
  const all = Math.max(samples, counts.length), step = width / (all - 1), left = width - (counts.length - 1) * step;
  return counts.map((count, i) => `${i === 0 ? 'M' : 'L'}${(left + i * step).toFixed(1)} ${(height - 2 - count / top * (height - 4)).toFixed(1)}`).join('');
}

/** Events a second over the last minute, of samples that are so many seconds long. */
export function lately(counts: readonly number[], seconds: number): number {
  const last = counts.slice(-Math.max(1, Math.round(60 / seconds)));
  return last.reduce((sum, count) => sum + count, 0) / (last.length * seconds || 1);
}

/** The same line closed below, for what lies under it. */
export function underPath(counts: readonly number[]): string {
  const line = sparkPath(counts);
  return line === '' ? '' : `${line}V${SPARK.height}H${/^M([\d.]+)/.exec(line)![1]!}Z`;
}
