import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type Received, service } from '#contracts/service';
import { Serve } from './serve.js';

const pair = service('pair', {
  one: { request: z.strictObject({ n: z.int() }), reply: z.string(), faults: [] },
  two: { request: z.strictObject({}), reply: z.null(), faults: [] },
});

// What must not compile; were one of these accepted, the expectation itself would be the compiler's error.

// @ts-expect-error a verb has no handler
const missing = () => Serve(pair)(Missing);
class Missing {
  async two() {
    return null;
  }
}

// @ts-expect-error a handler answers something else
@Serve(pair)
class WrongReply {
  async one(_request: Received<typeof pair.one>) {
    return 1;
  }
  async two() {
    return null;
  }
}

// @ts-expect-error a handler expects something else
@Serve(pair)
class WrongRequest {
  async one(_request: { n: string }) {
    return '';
  }
  async two() {
    return null;
  }
}

describe('@Serve', () => {
  it('refuses at definition what slipped past the compiler', () => {
    expect(missing).toThrow('Missing has no method one for segue.pair.one');
  });

  it('takes methods only, for Nest looks at nothing else', () => {
    class Arrow {
      one = async () => '';
      two = async () => null;
    }
    expect(() => Serve(pair)(Arrow)).toThrow('Arrow has no method one');
    expect([WrongReply, WrongRequest]).toHaveLength(2);
  });
});
