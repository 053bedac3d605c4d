// Comma-separated values (RFC 4180) that spreadsheets open without taking data for formulas.

import { jsonText } from '../../src/event/json.ts';

/** What a cell may be; anything that is neither text, number nor yes or no is written as JSON. */
export type Cell = unknown;
/** A column: its name, and what of a row stands in it. */
export type Column<T> = [name: string, cell: (row: T) => Cell];

/** One line with its end. `raw`: text that begins like a formula is left as it is. */
export function csvLine(cells: readonly Cell[], raw: boolean): string {
  return `${cells.map((cell) => cellText(cell, raw)).join(',')}\r\n`;
}

function cellText(cell: Cell, raw: boolean): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  const text = typeof cell === 'string' ? cell : jsonText(cell);
  // A spreadsheet would compute what begins so, and might send it somewhere: a quotation mark before it makes it text (OWASP, CSV injection).
  const tame = !raw && /^[\s\u0000-\u001f]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u.test(text) ? `'${text}` : text;
  return tame === '' || /[",\r\n]|^\s|\s$/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
}

/** A moment as ISO 8601 in UTC. */
export function momentCell(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString();
}
