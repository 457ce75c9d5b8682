import { request as send } from 'node:http';
import { userToken } from '../flow.mjs';

/**
 * Registers a client and gives what its flows need. Everything goes over HTTP, as an operator and a partner would.
 * @param {{ url: string, adminKey: string, users: number }} options `users`: how many are signed in beforehand (F3)
 * @returns {Promise<{ clientId: string, linkSecret: string, apiKey: string, accessTokens: string[] }>}
 */
export async function prepare({ url, adminKey, users }) {
  const admin = { authorization: `Bearer ${adminKey}` };
  const portal = 'https://portal.example.com';
  const { clientId, linkSecret } = await post(
    `${url}/v1/admin/clients`,
    {
      name: 'Bench',
      // A token is to outlive the run it is used in.
      settings: { landingUrl: '/home', redirectUrls: [`${portal}/start`], lifetimes: { apiLink: { access: 86_400 } } },
    },
    admin,
  );
  const { key: apiKey } = await post(
    `${url}/v1/admin/clients/${clientId}/api-keys`,
    { name: 'bench', kind: 'private', scopes: ['sessions.write', 'tokens.issue'] },
    admin,
  );

  const accessTokens = [];
  for (let index = 0; index < users; index++) {
    const token = userToken(linkSecret.secret, `user${index}`, 0);
    const query = new URLSearchParams({ clientId, userToken: token, callbackPath: `${portal}/start` });
    const location = await landing(`${url}/api/link?${query}`);
    const code = new URL(location).searchParams.get('code');
    const claimed = await post(`${url}/v1/session/claim`, { code }, { authorization: `Bearer ${apiKey}` });
    accessTokens.push(claimed.accessToken);
  }
  return { clientId, linkSecret: linkSecret.secret, apiKey, accessTokens };
}

async function post(url, body, headers) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** `fetch` would tell us nothing of a redirect's target. */
function landing(url) {
  return new Promise((resolve, reject) => {
    send(url, (answer) => {
      answer.resume();
      if (answer.statusCode === 303) resolve(answer.headers.location);
      else reject(new Error(`the link answered ${answer.statusCode}`));
    })
      .on('error', reject)
      .end();
  });
}
