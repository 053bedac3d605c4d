// The scanner under the house rules tells code from comments, strings, templates and regular expressions.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { strip } from './strip.ts';

const words = (source: string) => strip(source).match(/\w+/g) ?? [];

test('comments go, code stays, lines keep their place', () => {
  assert.equal(words('a // b\n/* c\n d */ e'), ['a', 'e']);
  assert.is(strip('a // b\n/* c\n d */ e').split('\n').length, 3);
  assert.is(strip("import x from './y.ts'; // z", false), "import x from './y.ts';     ");
});

test('strings, templates and what is inside their braces', () => {
  assert.equal(words("a('b // c', \"d\\\" e\", f)"), ['a', 'f']);
  assert.equal(words('a(`b ${c + `d ${e} f` + { g: 1 }.g} h`, i)'), ['a', 'c', 'e', 'g', '1', 'g', 'i']);
});

test('regular expressions and divisions', () => {
  assert.equal(words("a.replace(/b['/]c/g, d)"), ['a', 'replace', 'g', 'd']);
  assert.equal(words('a = b / c; d = e / f; // g'), ['a', 'b', 'c', 'd', 'e', 'f']);
  assert.equal(words('return /x"/.test(y)'), ['return', 'test', 'y']);
});

test.run();
