// Everything that a node keeps in a database and that cannot be made again, read in one snapshot while its processes go on.
import { Client } from 'pg';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { postgresAddress } from './postgres-address.ts';
import { storeTable } from './postgres-schema.ts';

/** One value: a segment that counts, one in quarantine, or a record of a journal. */
export interface Kept { kind: 'segment' | 'quarantine' | 'journal'; value: Bytes }

/** Rows that are fetched together. */
const ROWS = 256;
/** What is read, in this order. */
const SOURCES: [kind: Kept['kind'], query: string][] = [
  ['journal', 'SELECT record AS value FROM holdfast.journal ORDER BY process, number'],
  ['segment', `SELECT value FROM ${storeTable('segment')} ORDER BY key`],
  ['quarantine', `SELECT value FROM ${storeTable('quarantine')} ORDER BY key`],
];

/** Reads all of it, as it was at one moment: journals of all processes first, in order. Fault `store-failed`: the database cannot be read. */
export async function* keptIn(url: string): AsyncGenerator<Kept> {
  const client = new Client({ ...postgresAddress(url), application_name: 'holdfast backup' });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    for (const [kind, query] of SOURCES) {
      await client.query(`DECLARE kept CURSOR FOR ${query}`);
      for (;;) {
        const { rows } = await client.query<{ value: Buffer }>(`FETCH ${ROWS} FROM kept`);
        if (rows.length === 0) break;
        for (const { value } of rows) yield { kind, value: new Uint8Array(value) };
      }
      await client.query('CLOSE kept');
    }
    await client.query('COMMIT');
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('store-failed', `The database cannot be read: ${error instanceof Error ? error.message : String(error)}. Try again when it is there.`, { cause: error });
  } finally {
    await client.end().catch(() => {});
  }
}
