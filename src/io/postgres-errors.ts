// What an error of PostgreSQL or of its connection means: gone for now, to be done again, or a Fault.
import { Fault } from '../fault.ts';

/** The part of an error of the server that is looked at. */
interface Told { code?: unknown; constraint?: unknown; severity?: unknown }

const told = (error: unknown): Told => error !== null && typeof error === 'object' ? error : {};

/** The SQLSTATE of an error, or the code of a socket's; empty when it has none. */
export function stateOf(error: unknown): string {
  const { code } = told(error);
  return typeof code === 'string' ? code : '';
}

/** The words of anything thrown. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(wordsOf).join('; ');
  return (error instanceof Error && error.message) || stateOf(error) || String(error);
}

/** True when the connection is gone, or the server is on its way down, up, or a standby: another connection may do. */
export function isLost(error: unknown): boolean {
  if (error instanceof Fault || [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind)) return false;
  // Only what the server says has a severity; the rest are sockets, TLS, timeouts and pg's own words about its connection.
  return typeof told(error).severity !== 'string' || /^(08...|57P0[1-5]|53300|25006|3D000|28...)$/.test(stateOf(error));
}

/** True when the same may succeed on the same connection: deadlocks, serialization, locks, memory, somebody who cancelled it. */
export function isPassing(error: unknown): boolean {
  return /^(40001|40P01|40003|55P03|57014|53200|53400)$/.test(stateOf(error));
}

/** True when the check of `step` refused a commit: its number is not the next. */
export function isPassed(error: unknown): boolean {
  return stateOf(error) === '23514' && told(error).constraint === 'step_in_order';
}

/** True when there is no partition for a row. */
export function isUnpartitioned(error: unknown): boolean {
  return stateOf(error) === '23514' && told(error).constraint === undefined;
}

/** What the failure of a statement is for whoever called the store: `store-full`, `store-damaged` or `store-failed`; nothing of it was kept. */
export function storeFault(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  const state = stateOf(error), words = wordsOf(error);
  if (state === '53100') return new Fault('store-full', `There is no space left for PostgreSQL (${words}); nothing of ${what} was kept, and reading goes on. Free some space there and try again.`, { cause: error });
  if (/^XX00[12]$/.test(state)) return new Fault('store-damaged', `PostgreSQL met damaged data at ${what} (${words}); nothing was written. Restore the database, or have its administrator look at it.`, { cause: error });
  return new Fault('store-failed', `PostgreSQL refused ${what} (${state}: ${words}). Stop this process, see the server's log, start again.`, { cause: error });
}
