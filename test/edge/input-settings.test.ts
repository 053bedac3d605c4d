// The [[input]] tables: what is read from them, and that every mistake is named together with what to write instead.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'smol-toml';
import { Fault } from '../../src/fault.ts';
import { INPUT_KINDS } from '../../targets/program/input-kinds.ts';
import { parseInputs, type InputSettings } from '../../targets/program/input-settings.ts';
import { readSpan } from '../../targets/program/input-span.ts';

const where = (index: number) => `holdfast.toml, input ${index + 1}`;

function read(toml: string): InputSettings[] {
  return parseInputs(parse(toml)['input'], where, INPUT_KINDS);
}

function mistake(toml: string): string {
  try {
    read(toml);
  } catch (error) {
    assert.instance(error, Fault, toml);
    assert.is((error as Fault).code, 'bad-config');
    assert.match((error as Fault).message, /^holdfast\.toml, input \d+: .*[.?!]$/s);
    return (error as Fault).message;
  }
  throw new Error(`nothing is wrong with ${toml}`);
}

test('all settings are read, and what is not said has its default', () => {
  const [full, short] = read(`
    [[input]]
    kind = "file"
    name = "meter.1"
    path = "/var/log/meter.log"
    stream = "site-{room}"
    key = "{device}/{channel}"
    type = "power"
    time = { field = "ts", as = "s" }
    fields = { temperature = "t", humidity = "climate.h" }
    deadband = { temperature = 0.2, humidity = "1.5%", "*" = 0 }
    min_interval = "5s"
    max_interval = "10m"
    urgent = true
    [[input]]
    kind = "host"
  `) as [InputSettings, InputSettings];
  assert.equal(full.stream, { texts: ['site-', ''], names: ['room'] });
  assert.equal(full.key, { texts: ['', '/', ''], names: ['device', 'channel'] });
  assert.equal(full.fields, [{ name: 'temperature', from: 't' }, { name: 'humidity', from: 'climate.h' }]);
  assert.equal([...full.deadband!], [['temperature', { by: 0.2, relative: false }], ['humidity', { by: 0.015, relative: true }], ['*', { by: 0, relative: false }]]);
  assert.equal([full.name, full.time, full.minInterval, full.maxInterval, full.urgent, full.own], ['meter.1', { field: 'ts', as: 's' }, 5_000, 600_000, true, { path: '/var/log/meter.log' }]);
  assert.equal([short.name, short.stream.texts, short.key, short.drop, short.deadband, short.minInterval, short.urgent], ['host-2', ['telemetry'], undefined, [], undefined, 0, false]);
  assert.equal(read('[other]'), []);
});

test('every mistake is named, with what to write instead', () => {
  const file = (line: string) => `[[input]]\nkind = "file"\npath = "x"\n${line}`;
  const cases: [string, RegExp][] = [
    ['[input]\nkind = "file"', /\[\[input\]\], in two pairs of brackets/],
    ['input = ["file"]', /tables that begin with \[\[input\]\]/],
    ['[[input]]\npath = "x"', /no kind; it is one of .*file/],
    ['[[input]]\nkind = "fiel"', /no kind of input "fiel".*Did you mean file\?/],
    ['[[input]]\nkind = "__proto__"', /no kind of input/],
    ['[[input]]\nkind = 3', /no kind of input 3/],
    [file('pth = "y"'), /kind file has no setting "pth"\. Did you mean path\?/],
    [file('deadbnad = {}'), /no setting "deadbnad"\. Did you mean deadband\?/],
    [file('name = "a b"'), /name is "a b"; it must be letters/],
    [file('name = "../x"'), /name is/],
    [file('stream = "living room"'), /stream is "living room"/],
    [file('stream = "$fleet"'), /system's own/],
    [file('stream = "$fleet-{x}"'), /system's own/],
    [file('stream = "a/{x}"'), /stream is "a\/\{x\}"/],
    [file('key = ""'), /key is ""/],
    [file('key = "{device"'), /key: .*\{ without a name and a \}/],
    [file('key = "{}"'), /\{ without a name/],
    [file('key = "a}b"'), /\} without a \{/],
    [file(`key = "${'k'.repeat(256)}"`), /key: .*256 bytes/],
    [file('type = 7'), /type is 7/],
    [file('time = 5'), /time is 5; it must be the name of a field/],
    [file('time = { field = "t", as = "sec" }'), /time\.as is "sec"; it is one of auto, ms, s/],
    [file('time = { field = "t", unit = "s" }'), /time has no "unit"/],
    [file('fields = []'), /fields is \[\]/],
    [file('fields = ["a", "a"]'), /fields has "a" twice/],
    [file('fields = { a = 1 }'), /fields\.a is 1/],
    [file('fields = ["a"]\ndrop = ["b"]'), /nothing to drop/],
    [file('drop = "a"'), /drop is "a"; it must be a list/],
    [file('deadband = 0.2'), /deadband is 0\.2; it must be a table/],
    [file('deadband = { t = -1 }'), /deadband\.t is -1/],
    [file('deadband = { t = "1 percent" }'), /deadband\.t is "1 percent".*"1%"/],
    [file('deadband = { t = nan }'), /deadband\.t/],
    [file('min_interval = 5'), /min_interval is 5; .*did you mean "5s"\?/],
    [file('min_interval = "soon"'), /min_interval is "soon"/],
    [file('max_interval = "1m"'), /needs a deadband/],
    [file('deadband = {}\nmin_interval = "2m"\nmax_interval = "1m"'), /shorter than min_interval/],
    [file('urgent = "yes"'), /urgent is "yes"; it must be true or false/],
    [file('from = "middle"'), /from is "middle"/],
    [file('format = "xml"'), /format is "xml"/],
    ['[[input]]\nkind = "file"', /needs a path/],
    ['[[input]]\nkind = "command"', /command is undefined/],
    ['[[input]]\nkind = "command"\ncommand = []', /command is \[\]/],
    ['[[input]]\nkind = "command"\ncommand = "a"\nevery = "1ms"', /at least 100 ms/],
    ['[[input]]\nkind = "command"\ncommand = "a"\noutput = "whole"\nformat = "csv"', /goes with format "json" or "text"/],
    ['[[input]]\nkind = "stdin"\n[[input]]\nkind = "stdin"', /input 2: there are two inputs of kind stdin/],
    ['[[input]]\nkind = "host"\nname = "a"\n[[input]]\nkind = "host"\nname = "a"', /input 2: two inputs are called "a"/],
    ['[[input]]\nkind = "host"\n'.repeat(65), /65 inputs; 64 are the most/],
  ];
  for (const [toml, words] of cases) assert.match(mistake(toml), words, toml);
});

test('lengths of time', () => {
  const cases: [unknown, number | undefined][] = [['5s', 5_000], ['250ms', 250], ['1.5 min', 90_000], ['2h', 7_200_000], ['1d', 86_400_000], ['0s', 0], ['5', undefined], [5, undefined], ['-5s', undefined], ['5 years', undefined], ['400d', undefined], ['', undefined]];
  for (const [written, ms] of cases) assert.is(readSpan(written), ms, String(written));
});

test.run();
