// The kinds of inputs that there are, by the word that declares them.

import type { InputKind } from './input.ts';
import { commandInput } from './input-command.ts';
import { fileInput } from './input-file.ts';
import { hostInput } from './input-host.ts';
import { httpInput } from './input-http.ts';
import { mqttInput } from './input-mqtt.ts';
import { serialInput } from './input-serial.ts';
import { stdinInput } from './input-stdin.ts';

/** All of them. */
export const INPUT_KINDS: { readonly [kind: string]: InputKind } = {
  host: hostInput, stdin: stdinInput, file: fileInput, serial: serialInput, mqtt: mqttInput, command: commandInput, http: httpInput,
};
