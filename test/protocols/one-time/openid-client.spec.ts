import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  discovery,
  fetchProtectedResource,
  genericGrantRequest,
  None,
  ResponseBodyError,
  refreshTokenGrant,
} from 'openid-client';
import { Admin } from '../../support/admin.js';
import { Member } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const app = 'app of a portal, with: odd & ends';

/** The library as it is published: what it takes, any client of OAuth 2.0 takes. */
describe('openid-client', () => {
  let stack: Stack;
  let member: Member;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'password=1000/1m' } });
    const admin = new Admin(stack);
    const { clientId } = await Partner.register(admin);
    await Partner.register(admin);
    member = await Member.register(admin, clientId);
  }, startMs);
  afterAll(() => stack?.stop());

  /** Which client it is of stands in a header of ours; with a host of its own a portal needs none. */
  const named = (config: Configuration) => {
    allowInsecureRequests(config);
    config[customFetch] = (url, options) =>
      fetch(url, {
        ...options,
        headers: { ...options.headers, 'x-client-id': member.clientId },
      } as unknown as RequestInit);
    return config;
  };
  const configured = (clientId: string, authentication: ClientAuth) =>
    named(
      new Configuration(
        { issuer: stack.url, token_endpoint: `${stack.url}/api/token` },
        clientId,
        undefined,
        authentication,
      ),
    );
  const signIn = (config: Configuration, password = member.password) =>
    genericGrantRequest(config, 'password', { username: member.email, password });

  it.each([
    ['a public client', () => None()],
    ['client_secret_post', () => ClientSecretPost('none')],
    ['client_secret_basic', () => ClientSecretBasic('none')],
  ])('signs in and goes on as %s', async (_how, authentication) => {
    const config = configured(app, authentication());
    const first = await signIn(config);
    expect([first.token_type, first.expires_in]).toEqual(['bearer', 86_400]);
    const second = await refreshTokenGrant(config, first.refresh_token!);
    expect(second.refresh_token).not.toBe(first.refresh_token);

    const answer = await fetchProtectedResource(config, second.access_token, new URL(`${stack.url}/v1/session`), 'GET');
    expect(((await answer.json()) as { user: { userId: string } }).user.userId).toBe(member.userId);

    await expect(refreshTokenGrant(configured('another', None()), second.refresh_token!)).rejects.toThrow(
      ResponseBodyError,
    );
    expect((await refreshTokenGrant(config, second.refresh_token!)).token_type).toBe('bearer');
  });

  it('is told of errors as it expects them', async () => {
    const refused = await signIn(configured(app, None()), 'wrong horse battery').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ResponseBodyError);
    expect(refused).toMatchObject({
      status: 400,
      error: 'invalid_grant',
      error_description: 'The email or password is incorrect.',
    });
    await expect(genericGrantRequest(configured(app, None()), 'client_credentials', {})).rejects.toMatchObject({
      error: 'unsupported_grant_type',
    });
  });

  it('finds the token endpoint by itself', async () => {
    const config = named(
      await discovery(new URL(stack.url), app, undefined, None(), {
        algorithm: 'oauth2',
        execute: [allowInsecureRequests],
      }),
    );
    expect(config.serverMetadata().token_endpoint).toBe(`${stack.url}/api/token`);
    expect((await signIn(config)).access_token).toEqual(expect.any(String));
  });
});
