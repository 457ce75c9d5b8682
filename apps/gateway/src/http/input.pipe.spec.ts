import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { InputPipe } from './input.pipe.js';

const pipe = new InputPipe();
const schema = z.strictObject({ name: z.string().max(3), tags: z.array(z.enum(['a', 'b'])).default([]) });
const fault = (value: unknown, type: 'body' | 'param' = 'body') =>
  pipe.transform(value, { type, schema }).then(
    () => null,
    (error: Fault) => error,
  );

describe('input', () => {
  it('comes out as its schema makes it', async () => {
    expect(await pipe.transform({ name: 'x' }, { type: 'body', schema })).toEqual({ name: 'x', tags: [] });
    expect(await pipe.transform('x', { type: 'custom' })).toBe('x');
  });

  it.each([
    [{ name: 'secret' }, /^name: /],
    [{ name: 'x', tags: ['a', 'secret'] }, /^tags\.1: /],
    [{ name: 'x', other: 'secret' }, /other/],
    ['secret', /expected object/],
    [undefined, /expected object/],
    [{ name: ['secret'] }, /^name: /],
  ])('is refused with its paths and without its values: %j', async (value, detail) => {
    const refused = await fault(value);
    expect(refused?.code).toBe('request.invalid');
    expect(refused?.detail).toMatch(detail);
    expect(refused?.detail).not.toContain('secret');
  });

  it('lists some problems, not all of a flood', async () => {
    const refused = await fault({ name: 'x', tags: Array.from({ length: 5000 }, () => 'x') });
    expect(refused?.detail?.length).toBeLessThanOrEqual(1000);
  });

  it('names nothing where a path parameter cannot', async () => {
    expect((await fault({ name: 'secret' }, 'param'))?.code).toBe('route.missing');
  });
});
