// The table of commands. Each is loaded when it is asked for: a node that runs keeps none of the others in memory.

import type { Command } from './command.ts';

/** One command by name, not loaded yet. */
export interface Named { readonly name: string; load(): Promise<Command> }

/** All commands. */
export const COMMANDS: readonly Named[] = [
  { name: 'init', load: async () => (await import('./fleet.ts')).initCommand },
  { name: 'invite', load: async () => (await import('./fleet.ts')).inviteCommand },
  { name: 'join', load: async () => (await import('./fleet.ts')).joinCommand },
  { name: 'run', load: async () => (await import('./run.ts')).runCommand },
  { name: 'page', load: async () => (await import('./token.ts')).pageCommand },
  { name: 'token', load: async () => (await import('./token.ts')).tokenCommand },
  { name: 'append', load: async () => (await import('./append.ts')).appendCommand },
  { name: 'read', load: async () => (await import('./read.ts')).readCommand },
  { name: 'get', load: async () => (await import('./read.ts')).getCommand },
  { name: 'streams', load: async () => (await import('./read.ts')).streamsCommand },
  { name: 'keys', load: async () => (await import('./read.ts')).keysCommand },
  { name: 'sync', load: async () => (await import('./exchange.ts')).syncCommand },
  { name: 'listen', load: async () => (await import('./exchange.ts')).listenCommand },
  { name: 'export', load: async () => (await import('./carry.ts')).exportCommand },
  { name: 'import', load: async () => (await import('./carry.ts')).importCommand },
  { name: 'revoke', load: async () => (await import('./fleet.ts')).revokeCommand },
  { name: 'release', load: async () => (await import('./fleet.ts')).releaseCommand },
  { name: 'status', load: async () => (await import('./inspect.ts')).statusCommand },
  { name: 'digest', load: async () => (await import('./inspect.ts')).digestCommand },
  { name: 'backup', load: async () => (await import('./backup-command.ts')).backupCommand },
  { name: 'recover', load: async () => (await import('./recover-command.ts')).recoverCommand },
  { name: 'verify', load: async () => (await import('./inspect.ts')).verifyCommand },
  { name: 'doctor', load: async () => (await import('./doctor.ts')).doctorCommand },
];
