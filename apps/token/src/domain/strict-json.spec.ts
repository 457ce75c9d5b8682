import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseStrictObject } from './strict-json.js';

const parse = (text: string) => parseStrictObject(Buffer.from(text));
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const wide = (members: number) => JSON.stringify(Object.fromEntries(Array.from({ length: members }, (_, i) => [i, i])));

describe('parseStrictObject', () => {
  it.each([
    ['a duplicate member', '{"a":1,"a":2}'],
    ['a duplicate written with an escape', '{"a":1,"\\u0061":2}'],
    ['a duplicate below', '{"x":{"a":1,"a":2}}'],
    ['a duplicate inside an array', '{"x":[{"a":1,"a":2}]}'],
    ['a duplicate __proto__', '{"__proto__":1,"__proto__":2}'],
    ['a duplicate with whitespace before the colon', '{"a":1,"a"\t\n :2}'],
    ['a byte order mark', '\ufeff{}'],
    ['an array', '[]'],
    ['a string', '"{}"'],
    ['a number', '1'],
    ['null', 'null'],
    ['nothing', ''],
    ['two values', '{}{}'],
    ['a trailing comma', '{"a":1,}'],
    ['a comment', '{/**/}'],
    ['single quotes', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['a leading zero', '{"a":01}'],
    ['five levels', nested(5)],
    ['65 members', wide(65)],
    ['an unfinished string', '{"a'],
  ])('refuses %s', (_, text) => {
    expect(parse(text)).toBeNull();
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
  ])('refuses invalid UTF-8: %s', (_, bytes) => {
    expect(parseStrictObject(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]))).toBeNull();
  });

  it('refuses ten thousand levels quickly', () => {
    const started = performance.now();
    expect(parse(nested(10_000))).toBeNull();
    expect(performance.now() - started).toBeLessThan(500);
  });

  it.each([
    ['four levels', nested(4)],
    ['64 members', wide(64)],
    ['the same name in two objects', '{"a":{"x":1},"b":{"x":1}}'],
    ['a value that repeats a name', '{"a":"a","b":"a"}'],
    ['strings that look like structure', '{"a":"{\\"b\\":1,\\"b\\":2}","c":"\\\\"}'],
  ])('takes %s', (_, text) => {
    expect(Object.fromEntries(parse(text) ?? [])).toEqual(JSON.parse(text));
  });

  it('keeps __proto__ a plain member', () => {
    const members = parse('{"__proto__":{"userId":"mallory"}}');
    expect(members?.get('userId')).toBeUndefined();
    expect(members?.get('__proto__')).toEqual({ userId: 'mallory' });
  });

  it('reads whatever JSON.stringify writes', () => {
    const value = fc.dictionary(
      fc.string({ unit: 'grapheme' }),
      fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string(), { maxLength: 3 })),
      { maxKeys: 20 },
    );
    fc.assert(
      fc.property(value, (object) => {
        expect([...(parse(JSON.stringify(object)) ?? [])]).toEqual(Object.entries(JSON.parse(JSON.stringify(object))));
      }),
    );
  });

  it('refuses any object in which one member stands twice', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 20 }), fc.nat(), (names, pick) => {
        const repeated = [...names, names[pick % names.length] ?? ''];
        expect(parse(`{${repeated.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`)).toBeNull();
      }),
    );
  });
});
