// What the program is told by the target that it is part of: its commands, where nodes keep their data, and what goes without saying.

import { WINDOW_MS } from '../../src/limits.ts';
import type { Invocation } from './command.ts';
import type { Named } from './commands.ts';
import type { Medium } from './medium.ts';
import type { Setting } from './settings.ts';

/** What holds where nobody says otherwise; `view`: what the page is about. */
export interface Defaults { dir: string; windowMs: number; metricsSeconds: number; view?: 'node' | 'fleet' }

/** One target. */
export interface Target {
  readonly commands: readonly Named[];
  /** Settings besides those of every node; each is a flag of all commands too. */
  readonly settings: readonly Setting[];
  readonly defaults: Defaults;
  /** Where the node of this invocation keeps its data. Asked before the command runs. Fault `bad-config`. */
  medium(invocation: Pick<Invocation, 'dir' | 'text'>): Promise<Medium>;
}

/** Used until a target says something else. */
const USUAL: Defaults = { dir: './holdfast-data', windowMs: WINDOW_MS, metricsSeconds: 10 };
let chosen: Target | undefined;
let asked: { invocation: Pick<Invocation, 'dir' | 'text'> | undefined; medium: Promise<Medium> | undefined } = { invocation: undefined, medium: undefined };

/** Chooses the target of this process; once, before anything else. */
export function use(target: Target): void {
  chosen = target;
  asked = { invocation: undefined, medium: undefined };
}

/** Says what the command line asks for: the medium may depend on it. */
export function invoked(invocation: Pick<Invocation, 'dir' | 'text'>): void {
  asked = { invocation, medium: undefined };
}

/** Flags of the command line that say where the node keeps its data: a process that runs has long decided that. */
export function placeFlags(): string[] {
  return targetSettings().map(({ name }) => name.replaceAll('_', '-')).filter((flag) => asked.invocation?.text(flag) !== undefined);
}

/** The settings that the target adds. */
export function targetSettings(): readonly Setting[] {
  return chosen?.settings ?? [];
}

/** What holds where nobody says otherwise. */
export function defaults(): Defaults {
  return chosen?.defaults ?? USUAL;
}

/** Where nodes keep their data. Fault `bad-config`. */
export function medium(): Promise<Medium> {
  if (chosen === undefined) throw new Error('no target was chosen');
  return asked.medium ??= chosen.medium(asked.invocation ?? { dir: defaults().dir, text: () => undefined });
}
