// In which form a list is wanted: as JSON, or as a table for other programs.

import type { Context } from 'hono';
import { Fault } from '../../src/fault.ts';
import type { Surroundings } from './context.ts';

/** What lists can be had as. */
export type Format = 'json' | 'csv' | 'ndjson';

/** The form that `format` names, or else the header Accept where it names nothing else. Fault `bad-argument`. */
export function formatAsked(c: Context<Surroundings>, format: string | undefined): Format {
  if (format === 'json' || format === 'csv' || format === 'ndjson') return format;
  if (format !== undefined) throw new Fault('bad-argument', `format is ${JSON.stringify(format.slice(0, 40))}; it must be json, csv or ndjson.`);
  const types = (c.req.header('accept') ?? '').slice(0, 1_000).toLowerCase().split(',').map((each) => each.split(';', 1)[0]!.trim());
  if (types.includes('application/json')) return 'json';
  return types.includes('text/csv') ? 'csv' : types.some((type) => LINES.includes(type)) ? 'ndjson' : 'json';
}

/** Media types of lines of JSON. */
export const LINES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines'];
