import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { arrayText } from './array-text.js';
import { statement } from './postgres.js';
import { type ScratchStore, scratchStore } from './testing.js';

let scratch: ScratchStore;
beforeAll(async () => {
  scratch = await scratchStore({ entities: [], migrations: [] });
});
afterAll(() => scratch.drop());

const echo = statement(
  'spec.echo_arrays',
  'SELECT $1::text[] AS texts, $2::int[] AS numbers, $3::boolean[] AS truths, $4::bytea[] AS bytes',
);

// Postgres keeps no NUL and no half of a surrogate pair.
const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const tricky = fc.constantFrom('', 'NULL', 'null', '{}', '{"a":["b\\\\",1]}', '\\', '"', ' a, b ', '\n');
const arrays = fc.record({
  texts: fc.array(fc.option(fc.oneof(text, tricky))),
  numbers: fc.array(fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))),
  truths: fc.array(fc.option(fc.boolean())),
  bytes: fc.array(fc.option(fc.uint8Array().map((each) => Buffer.from(each)))),
});

const same = <Value>(value: Value) => value;

describe('arrayText', () => {
  it('brings every value to Postgres as it was, whatever it contains', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, async (sent) => {
        const { texts, numbers, truths, bytes } = sent;
        const parameters = [
          arrayText(texts, same),
          arrayText(numbers, same),
          arrayText(truths, same),
          arrayText(bytes, same),
        ];
        expect(await scratch.postgres.query(echo, parameters)).toEqual([sent]);
      }),
    );
  });

  it('takes what is absent for null', () => {
    expect(arrayText([undefined, null, 1], same)).toBe('{NULL,NULL,1}');
  });
});
