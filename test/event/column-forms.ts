// Every form that a column of integers may have, whether the packer would choose it or not, for the tests of columns.
import type { Choice } from '../../src/event/column-choice.ts';
import { putChosen, scratchFor } from '../../src/event/column-integers.ts';
import { levelsOf } from '../../src/event/column-levels.ts';
import type { Rows } from '../../src/event/column-rows.ts';
import { gather } from '../../src/event/column-rows.ts';
import { Writer } from '../../src/event/writer.ts';

/** A form, apart from what follows from the values. */
export interface Form { form: 'planes' | 'runs' | 'wide'; delta: 0 | 1 | 2; byKey: boolean; levels: boolean; base: number; divisor: number }

/** The column in that form. */
export function inForm(values: number[], rows: Rows, { form, delta, byKey, levels, base, divisor }: Form): Uint8Array {
  const n = rows.n, all = Float64Array.from(values);
  let sequence = byKey ? gather(all, rows, new Float64Array(n)) : all;
  const found = levels ? levelsOf(sequence, n, n) : undefined;
  if (found) sequence = found.ranks;
  const plain = form !== 'planes';
  const choice: Choice = { form, delta, byKey, levels: found?.levels, base: plain ? 0 : base, divisor: plain ? 1 : divisor, sequence: form === 'wide' ? all : sequence, cost: 0 };
  const w = new Writer(64);
  putChosen(w, choice, rows, scratchFor(n));
  return w.copy();
}
