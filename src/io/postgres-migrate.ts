// Bringing the schema up to date: one migration after the other, each in a transaction, safe from any number of processes at once.
import { Fault } from '../fault.ts';
import { isLost, stateOf, wordsOf } from './postgres-errors.ts';
import type { Session } from './postgres-line.ts';
import { MIGRATIONS, READABLE, READER } from './postgres-schema.ts';

/** What several processes that make the same thing at once are told, in spite of IF NOT EXISTS. */
const MADE_MEANWHILE = /^(23505|42P06|42P07|42710|40001|40P01|XX000)$/;
/** Attempts to be the one that makes it. */
const ATTEMPTS = 20;

/** The row that everybody locks who changes the schema. */
export const LOCK_SCHEMA = 'SELECT version FROM holdfast.migration WHERE version = 0 FOR UPDATE';

/**
 * Makes the schema, or brings it up to this release. Faults: `bad-config` (PostgreSQL below 14, not UTF8, no right to make the schema), `unsupported` (a later release made it).
 * Errors of the connection come as they are.
 */
export async function migrate(session: Session, migrations: readonly string[] = MIGRATIONS): Promise<void> {
  await checkServer(session);
  for (let attempt = 1; ; attempt++) {
    try {
      await begin(session);
      while (await step(session, migrations));
      return;
    } catch (error) {
      if (error instanceof Fault || isLost(error)) throw error;
      if (/^(42501|25006)$/.test(stateOf(error))) {
        throw new Fault('bad-config', `PostgreSQL does not let this user make the schema holdfast (${wordsOf(error)}). Let an administrator say: CREATE SCHEMA holdfast AUTHORIZATION this_user;`, { cause: error });
      }
      if (attempt >= ATTEMPTS || !MADE_MEANWHILE.test(stateOf(error))) throw new Fault('store-failed', `The schema holdfast could not be brought up to date (${stateOf(error)}: ${wordsOf(error)}); what was there is unchanged.`, { cause: error });
      await new Promise((resolve) => { setTimeout(resolve, 20 * attempt); });
    }
  }
}

async function checkServer(session: Session): Promise<void> {
  const [found] = await session.query<{ version: number; shown: string; encoding: string }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown, current_setting('server_encoding') AS encoding`);
  if (found!.version < 140_000) throw new Fault('bad-config', `PostgreSQL ${found!.shown} is too old: Holdfast needs 14 or later.`);
  if (found!.encoding !== 'UTF8') throw new Fault('bad-config', `The database has encoding ${found!.encoding}; Holdfast needs one made with ENCODING 'UTF8'.`);
}

async function begin(session: Session): Promise<void> {
  const [found] = await session.query<{ there: boolean }>(`SELECT to_regclass('holdfast.migration') IS NOT NULL AS there`);
  if (!found!.there) {
    const [schema] = await session.query<{ there: boolean }>(`SELECT to_regnamespace('holdfast') IS NOT NULL AS there`);
    if (!schema!.there) await session.query('CREATE SCHEMA IF NOT EXISTS holdfast');
    await session.query('CREATE TABLE IF NOT EXISTS holdfast.migration (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())');
  }
  await session.query('INSERT INTO holdfast.migration (version) VALUES (0) ON CONFLICT DO NOTHING');
}

/** Applies the next migration; false when there is none. */
async function step(session: Session, migrations: readonly string[]): Promise<boolean> {
  await session.query('BEGIN');
  try {
    await session.query(LOCK_SCHEMA);
    const [found] = await session.query<{ version: number }>('SELECT max(version) AS version FROM holdfast.migration'), version = found!.version;
    if (version > migrations.length) throw new Fault('unsupported', `The database was brought to schema ${version} by a later release of Holdfast; this one knows ${migrations.length}. Use that release.`);
    if (version === migrations.length) {
      await session.query('ROLLBACK');
      return false;
    }
    await session.query(migrations[version]!);
    await session.query('INSERT INTO holdfast.migration (version) VALUES ($1)', [version + 1]);
    await session.query('COMMIT');
    return true;
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Statements that make the role of readers and let it read. */
export const READER_SQL = `CREATE ROLE ${READER} NOLOGIN;
GRANT USAGE ON SCHEMA holdfast TO ${READER};
GRANT SELECT ON ${READABLE.map((name) => `holdfast.${name}`).join(', ')} TO ${READER};`;

/** Makes the role of readers where this user may. Gives what an administrator would have to say when it may not. */
export async function makeReader(session: Session): Promise<string | undefined> {
  try {
    const [role] = await session.query<{ there: boolean }>('SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1) AS there', [READER]);
    if (!role!.there) {
      await session.query(`CREATE ROLE ${READER} NOLOGIN`).catch((error: unknown) => { if (stateOf(error) !== '42710' && stateOf(error) !== '23505') throw error; });
    }
    const [may] = await session.query<{ all: boolean }>(
      `SELECT has_schema_privilege($1, 'holdfast', 'USAGE') AND bool_and(has_table_privilege($1, 'holdfast.' || name, 'SELECT')) AS all FROM unnest($2::text[]) AS n (name)`, [READER, [...READABLE]]);
    if (!may!.all) await session.query(READER_SQL.slice(READER_SQL.indexOf('GRANT')));
    return undefined;
  } catch (error) {
    if (isLost(error)) throw error;
    const [role] = await session.query<{ there: boolean }>('SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1) AS there', [READER]);
    return role!.there ? READER_SQL.slice(READER_SQL.indexOf('GRANT')) : READER_SQL;
  }
}
