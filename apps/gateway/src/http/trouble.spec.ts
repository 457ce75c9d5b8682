import { describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  InternalServerErrorException,
  MethodNotAllowedException,
  NotFoundException,
} from '@nestjs/common';
import { Fault, type FaultCode, faults } from '#contracts/fault';
import { troubleOf } from './trouble.js';

describe('what the outside sees of a failure', () => {
  it.each(Object.keys(faults) as FaultCode[])('%s has a status of its kind and no other news', (code) => {
    const trouble = troubleOf(new Fault(code, { cause: new Error('secret reason') }));
    expect(JSON.stringify(trouble)).not.toContain('secret reason');
    expect(trouble?.code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(trouble?.status).toBe(
      {
        invalid: 400,
        denied: 401,
        forbidden: 403,
        missing: 404,
        conflict: 409,
        limited: 429,
        internal: 500,
        unavailable: 503,
      }[faults[code].kind],
    );
    expect(trouble?.outcome !== undefined).toBe(trouble?.status === 503);
  });

  it('keeps the detail that is meant to be shown', () => {
    expect(troubleOf(new Fault('request.invalid', { detail: 'name: too long' }))?.detail).toBe('name: too long');
  });

  it.each([
    [new NotFoundException('Cannot GET /x?userToken=secret'), 404, 'route_missing'],
    [new BadRequestException('Unexpected token s in JSON'), 400, 'request_invalid'],
    [new MethodNotAllowedException('secret'), 405, 'method_not_allowed'],
  ])('says of the framework’s refusals only what they are', (error, status, code) => {
    const trouble = troubleOf(error);
    expect(trouble).toMatchObject({ status, code });
    expect(JSON.stringify(trouble)).not.toMatch(/secret|Cannot|token/);
  });

  it.each([new Error('x'), new InternalServerErrorException(), 'x', null, undefined])('knows a bug: %p', (error) => {
    expect(troubleOf(error)).toBeNull();
  });
});
