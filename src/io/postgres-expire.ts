// Ends the lease of a process at the database that is known to be dead.
import { Client } from 'pg';
import { postgresAddress } from './postgres-address.ts';

/** Ends the lease of the process with this id (a uuid), so that the next one to look takes over what it left. Rejects with pg's error. */
export async function expire(url: string, id: string): Promise<void> {
  const client = new Client({ ...postgresAddress(url), application_name: 'holdfast', connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query("UPDATE holdfast.process SET lease = clock_timestamp() - interval '1 second' WHERE id = $1", [id]);
  } finally {
    await client.end().catch(() => {});
  }
}
