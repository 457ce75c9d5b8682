import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { InputPipe } from './input.pipe.js';

const pipe = new InputPipe();
const schema = z.strictObject({ name: z.string().max(3), tags: z.array(z.enum(['a', 'b'])).default([]) });

function fault(value: unknown, type: 'body' | 'param' = 'body'): Fault | null {
  try {
    pipe.transform(value, { type, schema });
    return null;
  } catch (error) {
    return error as Fault;
  }
}

describe('input', () => {
  it('comes out at once, as its schema makes it', () => {
    expect(pipe.transform({ name: 'x' }, { type: 'body', schema })).toEqual({ name: 'x', tags: [] });
    expect(pipe.transform('x', { type: 'custom' })).toBe('x');
  });

  it('is waited for where its schema takes its time', async () => {
    const late = z.string().refine(async (value) => value === 'x');
    expect(await pipe.transform('x', { type: 'body', schema: late })).toBe('x');
    await expect(pipe.transform('y', { type: 'body', schema: late })).rejects.toThrow(Fault);
  });

  it.each([
    [{ name: 'secret' }, /^name: /],
    [{ name: 'x', tags: ['a', 'secret'] }, /^tags\.1: /],
    [{ name: 'x', other: 'secret' }, /other/],
    ['secret', /expected object/],
    [undefined, /expected object/],
    [{ name: ['secret'] }, /^name: /],
  ])('is refused with its paths and without its values: %j', (value, detail) => {
    const refused = fault(value);
    expect(refused?.code).toBe('request.invalid');
    expect(refused?.detail).toMatch(detail);
    expect(refused?.detail).not.toContain('secret');
  });

  it('lists some problems, not all of a flood', () => {
    const refused = fault({ name: 'x', tags: Array.from({ length: 5000 }, () => 'x') });
    expect(refused?.detail?.length).toBeLessThanOrEqual(1000);
  });

  it('names nothing where a path parameter cannot', () => {
    expect(fault({ name: 'secret' }, 'param')?.code).toBe('route.missing');
  });
});
