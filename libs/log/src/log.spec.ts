import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { newCall, traceId, withCall } from '#bus/call';
import { Secret } from '#env/secret';
import { createLog } from './log.js';

function listening(level: 'info' | 'debug' = 'info') {
  const written: string[] = [];
  const log = createLog({ service: 'spec', level, write: (line) => written.push(line) });
  return { log, written, lines: () => written.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('writes one JSON object a line: level, time, service, message, fields', () => {
    const { log, written } = listening();
    log.info('serving', { port: 8080 });
    expect(written[0]?.endsWith('}\n')).toBe(true);
    expect(JSON.parse(written[0]!)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      service: 'spec',
      msg: 'serving',
      port: 8080,
    });
  });

  it('leaves out what is less severe than its level', () => {
    const { log, written } = listening();
    log.debug('detail');
    expect(written).toEqual([]);
  });

  it('names the trace of the call a line belongs to', () => {
    const { log, lines } = listening();
    const call = newCall(0, 1_000);
    withCall(call, () => log.info('inside'));
    log.info('outside');
    expect(lines().map(({ trace }) => trace)).toEqual([traceId(call), undefined]);
  });

  it.each([
    'authorization',
    'cookie',
    'Set-Cookie',
    'set_cookie',
    'secret',
    'linkSecret',
    'password',
    'userToken',
    'refresh_token',
    'apiKey',
    'ADMIN_KEY',
    'SEAL_KEYS',
    'pepper',
    'email',
    'totp',
    'anonymousHandle',
  ])('withholds a field called %s, however deep', (name) => {
    const { log, written } = listening();
    log.info('line', { [name]: 'hush-1', request: { headers: [{ [name]: 'hush-2', inner: { [name]: ['hush-3'] } }] } });
    expect(written[0]).not.toContain('hush');
    expect(written[0]).toContain('[withheld]');
  });

  it('keeps ids, which are no secrets', () => {
    const { log, lines } = listening();
    log.info('line', { secretId: 'abc', keyId: 'def', sessionId: 'ghi' });
    expect(lines()[0]).toMatchObject({ secretId: 'abc', keyId: 'def', sessionId: 'ghi' });
  });

  it('shows of an error only type, message, code, stack and cause', () => {
    const { log, lines } = listening();
    const cause = Object.assign(new Error('the pool is full'), { parameters: ['hush'] });
    const err = Object.assign(new TypeError('broken', { cause }), { code: '23505', command: { args: ['hush'] } });
    log.error('failed', { err });
    expect(lines()[0].err).toEqual({
      type: 'TypeError',
      message: 'broken',
      code: '23505',
      stack: expect.stringContaining('log.spec'),
      cause: { type: 'Error', message: 'the pool is full', stack: expect.any(String) },
    });
  });

  it('cuts our credentials, JWTs and passwords in URLs out of any text', () => {
    const { log, written } = listening();
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiIxIn0.c2lnbmF0dXJl';
    log.info(`GET /api/link?userToken=${jwt}`, {
      path: '/x?k=segue_sk_acmeacme_abc_hush',
      err: new Error('cannot reach postgres://segue:hush@db/segue'),
      uri: 'otpauth://totp/Segue:ann?issuer=Segue&secret=hush',
      row: { hash: '$argon2id$v=19$m=19456,t=2,p=1$hush$hush' },
    });
    expect(written[0]).not.toContain('hush');
    expect(written[0]).not.toContain(jwt);
    expect(written[0]).toContain('segue_sk_[withheld]');
    expect(() => JSON.parse(written[0]!)).not.toThrow();
  });

  it('prints no Secret and survives cycles', () => {
    const { log, written } = listening();
    const cycle: Record<string, unknown> = { config: { NATS_URL: new Secret('hush') } };
    cycle['self'] = cycle;
    log.info('line', cycle);
    expect(written[0]).toContain('[secret]');
    expect(written[0]).not.toContain('hush');
  });

  it("writes Nest's own lines, its chatter as debug", () => {
    const { log, lines } = listening('debug');
    Logger.overrideLogger(log.forNest());
    try {
      new Logger('Router').log('mapped');
      new Logger('Router').error(new RangeError('odd'));
      new Logger('Router').error('failed', 'Error: failed\n    at somewhere');
    } finally {
      Logger.overrideLogger(true);
    }
    expect(lines()).toEqual([
      expect.objectContaining({ level: 'debug', msg: 'mapped', context: 'Router' }),
      expect.objectContaining({ level: 'error', msg: 'odd', err: expect.objectContaining({ type: 'RangeError' }) }),
      expect.objectContaining({
        level: 'error',
        msg: 'failed',
        context: 'Router',
        stack: expect.stringContaining('somewhere'),
      }),
    ]);
  });
});
