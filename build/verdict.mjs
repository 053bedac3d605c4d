// The judgement on one test file: what its process printed and how it ended, turned into counts that can be trusted.

/**
 * What a test process left behind, judged: uvu's totals, and why it counts as broken if it does.
 * uvu alone would pass a file that runs nothing, one whose `before` throws, and would wait for ever for one that hangs.
 * @param {{ output: string, code: number | null, signal: string | null, timedOut: boolean, seconds: number }} result
 */
export function judge({ output, code, signal, timedOut, seconds }) {
  const clean = output.replace(/\u001b\[[0-9;]*m/g, '');
  const totals = [...clean.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)];
  const last = totals.at(-1);
  const [total, passed, skipped] = last ? last.slice(1).map(Number) : [0, 0, 0];
  let failed = total - passed;
  let why = '';
  if (timedOut) why = last ? `reported, but was still alive after ${seconds} s: something keeps the process open` : `no result after ${seconds} s: killed`;
  else if (!last) why = `ended without totals (${signal ?? `exit ${code}`}): is .run() called for every suite?`;
  else if (totals.length > 1) why = 'reported more than once: call every .run() in the same turn';
  else if (total === 0 && skipped === 0) why = 'contains no test (a total of 0)';
  else if (code !== 0 && failed === 0) why = `exit ${signal ?? code} although every test passed`;
  if (why) failed = Math.max(failed, 1);
  return { passed, failed, skipped, why };
}
