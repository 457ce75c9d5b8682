import { describe, expect, it } from '@jest/globals';
import { type CanActivate, type Type, UseGuards, UsePipes } from '@nestjs/common';
import { type MessageHandler, Payload } from '@nestjs/microservices';
import { z } from 'zod';
import { type Received, service } from '#contracts/service';
import { Serve, servedBy } from './serve.js';

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

const one = service('one', { say: { request: z.strictObject({}), reply: z.string(), faults: [] } });

class Plain {
  said = 'as it is';
  async say() {
    return this.said;
  }
}
class Guard implements CanActivate {
  canActivate() {
    return true;
  }
}
const pipe = { transform: (value: unknown) => value };

@UseGuards(Guard)
class Guarded extends Plain {
  override async say() {
    return this.said;
  }
}
class GuardedMethod extends Plain {
  @UseGuards(Guard)
  override async say() {
    return this.said;
  }
}
class Piped extends Plain {
  @UsePipes(pipe)
  override async say() {
    return this.said;
  }
}
class Parametrised extends Plain {
  override async say(@Payload(pipe) _request?: object) {
    return this.said;
  }
}

describe('what a transport calls', () => {
  function called(controller: Type, instanceOf?: (type: Type) => object) {
    Serve(one)(controller as typeof Plain);
    const wrapped: MessageHandler = async () => 'through Nest';
    wrapped.extras = { verb: one.say, controller, method: 'say' };
    return servedBy(one.say.subject, wrapped, instanceOf).handle({});
  }
  const instanceOf = (type: Type) => new type() as object;

  it('is the method as it is where nothing of Nest’s is named', async () => {
    await expect(called(Plain, instanceOf)).resolves.toBe('as it is');
  });

  it.each([Guarded, GuardedMethod, Piped, Parametrised])(
    'is Nest’s handler where something is: %p',
    async (controller) => {
      await expect(called(controller, instanceOf)).resolves.toBe('through Nest');
    },
  );

  it('is Nest’s handler where there is no instance, or one for each request', async () => {
    await expect(called(Plain)).resolves.toBe('through Nest');
    const scoped = () => {
      throw new Error('it is scoped');
    };
    await expect(called(Plain, scoped)).resolves.toBe('through Nest');
  });

  it('is nothing without @Serve', () => {
    expect(() => servedBy('segue.one.say', async () => '', undefined)).toThrow('segue.one.say is not served by @Serve');
  });
});
