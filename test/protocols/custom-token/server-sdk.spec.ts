import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Account, AppwriteException, Client, ID, Users } from 'node-appwrite';
import { Admin } from '../../support/admin.js';
import { eventually } from '../../support/eventually.js';
import { Project } from '../../support/project.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

/** What the SDK makes of a refusal. */
async function refusal(of: Promise<unknown>): Promise<{ code: number; type: string; message: string }> {
  try {
    await of;
  } catch (error) {
    if (error instanceof AppwriteException) return { code: error.code, type: error.type, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('node-appwrite, as it is published', () => {
  let stack: Stack;
  let project: Project;

  beforeAll(async () => {
    stack = await startStack();
    project = await Project.register(new Admin(stack));
  }, startMs);
  afterAll(() => stack?.stop());

  const client = () => new Client().setEndpoint(`${stack.url}/v1`).setProject(project.clientId);
  const backend = () => client().setKey(project.key);

  it('signs a user in from the server, and goes on with the session and with a JWT', async () => {
    const users = new Users(backend());
    const created = await users.create({ userId: ID.unique(), email: 'ada@example.com', name: 'Ada' });
    expect(created).toMatchObject({ name: 'Ada', email: 'ada@example.com', status: true });
    expect(await users.get({ userId: created.$id })).toMatchObject({ $id: created.$id });

    const token = await users.createToken({ userId: created.$id });
    expect(token.secret).toMatch(/^[0-9a-f]{6}$/);
    const session = await new Account(backend()).createSession({ userId: created.$id, secret: token.secret });
    expect(session).toMatchObject({ userId: created.$id, provider: 'token', factors: ['token'], current: true });

    const account = new Account(client().setSession(session.secret));
    expect(await account.get()).toMatchObject({ $id: created.$id, name: 'Ada' });
    expect((await account.listSessions()).sessions.map(({ $id }) => $id)).toEqual([session.$id]);
    expect(await account.getSession({ sessionId: 'current' })).toMatchObject({ $id: session.$id });

    const { jwt } = await account.createJWT();
    const byJwt = new Account(client().setJWT(jwt));
    expect(await byJwt.get()).toMatchObject({ $id: created.$id });
    const { jwt: ofBackend } = await users.createJWT({ userId: created.$id, duration: 60 });
    expect(await new Account(client().setJWT(ofBackend)).get()).toMatchObject({ $id: created.$id });

    await account.deleteSession({ sessionId: 'current' });
    const guest = { code: 401, type: 'general_unauthorized_scope', message: expect.stringContaining('role: guests') };
    expect(await refusal(account.get())).toEqual(guest);
    const dead = await eventually(
      () => byJwt.get().then(() => null, refused),
      (answer) => answer !== null,
    );
    expect(dead).toEqual({ code: 401, type: 'user_jwt_invalid' });
  });

  it('signs out everywhere', async () => {
    await project.addUser('everywhere');
    const sessions = [await project.signIn('everywhere'), await project.signIn('everywhere')];
    const accounts = sessions.map(({ secret }) => new Account(client().setSession(secret)));
    await accounts[0]!.deleteSessions();
    for (const account of accounts) expect(await refusal(account.get())).toMatchObject({ code: 401 });
  });

  it('signs out with a JWT', async () => {
    await project.addUser('by-jwt');
    const [first, second] = [await project.signIn('by-jwt'), await project.signIn('by-jwt')];
    const { jwt } = await new Account(client().setSession(first.secret)).createJWT({ duration: 60 });
    const byJwt = new Account(client().setJWT(jwt));
    await byJwt.deleteSession({ sessionId: second.$id });
    await byJwt.deleteSession({ sessionId: 'current' });
    for (const { secret } of [first, second])
      expect(await refusal(new Account(client().setSession(secret)).get())).toMatchObject({ code: 401 });
  });

  it('goes by the cookie that a browser brought to a server', async () => {
    await project.addUser('cookie');
    const { secret } = await project.signIn('cookie');
    const cookie = `a_session_${project.clientId}=${encodeURIComponent(secret)}`;
    expect(await new Account(client().setCookie(cookie)).get()).toMatchObject({ $id: 'cookie' });
  });

  it('pings', async () => {
    expect(await client().ping()).toMatchObject({ message: 'Pong!' });
  });

  it('reads every refusal by its type', async () => {
    const users = new Users(backend());
    await users.create({ userId: 'there' });
    const found = await Promise.all([
      refusal(users.create({ userId: 'there' })),
      refusal(users.get({ userId: 'nobody' })),
      refusal(users.createToken({ userId: 'there', length: 4 })),
      refusal(new Account(client()).createSession({ userId: 'there', secret: 'abcdef' })),
      refusal(new Users(client()).get({ userId: 'there' })),
      refusal(new Users(backend().setProject('nonexistent')).get({ userId: 'there' })),
      refusal(users.list()),
      refusal(users.getPrefs({ userId: 'there' })),
      refusal(new Account(client().setJWT('nonsense')).get()),
    ]);
    expect(found.map(({ code, type }) => `${code} ${type}`)).toEqual([
      '409 user_already_exists',
      '404 user_not_found',
      '400 general_argument_invalid',
      '401 user_invalid_token',
      '401 general_unauthorized_scope',
      '404 project_not_found',
      '405 general_bad_request',
      '404 general_route_not_found',
      '401 user_jwt_invalid',
    ]);
    for (const { message } of found) expect(message).not.toMatch(/[{}]/);
  });
});

function refused({ code, type }: AppwriteException) {
  return { code, type };
}
